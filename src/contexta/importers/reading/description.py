"""The description of a run that another tool recorded, and the Protocol of the readers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from contexta.core.validation import MAX_DIGITS

EndedStatus = Literal["completed", "failed", "cancelled", "crashed"]
LATEST = 253_402_300_799_000_000  # the year 9999, in microseconds since 1970
_LARGEST_STEP = 2**63 - 1
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s*(Z|[+-]\d\d:?\d\d)?")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class MetricPoint(NamedTuple):
    """One value of a metric."""

    step: int | None
    at: int  # microseconds since 1970
    value: int | float


@dataclass
class ForeignEnvironment:
    """The environment that a tool recorded: names and versions only."""

    source: str
    """The file it was read from, relative to the run."""
    python_version: str | None = None
    platform: str | None = None
    packages: dict[str, str] = field(default_factory=dict)
    """Name -> version, as written."""
    is_complete: bool = True
    """False if the tool listed a part of the installed packages, such as direct imports."""
    unpinned: list[str] = field(default_factory=list)
    """Lines that name no exact version, such as ``name @ file:///...``."""


class InputFile(NamedTuple):
    """A file that a run read."""

    digest: str | None
    """The kind and the digest in hex, as in ``md5:...``."""
    size: int | None  # bytes


@dataclass
class ForeignRun:
    """One run of another tool. All texts are as the tool wrote them, secrets included."""

    kind: str
    """The key of its reader in ``KINDS``, such as ``wandb``."""
    identity: str
    """What distinguishes the run from all others of its kind, wherever its files are."""
    path: Path
    name: str
    started_at: int
    """Microseconds since 1970."""
    ended_at: int
    status: EndedStatus = "completed"
    project: str | None = None
    tool_version: str | None = None
    description: str | None = None
    metrics: dict[str, list[MetricPoint]] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    """Name -> JSON value; nested names are joined by dots."""
    tags: dict[str, str] = field(default_factory=dict)
    command: list[str] | None = None
    directory: str | None = None
    commit: str | None = None
    branch: str | None = None
    remote: str | None = None
    patch: bytes | None = None
    output: str | None = None
    attachments: dict[str, str] = field(default_factory=dict)
    """Name -> text of further files, which become artifacts."""
    inputs: dict[str, InputFile] = field(default_factory=dict)
    """Path -> the file that the run read."""
    environment: ForeignEnvironment | None = None
    notes: list[str] = field(default_factory=list)
    """Assumptions, and parts that could not be read."""
    tracker: str = ""
    """The name of the tool in ``contexta.recorder.mirrors``; empty if it is ``kind``."""
    tracker_ids: tuple[str, ...] = ()
    """What a mirror records as the identity of this run; empty if it is ``identity``."""

    def add_point(self, key: str, step: int | None, at: int, value: object) -> bool:
        """Add a value to a metric. False if it is no number, or a step or time that cannot be stored."""
        number = number_of(value)
        if number is None or not 0 <= at <= LATEST or not (step is None or abs(step) <= _LARGEST_STEP):
            return False
        self.metrics.setdefault(key, []).append(MetricPoint(step, at, number))
        return True


class Reader(Protocol):
    """The reader of one format. A module with these names is one.

    ``read`` never raises for damaged content: it yields the valid prefix with a note. It raises OSError for a file that
    cannot be opened.
    """

    TITLE: str
    """The tool, as in ``W&B``."""

    def place_of(self, file: Path) -> Path | None:
        """The place of the runs that a file belongs to: a file or a directory; None for a file of another format.

        Looks at the name first, and opens only files whose names fit.
        """

    def read(self, place: Path) -> Iterator[ForeignRun]:
        """The runs of a place."""


def number_of(value: object) -> int | float | None:
    """A JSON value as a number, with NaN and infinities as texts; None for any other value."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**MAX_DIGITS else None
    return _SPECIAL.get(value) if isinstance(value, str) else None


def flattened(values: Mapping[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """(name, value) of nested mappings, with names joined by dots. An empty mapping is a value."""
    for key, value in values.items():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping) and value and depth < 20:
            yield from flattened(value, name, depth + 1)
        else:
            yield name, value


def microseconds(seconds: object) -> int | None:
    """A time in seconds since 1970 as microseconds; None for a value that is no time."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= LATEST / 1e6:
        return None  # also NaN
    return round(seconds * 1e6)


def milliseconds(value: object) -> int | None:
    """A time in milliseconds since 1970 as microseconds; None for a value that is no time, or 0."""
    return microseconds(value / 1000) if isinstance(value, (int, float)) and value > 0 else None


def moment(value: object) -> int | None:
    """A time in ISO 8601, which is UTC if it names no zone, as microseconds since 1970; None for any other value."""
    match = _MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z") else f"{zone[:3]}:{zone[-2:]}"
    try:
        return microseconds(datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset}").timestamp())
    except (ValueError, OverflowError):
        return None
