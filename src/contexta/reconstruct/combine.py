"""Choose a version for each package from evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contexta.contract.environment import same_version
from contexta.reconstruct.trace_values import PointInTime, Trace

AFTERWARDS = timedelta(days=30)
"""The longest time after the moment at which a list of installed packages counts."""

_LOG_ENDS_LATER = timedelta(days=1)  # the date of a log is that of its last line
_RANK = {"observed": 0, "unchanged": 1, "resolved": 2, "unknown": 3}


@dataclass(frozen=True)
class ChosenVersion:
    """The version of one package, with the evidence for it and for other versions."""

    version: str
    support: tuple[Trace, ...]
    others: tuple[Trace, ...] = ()

    @property
    def best(self) -> Trace:
        return min(self.support, key=lambda item: _RANK[item.kind])


@dataclass(frozen=True)
class Combined:
    choices: Mapping[str, ChosenVersion]
    late: tuple[Trace, ...]
    """Evidence about the time after the moment only."""


def combine(evidence: Iterable[Trace], moment: PointInTime) -> Combined:
    """The version of each package at a moment.

    Traces of the time after the moment count if the user named their file, if they list what was present at most
    AFTERWARDS later, or if they say what was there before: a package that was removed later. A package that was last
    removed before the moment has no version. Of several versions the one whose trace is closest to the moment counts;
    of equally close traces the stronger, then the last one read.
    """
    evidence = list(evidence)
    replaced = {(item.package, item.file) for item in evidence if item.event == "removed"}
    by_package: dict[str, list[Trace]] = {}
    late = []
    for item in evidence:
        if _is_about(item, moment, is_replacement=(item.package, item.file) in replaced):
            by_package.setdefault(item.package, []).append(item)
        else:
            late.append(item)
    choices = {}
    for name, items in sorted(by_package.items()):
        if (choice := _choice(items, moment)) is not None:
            choices[name] = choice
    return Combined(choices, tuple(late))


def _is_about(item: Trace, moment: PointInTime, *, is_replacement: bool) -> bool:
    """is_replacement: whether the same file says that another version was removed."""
    if item.is_named or item.when <= moment.latest or item.event == "removed":
        return True
    if item.event == "present":
        return item.when - moment.latest <= AFTERWARDS
    return item.when - moment.latest <= _LOG_ENDS_LATER and not is_replacement


def _choice(items: Sequence[Trace], moment: PointInTime) -> ChosenVersion | None:
    order = sorted(
        range(len(items)), key=lambda place: (_distance(items[place].when, moment), _RANK[items[place].kind], -place)
    )
    best = items[order[0]]
    if best.event == "removed" and best.when <= moment.latest and not best.is_named:
        return None
    present = [items[place] for place in order if items[place].event != "removed" or items[place].when > moment.latest]
    support = tuple(item for item in present if same_version(item.version, best.version))
    return ChosenVersion(best.version, support or (best,), tuple(item for item in present if item not in support))


def _distance(when: datetime, moment: PointInTime) -> float:
    """Seconds between a time and the moment; 0 within its day."""
    if when < moment.earliest:
        return (moment.earliest - when).total_seconds()
    return max(0.0, (when - moment.latest).total_seconds())
