"""Resolve the requirements of a side that name no exact version, once, as of a date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from contexta.bisect.inputs.completion.completeness import pin_lines, resolved_pins
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.option_names import option
from contexta.bisect.space.changes import BOTH
from contexta.core.errors import InvalidInput, shown
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable, UvError
from contexta.reproduce.uv.interpreters import Interpreter

_SHOWN = 600  # characters of a message of uv


@dataclass(frozen=True)
class Resolved:
    """The sides with an exact version of every package, and notes."""

    pins: Mapping[str, Pins]
    notes: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    """Side -> the date of its resolution, so that a study that is resumed gets the same versions."""


def resolved(
    files: Mapping[str, str],
    pins: Mapping[str, Pins],
    pythons: Mapping[str, Interpreter],
    uvs: Mapping[str, Uv],
    dates: Mapping[str, str | None],
) -> Resolved:
    """files: paths of the sides that are requirements files. dates: the user's, an RFC 3339 date or time each.

    Raises InvalidInput where no versions fit, and for a date of a side that has nothing to resolve.
    """
    whole, notes, used = dict(pins), list[str](), dict[str, str]()
    for end in BOTH:
        date = dates.get(end)
        if date is not None:
            _require_date(end, date, files)
        if not pins[end].unpinned:
            continue
        as_of = date or datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        versions, is_dated = _versions(files[end], pins[end], pythons[end], uvs[end], as_of, is_strict=date is not None)
        whole[end] = replace(pins[end], packages=dict(sorted({**versions, **pins[end].packages}.items())), unpinned=())
        if is_dated:
            used[end] = as_of
        notes.append(_note(files[end], pins[end], versions, as_of if is_dated else None))
    return Resolved(whole, tuple(notes), used)


def _require_date(end: str, date: str, files: Mapping[str, str]) -> None:
    name = option(f"{end}_exclude_newer")
    if end not in files:
        raise InvalidInput(
            f"{name} has no effect: {end.upper()} is not a requirements file",
            hint="leave it out: everything else names exact versions",
        )
    try:
        datetime.fromisoformat(date.replace("Z", "+00:00"))
    except ValueError as error:
        raise InvalidInput(
            f"{name} cannot be {shown(date)}", hint="as in 2025-02-15 or 2025-02-15T12:00:00Z"
        ) from error


def _versions(
    file: str, side: Pins, python: Interpreter, uv: Uv, as_of: str, *, is_strict: bool
) -> tuple[dict[str, str], bool]:
    """(name -> version, whether the date was heeded). is_strict: the user gave the date; else an index without dates is
    used as it is."""
    lines = [*pin_lines(side), *side.unpinned]
    for before in (as_of,) if is_strict else (as_of, None):
        try:
            return resolved_pins(
                uv.resolve(python.path, lines, before=before, constraints=side.constraints)
            ), before is not None
        except IndexUnreachable as error:
            raise InvalidInput(f"{file} does not pin everything, and {error.what[:_SHOWN]}", hint=error.hint) from error
        except UvError as error:
            failure = error
    raise InvalidInput(f"{file} cannot be resolved: {failure.what[:_SHOWN]}", hint=failure.hint) from failure


def _note(file: str, side: Pins, versions: Mapping[str, str], as_of: str | None) -> str:
    """``old.txt, resolved with uv as of 2025-02-15: numpy 1.26.4 (numpy<2), and 3 that these require``"""
    named = {canonicalize_name(Requirement(line).name): line for line in side.unpinned}
    words = ", ".join(f"{name} {versions[name]} ({line})" for name, line in named.items() if name in versions)
    others = len(versions.keys() - named.keys() - side.packages.keys())
    more = f", and {others} more that they require" if others else ""
    date = f" as of {as_of[:10]}" if as_of is not None else ", whose index has no dates"
    return f"{file}, resolved with uv{date}: {words}{more}"
