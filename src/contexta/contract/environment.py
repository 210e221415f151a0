"""What a run ran on.

``packages`` (name to version, as a person writes it) and ``distributions`` (as the recorder captures them) are two
views of one thing: give one and the other side of the comparison is derived; give both and they must agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import Self

from contexta.contract.fields import (
    EnvironmentRef,
    FrozenDict,
    JsonMap,
    Location,
    Name,
    RunRef,
    Text,
    TextMap,
    Timestamp,
    require_below,
)
from contexta.core.errors import InvalidInput, shown
from contexta.core.model import Value

# The name rule of the core metadata specification; conda also has names like _libgcc_mutex
_PROJECT_NAME = re.compile(r"_?[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?\Z", re.IGNORECASE | re.ASCII)


def _package_name(given: Any) -> Any:
    if not isinstance(given, str) or not _PROJECT_NAME.match(given) or len(given) > 250:
        raise InvalidInput(
            f"{shown(given)} is no package name", hint="letters, digits and inner . _ - as in scikit-learn"
        )
    return given


@lru_cache(maxsize=16_384)  # environments have most of their packages in common
def normal_name(name: str) -> str:
    """A package's name normalised by PEP 503. Raises InvalidInput for what is no such name."""
    return canonicalize_name(_package_name(name))


PackageName = Annotated[str, BeforeValidator(_package_name)]

OriginKind = Literal["index", "vcs", "directory", "editable", "archive", "conda", "unknown"]


class Origin(Value):
    """Where an installed distribution came from (PEP 610, direct_url.json); credentials are never in ``url``."""

    kind: OriginKind = "unknown"
    url: Location | None = None
    commit: Name | None = None
    dirty: bool | None = None
    subdirectory: Location | None = None
    digest: Name | None = None


# Not checked, as there is nothing to check: the first value that is checked costs the building of its model.
NO_ORIGIN = Origin.model_construct(kind="unknown", url=None, commit=None, dirty=None, subdirectory=None, digest=None)


class Distribution(Value):
    """One installed distribution.

    name: normalised by PEP 503. requires: its Requires-Dist lines as written.
    build: sha256 in hex of what its RECORD file says of the wheel's own files (not of scripts and caches made where it
    was installed), so that the same version from other bytes is told apart; None if unknown.
    requested: whether it was asked for by name (PEP 376 REQUESTED), None where that was not recorded.
    """

    name: PackageName
    version: Name
    display_name: PackageName | None = None
    installer: Name | None = None
    requested: bool | None = None
    requires: tuple[Text, ...] = ()
    origin: Origin = NO_ORIGIN
    build: Name | None = None

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and isinstance(given.get("name"), str):
            normal = canonicalize_name(given["name"])
            if normal != given["name"]:
                return {"display_name": given["name"], **given, "name": normal}
        return given


class Note(Value):
    """Something that could not be captured or was adjusted, and why."""

    topic: Name
    text: Text


class EnvironmentSnapshot(Value):
    """The environment of one run.

    platform: as a person would name it ("linux") or as the recorder captured it.
    interpreter, machine: what the recorder captured about them, by name; empty when written by hand.
    native_libraries: the numeric libraries that were loaded at the end of the run.
    imports: ``{"distributions": {name: [top-level module, ...]}, "own": [{"module", "path"}, ...]}`` as of the last
    look; None where nobody looked.
    Raises InvalidInput when a package is named twice with different versions, or the two views disagree.
    """

    environment_snapshot_ref: EnvironmentRef
    run_ref: RunRef
    captured_at: Timestamp
    python_version: Name
    platform: Name
    packages: TextMap = Field(default_factory=FrozenDict)
    environment_variables: TextMap = Field(default_factory=FrozenDict)
    distributions: tuple[Distribution, ...] = ()
    interpreter: JsonMap = Field(default_factory=FrozenDict)
    machine: JsonMap = Field(default_factory=FrozenDict)
    native_libraries: tuple[JsonMap, ...] = ()
    imports: JsonMap | None = None
    notes: tuple[Note, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        require_below(self.environment_snapshot_ref, self.run_ref, "environment_snapshot_ref", "run_ref")
        by_hand = _one_version_each(self.packages)
        captured = _one_version_each_captured(self.distributions)
        if captured and not by_hand:
            object.__setattr__(self, "packages", FrozenDict(captured))
        elif captured:
            _require_agreement(by_hand, captured)
        elif len(by_hand) != len(self.packages):
            object.__setattr__(self, "packages", FrozenDict(_first_spellings(self.packages)))
        return self


def same_version(left: str, right: str) -> bool:
    """Whether two versions are one by PEP 440 (1.0 is 1.0.0, 2.1.0+cu118 is not 2.1.0); else compared as text."""
    if left == right:
        return True
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return False


def _one_version_each(packages: Mapping[str, str]) -> dict[str, str]:
    """Normalised name -> version."""
    seen: dict[str, tuple[str, str]] = {}
    for name, version in packages.items():
        normal = normal_name(name)
        if not version.strip() or len(version) > 250:
            raise InvalidInput(f"package {name} has version {shown(version)}", hint="give the installed version")
        if normal in seen and not same_version(seen[normal][1], version):
            other, other_version = seen[normal]
            raise InvalidInput(
                f"package {normal} is named twice: {other} {other_version} and {name} {version}",
                hint="keep the version that was installed",
            )
        seen.setdefault(normal, (name, version))
    return {normal: version for normal, (_, version) in seen.items()}


def _one_version_each_captured(distributions: tuple[Distribution, ...]) -> dict[str, str]:
    captured: dict[str, str] = {}
    for found in distributions:
        if found.name in captured:
            raise InvalidInput(
                f"distribution {found.name} is listed twice: {captured[found.name]} and {found.version}",
                hint="list the one that comes first on sys.path",
            )
        captured[found.name] = found.version
    return captured


def _require_agreement(by_hand: Mapping[str, str], captured: Mapping[str, str]) -> None:
    for name in sorted({*by_hand, *captured}):
        left, right = by_hand.get(name), captured.get(name)
        if left is None or right is None or not same_version(left, right):
            raise InvalidInput(
                f"packages says {name} is {left or 'absent'}, distributions says {right or 'absent'}",
                hint="leave packages out: it is derived from distributions",
            )


def _first_spellings(packages: Mapping[str, str]) -> dict[str, str]:
    kept: dict[str, tuple[str, str]] = {}
    for name, version in packages.items():
        kept.setdefault(normal_name(name), (name, version))
    return dict(kept.values())
