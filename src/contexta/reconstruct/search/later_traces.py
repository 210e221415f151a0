"""Decide what traces of the time after the moment say about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from contexta.reconstruct.combine import Combined, combine
from contexta.reconstruct.search.dated_resolution import published_after
from contexta.reconstruct.trace_values import PYTHON, PointInTime, Trace, Traces, UnpinnedRequirement
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import IndexUnreachable

_FILES_SHOWN = 6  # in notes
_FEWEST_LISTED = 5  # packages of a file that lists what is installed


@dataclass(frozen=True)
class Possible:
    """What may have been installed at the moment."""

    combined: Combined
    unpinned: tuple[UnpinnedRequirement, ...]
    later: Mapping[str, Trace]
    """Package -> the closest trace that it was installed after the moment. If the version is older than the newest one
    of the moment, it was probably there already: a later installation would have brought the newer one."""
    notes: tuple[str, ...]


def possible_at(uv: Uv, python: str | None, traces: Traces, moment: PointInTime) -> Possible:
    """The traces without versions that were published after the moment.

    Pins of files that are dated later become unpinned requirements: what they name was probably required then, too.
    So do the packages of a later list, such as that of a tracker's run, where nothing else says which packages were
    there. python: a version, to ask the index for releases; None where none is possible.
    """
    combined = combine(traces.evidence, moment)
    unpinned = [requirement for requirement in traces.unpinned if requirement.name != PYTHON]
    late = [item for item in combined.late if item.event == "present" and item.package != PYTHON]
    late = sorted((item for item in late if item.package not in combined.choices), key=lambda item: item.when)
    pins = {item.package: item for item in late if item.is_pin}
    later: dict[str, Trace] = {}
    for item in late:
        if not item.is_pin:
            later.setdefault(item.package, item)
    doubtful = {
        name: choice.version
        for name, choice in combined.choices.items()
        if name != PYTHON and all(item.when > moment.latest for item in choice.support)
    }
    doubtful.update((name, item.version) for name, item in pins.items())
    after = _published_after(uv, python, doubtful, moment)
    for name, item in pins.items():
        unpinned.append(UnpinnedRequirement(name if name in after else f"{name}=={item.version}", item.where))
    notes = [
        f"{name} {doubtful[name]} was published on {day(published)}, after the moment: it was not installed then"
        for name, published in after.items()
    ]
    if impossible := {name for name in after if name in combined.choices}:
        kept = [
            item
            for item in traces.evidence
            if not (item.package in impossible and item.version == doubtful[item.package])
        ]
        unpinned += [UnpinnedRequirement(name, combined.choices[name].support[0].where) for name in sorted(impossible)]
        combined = combine(kept, moment)
    if later and not unpinned and not _is_listed(combined):
        unpinned += [UnpinnedRequirement(item.package, item.file) for item in later.values()]
        files = ", ".join(list(dict.fromkeys(item.file for item in later.values()))[:_FILES_SHOWN])
        notes.append(f"no trace of that time lists the packages: those that {files} lists later were taken")
    return Possible(combined, tuple(unpinned), later, tuple(notes))


def _published_after(
    uv: Uv, python: str | None, versions: Mapping[str, str], moment: PointInTime
) -> Mapping[str, datetime]:
    try:
        return published_after(uv, python, versions, moment.latest) if python is not None else {}
    except IndexUnreachable:
        return {}


def _is_listed(combined: Combined) -> bool:
    """Whether a file requires packages, or lists what was installed."""
    traces: Sequence[Trace] = [item for choice in combined.choices.values() for item in choice.support]
    listed = Counter(item.file for item in traces if item.event != "removed")
    return any(item.is_pin or item.kind == "unchanged" or listed[item.file] >= _FEWEST_LISTED for item in traces)


def notes_on_later(combined: Combined) -> Iterator[str]:
    """Notes on the files that are dated after the moment."""
    by_file: dict[str, list[Trace]] = {}
    for item in combined.late:
        by_file.setdefault(item.file, []).append(item)
    for file, items in list(by_file.items())[:_FILES_SHOWN]:
        packages = len({item.package for item in items})
        text = f"{packages} packages" if packages != 1 else "1 package"
        yield f"{file} is dated {day(items[0].when)}, after the moment: what it says of {text} is no observation"
        if not items[0].is_dated:
            yield f"if {file} is of that time, name it: contexta reconstruct ... {file}"
    if len(by_file) > _FILES_SHOWN:
        yield f"{len(by_file) - _FILES_SHOWN} more files are dated after the moment"


def day(when: datetime) -> str:
    """The date of a time, as in ``2025-02-15``."""
    return when.date().isoformat()
