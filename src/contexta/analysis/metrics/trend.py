"""What changed underneath from run to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from contexta.contract.environment import same_version
from contexta.contract.fields import Status
from contexta.core.references import StableRef
from contexta.findings import Change, MetricTrend, TrendPoint


class End(Protocol):
    """Where the metric ended in a run. body_id: which environment it ran in; None where that is unknown."""

    @property
    def run_ref(self) -> StableRef: ...
    @property
    def name(self) -> str: ...
    @property
    def status(self) -> Status: ...
    @property
    def started_at(self) -> str: ...
    @property
    def value(self) -> int | float | None: ...
    @property
    def body_id(self) -> int | None: ...


def trend(
    metric: str,
    stage_name: str | None,
    ends: Sequence[End],
    packages: Mapping[int, Mapping[str, str]],
    *,
    having: int,
    there: int,
) -> MetricTrend:
    """Ends of runs, the oldest first, with what changed between them.

    packages: name -> version for each environment, Python among them. having: how many runs have the metric; there: how
    many there are.
    """
    changes = changes_between([end.body_id for end in ends], packages)
    points = tuple(
        TrendPoint(
            run_ref=end.run_ref,
            name=end.name,
            status=end.status,
            started_at=end.started_at,
            value=end.value,
            changes=changed,
        )
        for end, changed in zip(ends, changes, strict=True)
        if end.value is not None
    )
    return MetricTrend(
        metric_key=metric,
        stage_name=stage_name,
        points=points,
        completeness_notes=tuple(_notes(f"{stage_name}/{metric}" if stage_name else metric, ends, having, there)),
    )


def _notes(metric: str, ends: Sequence[End], having: int, there: int) -> Iterator[str]:
    if not having:
        yield f"no run has a {metric}" if there else "there are no runs"
        return
    if len(ends) < having:
        yield f"the latest {len(ends)} of {having} runs that have a {metric}"
    if having < there:
        yield f"{there - having} of {there} runs have no {metric}"
    unknown = sum(end.body_id is None for end in ends)
    if unknown:
        yield f"{unknown} of {len(ends)} runs have no environment snapshot: what changed before them is unknown"
    if len({end.run_ref.project for end in ends}) > 1:
        yield "the runs are of several projects: what changed between them may be what sets the projects apart"


def changes_between(
    bodies: Sequence[int | None], packages: Mapping[int, Mapping[str, str]]
) -> list[tuple[Change, ...] | None]:
    """For each run, given by its environment, what differs from the last known one before it; None where unknown."""
    found: list[tuple[Change, ...] | None] = []
    last: int | None = None
    for body in bodies:
        if body is None or last is None:
            found.append(None)
        else:
            found.append(_changes(packages[last], packages[body]))
        last = last if body is None else body
    return found


def _changes(left: Mapping[str, str], right: Mapping[str, str]) -> tuple[Change, ...]:
    if left is right:
        return ()
    return tuple(
        Change(key=name, left_value=left.get(name), right_value=right.get(name))
        for name in sorted({*left, *right}, key=lambda name: (name != "Python", name))
        if not (name in left and name in right and same_version(left[name], right[name]))
    )
