"""Compare the run of a tracker with the run that Contexta recorded of the same program. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contexta.importers.reading.description import ForeignRun
from contexta.store.entities.tracker_runs import RecordedContent

_NAMES_SHOWN = 5


def notes_on_missing(name: str, recorded: RecordedContent, run: ForeignRun) -> list[str]:
    """A note if the recorded run lacks something that the tracker has. name: of the recorded run."""
    missing = list(_missing(recorded, run))
    if not missing:
        return []
    return [
        f"{name} lacks {'; '.join(missing)}. An import never changes a recorded run: --include-recorded imports the "
        "run of the tracker, too, as a run of its own"
    ]


def _missing(recorded: RecordedContent, run: ForeignRun) -> Iterator[str]:
    metrics = {
        key: len(points)
        for key, points in run.metrics.items()
        if key not in recorded.points and f"summary.{key}" not in recorded.params  # where a mirror records a summary
    }
    if metrics:
        points = sum(metrics.values())
        yield f"{_named('the metric', list(metrics))} ({_count(points, 'point')})"
    fewer = {
        key: recorded.points[key]
        for key, points in run.metrics.items()
        if key in recorded.points and recorded.points[key] < len(points)
    }
    if fewer:
        total = sum(len(run.metrics[key]) for key in fewer)
        yield f"{total - sum(fewer.values()):,} of the {total:,} points of {_named('', list(fewer))}"
    params = [name for name in run.params if recorded.params.isdisjoint(_with_ancestors(name))]
    if params:
        yield _named("the parameter", params)
    if run.environment is not None and run.environment.packages and not recorded.has_environment:
        yield f"the environment, of {_count(len(run.environment.packages), 'package')}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _with_ancestors(name: str) -> Iterator[str]:
    """The dotted names that contain a value: ``a``, ``a.b`` and ``a.b.c``."""
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _named(kind: str, names: Sequence[str]) -> str:
    """``the metrics a, b and 3 more``."""
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"{kind}{'s' if kind and len(names) > 1 else ''} {', '.join(names[:_NAMES_SHOWN])}{more}".strip()
