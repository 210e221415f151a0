"""The environment of a run: distributions, their origins, the interpreter and the machine.

``packages`` (name -> version, written by hand) and ``distributions`` (captured by the recorder) describe the same
packages. Without ``packages`` they are derived from ``distributions``; with both, the two must agree.
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

# The rule of the core metadata specification, and names of conda like _libgcc_mutex.
_PROJECT_NAME = re.compile(r"_?[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?\Z", re.IGNORECASE | re.ASCII)


def _package_name(value: Any) -> Any:
    if not isinstance(value, str) or not _PROJECT_NAME.match(value) or len(value) > 250:
        raise InvalidInput(
            f"{shown(value)} is not a package name", hint="use letters, digits and inner . _ - as in scikit-learn"
        )
    return value


@lru_cache(maxsize=16_384)  # environments share most of their packages
def normal_name(name: str) -> str:
    """The name of a package, normalised by PEP 503. Raises InvalidInput for an invalid name."""
    return canonicalize_name(_package_name(name))


PackageName = Annotated[str, BeforeValidator(_package_name)]

UNKNOWN = "unknown"
"""The Python version or the platform of an environment that does not have it on record. It equals no other value, and
differs from none."""

OriginKind = Literal["index", "vcs", "directory", "editable", "archive", "conda", "unknown"]


class Origin(Value):
    """The source of an installed distribution (PEP 610, direct_url.json). ``url`` never contains credentials."""

    kind: OriginKind = "unknown"
    url: Location | None = None
    commit: Name | None = None
    dirty: bool | None = None
    subdirectory: Location | None = None
    digest: Name | None = None


# Built without validation: the first validated value builds the validator of its model, which is slow.
NO_ORIGIN = Origin.model_construct(kind="unknown", url=None, commit=None, dirty=None, subdirectory=None, digest=None)


class Distribution(Value):
    """One installed distribution."""

    name: PackageName
    """Normalised by PEP 503."""
    version: Name
    display_name: PackageName | None = None
    """The name before normalisation, if it differs."""
    installer: Name | None = None
    requested: bool | None = None
    """Whether it was installed by name, not as a dependency (PEP 376 REQUESTED); None if unknown."""
    requires: tuple[Text, ...] = ()
    """The lines of Requires-Dist."""
    origin: Origin = NO_ORIGIN
    build: Name | None = None
    """The sha256 in hex of the wheel's own entries in RECORD, which identifies the files; None if unknown."""

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, fields: Any) -> Any:
        if isinstance(fields, Mapping) and isinstance(fields.get("name"), str):
            normal = canonicalize_name(fields["name"])
            if normal != fields["name"]:
                return {"display_name": fields["name"], **fields, "name": normal}
        return fields


class Note(Value):
    """Something that could not be captured or was changed, with the reason."""

    topic: Name
    text: Text


class EnvironmentSnapshot(Value):
    """The environment of one run.

    Raises InvalidInput if a package has two versions, or if ``packages`` and ``distributions`` disagree.
    """

    environment_snapshot_ref: EnvironmentRef
    run_ref: RunRef
    captured_at: Timestamp
    python_version: Name
    """``UNKNOWN`` if it was not recorded."""
    platform: Name
    """A short name like ``linux``, or the name that the recorder captured. ``UNKNOWN`` if it was not recorded."""
    packages: TextMap = Field(default_factory=FrozenDict)
    environment_variables: TextMap = Field(default_factory=FrozenDict)
    distributions: tuple[Distribution, ...] = ()
    interpreter: JsonMap = Field(default_factory=FrozenDict)
    """Captured facts, by name; empty if written by hand."""
    machine: JsonMap = Field(default_factory=FrozenDict)
    native_libraries: tuple[JsonMap, ...] = ()
    """The numeric libraries in the process at the end of the run."""
    imports: JsonMap | None = None
    """``{"distributions": {name: [top-level module, ...]}, "own": [{"module", "path"}, ...]}``; None if unknown."""
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


def same_version(left: str | None, right: str | None) -> bool:
    """Whether two versions are equal by PEP 440 (1.0 is 1.0.0, 2.1.0+cu118 is not 2.1.0), or else as text.

    None, for a missing package, equals only None.
    """
    if left == right:
        return True
    if left is None or right is None:
        return False
    try:
        return Version(left) == Version(right)
    except InvalidVersion:
        return False


def _one_version_each(packages: Mapping[str, str]) -> dict[str, str]:
    """Normalised name -> version."""
    first_spellings: dict[str, tuple[str, str]] = {}
    for name, version in packages.items():
        normal = normal_name(name)
        if not version.strip() or len(version) > 250:
            raise InvalidInput(f"package {name} has version {shown(version)}", hint="give the installed version")
        if normal in first_spellings and not same_version(first_spellings[normal][1], version):
            other, other_version = first_spellings[normal]
            raise InvalidInput(
                f"package {normal} is named twice: {other} {other_version} and {name} {version}",
                hint="keep the version that was installed",
            )
        first_spellings.setdefault(normal, (name, version))
    return {normal: version for normal, (_, version) in first_spellings.items()}


def _one_version_each_captured(distributions: tuple[Distribution, ...]) -> dict[str, str]:
    captured: dict[str, str] = {}
    for distribution in distributions:
        name, version = distribution.name, distribution.version
        if name in captured:
            raise InvalidInput(
                f"distribution {name} is listed twice: {captured[name]} and {version}",
                hint="list the one that comes first on sys.path",
            )
        captured[name] = version
    return captured


def _require_agreement(by_hand: Mapping[str, str], captured: Mapping[str, str]) -> None:
    for name in sorted({*by_hand, *captured}):
        left, right = by_hand.get(name), captured.get(name)
        if left is None or right is None or not same_version(left, right):
            raise InvalidInput(
                f"packages says {name} is {left or 'absent'}, distributions says {right or 'absent'}",
                hint="omit packages: it is derived from distributions",
            )


def _first_spellings(packages: Mapping[str, str]) -> dict[str, str]:
    """The packages without a second spelling of a name."""
    first: dict[str, tuple[str, str]] = {}
    for name, version in packages.items():
        first.setdefault(normal_name(name), (name, version))
    return dict(first.values())
