"""Read the packages of an environment, and require that they are the intended packages."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from contexta.contract.environment import same_version
from contexta.core.errors import ContextaError
from contexta.reproduce.launch.confirmation import import_names
from contexta.reproduce.uv.commands import Uv

_NAMED = 5  # packages in one message


class EnvironmentChanged(ContextaError):
    """An environment does not contain the packages that it was built from."""


@dataclass(frozen=True)
class Package:
    """One installed package.

    files: paths relative to the environment, bytecode included. modules: names that are surely imported from it (see
    ``import_names``).
    """

    name: str
    version: str
    files: tuple[str, ...]
    requires: tuple[str, ...]
    requires_python: str
    modules: frozenset[str] = frozenset()


@lru_cache(maxsize=64)
def packages_in(environment: Path) -> Mapping[str, Package]:
    """The packages of a cached environment, by normalised name. Its path names one build for good: read once."""
    site = site_packages(environment)
    inside = f"{site.relative_to(environment)}{os.sep}"
    bytecode: dict[Path, list[str]] = {}
    packages: dict[str, Package] = {}
    for distribution in distributions(path=[str(site)]):
        name: str = canonicalize_name(distribution.metadata["Name"])
        files = tuple(dict.fromkeys(_files(environment, site, distribution, bytecode)))
        top_levels = {file.removeprefix(inside).partition(os.sep)[0] for file in files if file.startswith(inside)}
        packages[name] = Package(
            name=name,
            version=distribution.version,
            files=files,
            modules=import_names(name, top_levels),
            requires=tuple(distribution.requires or ()),
            requires_python="".join((distribution.metadata.get_all("Requires-Python") or [])[:1]),
        )
    return packages


def site_packages(environment: Path) -> Path:
    """Raises ValueError for a directory that is not an environment."""
    directories = [*environment.glob("lib/python3*/site-packages"), *environment.glob("Lib/site-packages")]
    if not directories:
        raise ValueError(f"{environment} is not an environment any more")
    return directories[0]


def _files(environment: Path, site: Path, distribution: Distribution, bytecode: dict[Path, list[str]]) -> Iterator[str]:
    """The files in RECORD, and their bytecode, which RECORD does not list. bytecode: of each directory read."""
    for entry in distribution.files or ():
        path = Path(os.path.normpath(site / entry))
        if environment not in path.parents or not path.is_file():
            continue  # outside the environment, or removed: it cannot be linked
        yield str(path.relative_to(environment))
        if path.suffix == ".py":
            directory = path.parent / "__pycache__"
            if directory not in bytecode:
                bytecode[directory] = [entry.name for entry in directory.iterdir()] if directory.is_dir() else []
            yield from (
                str((directory / name).relative_to(environment))
                for name in bytecode[directory]
                if name.startswith(f"{path.stem}.")
            )


def require_pins(uv: Uv, environment: Path, pins: Mapping[str, str], any_version: Collection[str] = ()) -> None:
    """Raises EnvironmentChanged unless an environment holds exactly these packages, as uv reads it.

    any_version: further packages that may be there.
    """
    installed = {name: version for name, version in uv.installed(environment).items() if name not in any_version}
    wrong = [
        f"{name} is {installed.get(name, 'absent')}, not {pins.get(name, 'absent')}"
        for name in sorted({*installed, *pins})
        if name not in installed or name not in pins or not same_version(installed[name], pins[name])
    ]
    if wrong:
        raise EnvironmentChanged(f"the environment at {environment} is not as intended: {', '.join(wrong[:_NAMED])}")
