"""Detect which tool manages an environment on this machine, so that advice uses that tool."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from contexta.contract.environment import EnvironmentSnapshot
from contexta.findings.past_runs import CondaPackage, Installation, Tool
from contexta.reproduce.uv.commands import find_uv, python_in
from contexta.reproduce.uv.error_messages import UvError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_CONDA_FILE = re.compile(r"(?P<channel>.+)/[^/]+/(?P<name>[^/]+)-[^-/]+-[^-/]+(?:\.conda|\.tar\.bz2)\Z")
_PUBLIC_CHANNEL = re.compile(r"https://conda\.anaconda\.org/([^/]+)\Z")
_DEFAULT_CHANNEL = "repo.anaconda.com"
_LOCKS: Mapping[Tool, str] = {"poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile"}


def installation_of(snapshot: EnvironmentSnapshot | None, metadata: Mapping[str, Any]) -> Installation:
    """The environment of a recorded run if it still exists on this machine, otherwise that of its command.

    metadata: of the run, with its directory and its command.
    """
    prefix = snapshot.interpreter.get("prefix") if snapshot is not None else None
    if snapshot is None or not isinstance(prefix, str) or not python_in(Path(prefix)).exists():
        command = metadata.get("command")
        return current_installation([str(word) for word in command] if isinstance(command, list | tuple) else [])
    conda = dict(_conda_packages(snapshot))
    installers = {str(package.installer or "").lower().partition(" ")[0] for package in snapshot.distributions}
    has_pip = any(package.name == "pip" for package in snapshot.distributions)
    return _with_uv(_installation(Path(prefix), installers, has_pip=has_pip, conda=conda, started=_started(metadata)))


def current_installation(command: Sequence[str]) -> Installation:
    """The environment that a command line would use here: that of its interpreter, the activated one, ``.venv``."""
    named = Path(command[0]) if command else Path()
    candidates = [named.parent.parent] if len(named.parts) > 1 and named.name.startswith("python") else []
    candidates += [Path(os.environ[name]) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.environ.get(name)]
    candidates += [Path(".venv"), Path("venv")]
    installations = map(directory_installation, candidates)
    return next((installation for installation in installations if installation is not None), Installation())


def directory_installation(directory: Path) -> Installation | None:
    """The environment in a directory; None without one."""
    if not ((directory / "pyvenv.cfg").is_file() or (directory / "conda-meta").is_dir()):
        return None
    prefix = Path(os.path.abspath(directory))  # noqa: PTH100  # links in the path are kept, .. is not
    site = next(iter(sorted((prefix / "lib").glob("python3*/site-packages"))), prefix / "Lib" / "site-packages")
    installers = {_text(path).strip().lower().partition(" ")[0] for path in site.glob("*.dist-info/INSTALLER")}
    conda = dict(_conda_records(prefix))
    has_pip = (site / "pip").is_dir()
    return _with_uv(_installation(prefix, installers, has_pip=has_pip, conda=conda, started=Path.cwd()))


def lock_installation(lock: Path, command: Sequence[str]) -> Installation:
    """The environment of the project that a uv.lock belongs to; else ``current_installation``."""
    folder = lock.absolute().parent
    if lock.name != "uv.lock" or not (folder / "pyproject.toml").is_file():
        return current_installation(command)
    prefix = folder / ".venv"
    python = str(python_in(prefix)) if python_in(prefix).exists() else "python"
    return _with_uv(Installation("uv project", python, str(prefix), _unless_here(folder), _direct(folder)))


def _with_uv(installation: Installation) -> Installation:
    """Contexta may bring its own uv, which a shell does not find by name."""
    if shutil.which("uv") is not None:
        return installation
    try:
        return replace(installation, uv_program=find_uv().path)
    except UvError:
        return installation


def _installation(
    prefix: Path, installers: set[str], *, has_pip: bool, conda: Mapping[str, CondaPackage], started: Path | None
) -> Installation:
    python, at = str(python_in(prefix)), str(prefix)
    if (prefix / "conda-meta").is_dir():
        manifest = _pixi_manifest(prefix)
        if manifest is not None:
            return Installation("pixi", python, at, str(manifest), conda=conda)
        program = next((name for name in ("conda", "mamba", "micromamba") if shutil.which(name)), "conda")
        return Installation("conda", python, at, conda=conda, conda_program=program)
    made_by_uv = re.search(r"^uv\s*=", _text(prefix / "pyvenv.cfg"), re.MULTILINE) is not None
    if made_by_uv and (prefix.parent / "uv.lock").is_file() and (prefix.parent / "pyproject.toml").is_file():
        return Installation("uv project", python, at, _unless_here(prefix.parent), _direct(prefix.parent))
    pipenv_project = _text(prefix / ".project").strip()
    if pipenv_project and (Path(pipenv_project) / "Pipfile").is_file():
        return Installation("pipenv", python, at, _unless_here(Path(pipenv_project)))
    for tool, lock in _LOCKS.items():
        if tool in installers or (tool == "pipenv" and prefix.name == ".venv"):
            project = _project_with(lock, prefix, started, alone=tool == "pipenv")
            if project is not None:
                return Installation(tool, python, at, _unless_here(project), _direct(project))
    if made_by_uv or not has_pip:
        return Installation("uv", python, at)
    return Installation("pip", python, at)


def _project_with(lock: str, prefix: Path, started: Path | None, *, alone: bool) -> Path | None:
    """The nearest directory with a lock: the parent of the environment, or one above the start of the run."""
    above = [] if started is None or alone else [started, *started.parents]
    return next((folder for folder in (prefix.parent, *above) if (folder / lock).is_file()), None)


def _pixi_manifest(prefix: Path) -> Path | None:
    """prefix: ``PROJECT/.pixi/envs/NAME``."""
    if prefix.parent.name != "envs" or prefix.parent.parent.name != ".pixi":
        return None
    project = prefix.parent.parent.parent
    return next((project / name for name in ("pixi.toml", "pyproject.toml") if (project / name).is_file()), None)


def _conda_packages(snapshot: EnvironmentSnapshot) -> Iterator[tuple[str, CondaPackage]]:
    for package in snapshot.distributions:
        if package.origin.kind == "conda":
            match = _CONDA_FILE.match(package.origin.url or "")
            if match is None:
                yield package.name, CondaPackage(package.name)
            else:
                yield package.name, CondaPackage(match["name"], _channel(match["channel"]))


def _conda_records(prefix: Path) -> Iterator[tuple[str, CondaPackage]]:
    for path in (prefix / "conda-meta").glob("*-*-*.json"):
        name = path.stem.rsplit("-", 2)[0]
        yield canonicalize_name(name), CondaPackage(name)


def _channel(address: str) -> str | None:
    """None for conda's own channels, which need no name."""
    if _DEFAULT_CHANNEL in address:
        return None
    public = _PUBLIC_CHANNEL.match(address)
    return public[1] if public else address


def _started(metadata: Mapping[str, Any]) -> Path | None:
    source, invocation = metadata.get("source"), metadata.get("invocation")
    if isinstance(source, Mapping) and isinstance(source.get("root"), str):
        return Path(source["root"], str(source.get("directory", ".")))
    if isinstance(invocation, Mapping) and isinstance(invocation.get("directory"), str):
        return Path(invocation["directory"])
    return None


def _direct(project: Path) -> frozenset[str]:
    """The direct dependencies of a pyproject.toml."""
    try:
        table = tomllib.loads(_text(project / "pyproject.toml"))
    except tomllib.TOMLDecodeError:
        return frozenset()
    names = []
    for line in table.get("project", {}).get("dependencies", ()):
        try:
            names.append(Requirement(line).name)
        except (InvalidRequirement, TypeError):
            continue
    names += table.get("tool", {}).get("poetry", {}).get("dependencies", {})
    return frozenset(canonicalize_name(str(name)) for name in names)


def _unless_here(folder: Path) -> str | None:
    return None if folder.resolve() == Path.cwd().resolve() else str(folder)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
