"""Values of a reconstruction: the moment, evidence about packages, and open requirements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from contexta.findings.reproduction import Confidence

PYTHON = "python"
"""The name of the interpreter among packages."""

_LINE = re.compile(r":\d+(?: at [0-9a-f]{9})?\Z")

Event = Literal["present", "installed", "removed"]


@dataclass(frozen=True)
class PointInTime:
    """The time that an environment is reconstructed for. A date covers its whole day."""

    earliest: datetime
    latest: datetime
    text: str
    """How the user named it."""
    commit: str | None = None
    """The commit that the user named."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace:
    """A trace of one version of a package."""

    package: str
    """Normalised; ``python`` for the interpreter."""
    version: str
    where: str
    """The file, with a line or a commit."""
    when: datetime
    kind: Confidence = "observed"
    event: Event = "present"
    """``removed``: it was present until then. ``installed``: it was present from then on."""
    is_named: bool = False
    """Whether the user named the file, so that its date does not rule it out."""
    is_pin: bool = False
    """Whether the file requires this version. Otherwise it says that the version was installed."""
    is_dated: bool = False
    """Whether its content gives the date, and not the modification time of the file."""

    @property
    def file(self) -> str:
        """The place without the number of the line."""
        return _LINE.sub("", self.where)


@dataclass(frozen=True)
class UnpinnedRequirement:
    """A requirement without an exact version, such as ``pandas>=2`` in requirements.in."""

    line: str
    where: str

    @property
    def name(self) -> str:
        return canonicalize_name(Requirement(self.line).name)


@dataclass(frozen=True)
class Traces:
    """Everything that documents say about an environment."""

    evidence: tuple[Trace, ...] = ()
    unpinned: tuple[UnpinnedRequirement, ...] = ()
    """What was required without an exact version; of ``python``: the allowed versions."""
    notes: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    """Options of requirements files that name indexes, such as ``--extra-index-url URL``."""

    @classmethod
    def joined(cls, parts: Iterable[Traces]) -> Traces:
        parts = list(parts)
        return cls(
            tuple(item for part in parts for item in part.evidence),
            tuple(dict.fromkeys(requirement for part in parts for requirement in part.unpinned)),
            tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            tuple(dict.fromkeys(option for part in parts for option in part.indexes)),
        )


@dataclass(frozen=True)
class Document:
    """A file at a point in time."""

    name: str
    """Its path relative to the project, with ``/``."""
    content: bytes
    when: datetime
    commit: str | None = None
    """The commit that it was read from; None for the file on disk."""
    is_named: bool = False
    is_late: bool = False
    """Whether it is dated after the moment, and the user did not name it."""
    markers: Mapping[str, str] | None = None
    """The PEP 508 environment of the interpreter; None while it is not known."""
    others: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    """The contents of all documents, by name: it may include some."""

    @property
    def text(self) -> str:
        encoding = "utf-16" if self.content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        return self.content.decode(encoding, "replace")

    def where(self, line: int | None = None) -> str:
        place = self.name if line is None else f"{self.name}:{line}"
        return place if self.commit is None else f"{place} at {self.commit[:9]}"

    def evidence(
        self,
        package: str,
        version: str,
        line: int | None = None,
        when: datetime | None = None,
        event: Event = "present",
    ) -> Trace | None:
        """A trace in this document; None for a name or version that its standard does not allow."""
        try:
            Version(version)
            Requirement(package)
        except (InvalidVersion, InvalidRequirement):
            return None
        name = canonicalize_name(package)
        is_dated = when is not None
        return Trace(
            name, version, self.where(line), when or self.when, event=event, is_named=self.is_named, is_dated=is_dated
        )


def collected(*items: Trace | None) -> tuple[Trace, ...]:
    return tuple(item for item in items if item is not None)


def exact_version(requirement: Requirement) -> str | None:
    """The version of ``name==1.0`` or ``name===1.0``; None where another could fit."""
    specifiers: Sequence[Specifier] = list(requirement.specifier)
    if len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and "*" not in specifiers[0].version:
        return specifiers[0].version
    return None
