"""Runs as people ask for them: by a selector, as a list, with where their metrics ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from contexta.contract.environment import Note
from contexta.errors import Ambiguous, InvalidReference, NotFound, shown
from contexta.findings import RUN_LEVEL, MetricValue, ProjectSummary, RunDetails, RunSummary, StageSummary
from contexta.refs import StableRef
from contexta.scalars import from_microseconds, storable
from contexta.store import tables
from contexta.store.artifacts import of_run
from contexta.store.environments import summary_of
from contexta.store.series import decode_number

_LATEST = re.compile(r"(?:(?P<project>[^@]*))@latest(?:~(?P<back>\d{1,9}))?\Z")
_MOST_CANDIDATES = 5
_AFTER_EVERY_COMPONENT = "\x7f"  # sorts behind everything a component can hold

run, project = tables.run, tables.project


# ---------------------------------------------------------------------------------------------- selecting


def find(connection: Connection, selector: str, in_project: str | None) -> tuple[int, StableRef]:
    """The run a person means: (key, reference).

    selector: ``run:project.name``, ``project.name``, a run's name, ``@latest``, ``@latest~2``, ``project@latest``, or a
    unique prefix. in_project: the component of the project in which @latest looks; None for all.
    Raises InvalidReference, NotFound, or Ambiguous with the candidates.
    """
    if not isinstance(selector, str) or not selector.strip():
        raise InvalidReference(f"{shown(selector)} selects no run", hint="give a run's name, or @latest")
    storable(selector)
    if (latest := _LATEST.match(selector)) is not None:
        return _latest(connection, selector, latest["project"] or in_project, int(latest["back"] or 0))
    found = _by_reference(connection, selector) or _by_name(connection, selector)
    if found is not None:
        return found
    if selector.startswith("run:"):
        StableRef.parse(selector)  # says what is wrong with it
    elif ":" in selector:
        raise InvalidReference(f"{shown(selector)} is no run", hint="a run reads like run:project.name")
    raise NotFound(f"run {shown(selector)} is not in this workspace", hint=_nearest(connection, selector))


def _by_reference(connection: Connection, selector: str) -> tuple[int, StableRef] | None:
    """``run:project.name`` or ``project.name``, whole."""
    value = selector.removeprefix("run:")
    return _one(connection, [run.c.ref == f"run:{value}"], selector) if "." in value else None


def _by_name(connection: Connection, selector: str) -> tuple[int, StableRef] | None:
    """A run's own component of its reference, else its display name, else the beginning of either reference form."""
    value = selector.removeprefix("run:")
    whole = "." in value or value != selector
    column, prefix = (run.c.ref, f"run:{value}") if whole else (run.c.slug, value)
    begins = [column >= prefix, column < prefix + _AFTER_EVERY_COMPONENT]
    return (
        _one(connection, [run.c.slug == selector], selector)
        or _one(connection, [run.c.name == selector], selector)
        or (_one(connection, begins, selector) if value else None)
    )


def _latest(connection: Connection, selector: str, in_project: str | None, back: int) -> tuple[int, StableRef]:
    statement = select(run.c.id, run.c.ref).order_by(run.c.started_at.desc(), run.c.id.desc())
    where = ""
    if in_project is not None:
        ref = StableRef.parse(in_project if in_project.startswith("project:") else f"project:{in_project}")
        project_id = connection.execute(select(project.c.id).where(project.c.ref == ref)).scalar()
        if project_id is None:
            raise NotFound(f"{ref} is not in this workspace", hint="`contexta runs` lists the runs of all projects")
        statement = statement.where(run.c.project_id == project_id)
        where = f" of project {ref.value}"
    row = connection.execute(statement.offset(back).limit(1)).first()
    if row is None:
        raise NotFound(f"there are not so many runs{where} as {selector} counts back", hint="`contexta runs` lists all")
    return row.id, StableRef.parse(row.ref)


def _one(connection: Connection, where: Iterable[ColumnElement[bool]], selector: str) -> tuple[int, StableRef] | None:
    rows = connection.execute(
        select(run.c.id, run.c.ref).where(*where).order_by(run.c.ref).limit(_MOST_CANDIDATES + 1)
    ).all()
    if len(rows) > 1:
        names = ", ".join(row.ref.removeprefix("run:") for row in rows[:_MOST_CANDIDATES])
        more = " ..." if len(rows) > _MOST_CANDIDATES else ""
        raise Ambiguous(f"run {shown(selector)} is ambiguous", hint=f"it could be {names}{more}")
    return (rows[0].id, StableRef.parse(rows[0].ref)) if rows else None


def _nearest(connection: Connection, selector: str) -> str:
    from difflib import get_close_matches

    value = selector.removeprefix("run:")
    names = connection.execute(select(run.c.ref).order_by(run.c.started_at.desc()).limit(500)).scalars().all()
    if not names:
        return "the workspace has no runs yet"
    values = [name.removeprefix("run:") for name in names]
    pool = values if "." in value else [name.partition(".")[2] for name in values]
    close = get_close_matches(value[:200], pool, n=1, cutoff=0.5)
    return (f"did you mean {close[0]}? " if close else "") + "`contexta runs` lists all"


# ---------------------------------------------------------------------------------------------- reading


def list_projects(connection: Connection) -> tuple[ProjectSummary, ...]:
    """Every project, by reference."""
    rows = connection.execute(
        select(project, func.count(run.c.id).label("runs"), func.max(run.c.started_at).label("last"))
        .outerjoin(run, run.c.project_id == project.c.id)
        .group_by(project.c.id)
        .order_by(project.c.ref)
    )
    return tuple(
        ProjectSummary(
            project_ref=row.ref,
            name=row.name,
            created_at=row.created_at,
            description=row.description,
            tags=row.tags,
            run_count=row.runs,
            last_run_at=row.last,
        )
        for row in rows
    )


def list_runs(connection: Connection, in_project: StableRef | None, limit: int | None) -> tuple[RunSummary, ...]:
    """The latest runs first. Raises NotFound for a project that is not stored."""
    statement = select(run).order_by(run.c.started_at.desc(), run.c.id.desc()).limit(limit)
    if in_project is not None:
        project_id = connection.execute(select(project.c.id).where(project.c.ref == in_project)).scalar()
        if project_id is None:
            raise NotFound(
                f"{in_project} is not in this workspace", hint="`contexta runs` lists the runs of all projects"
            )
        statement = statement.where(run.c.project_id == project_id)
    rows = connection.execute(statement).all()
    stages = stages_of(connection, [row.id for row in rows])
    return tuple(RunSummary(**_run_fields(row), stages=stages[row.id]) for row in rows)


def summary(connection: Connection, run_id: int) -> RunSummary:
    """A run and where its metrics ended."""
    row = connection.execute(select(run).where(run.c.id == run_id)).one()
    return RunSummary(**_run_fields(row), stages=stages_of(connection, [run_id])[run_id])


def details(connection: Connection, run_id: int) -> RunDetails:
    """Everything about a run but its environment's body and its single points."""
    row = connection.execute(select(run).where(run.c.id == run_id)).one()
    params = connection.execute(
        select(tables.param).where(tables.param.c.run_id == run_id).order_by(tables.param.c.name)
    )
    notes = connection.execute(select(tables.note).where(tables.note.c.run_id == run_id).order_by(tables.note.c.id))
    return RunDetails(
        **_run_fields(row),
        stages=stages_of(connection, [run_id])[run_id],
        params={each.name: each.value for each in params},
        environment=summary_of(connection, run_id),
        artifacts=of_run(connection, run_id),
        notes=tuple(Note(topic=each.topic, text=each.text) for each in notes),
    )


def stages_of(connection: Connection, run_ids: Sequence[int]) -> dict[int, tuple[StageSummary, ...]]:
    """The stages of several runs, in order, each with its last metric values by key; the run's own metrics first."""
    stages: dict[int, list[Row[Any]]] = {run_id: [] for run_id in run_ids}
    metrics: dict[tuple[int, int | None], list[MetricValue]] = {}
    for some in _slices(run_ids):
        for row in connection.execute(_stage_rows(some)):
            stages[row.run_id].append(row)
        for row in connection.execute(_series_rows(some)):
            metrics.setdefault((row.run_id, row.stage_id), []).append(
                MetricValue(
                    metric_key=row.metric_key,
                    value=decode_number(row.last_value, row.last_exact),
                    step=row.last_step,
                    observed_at=from_microseconds(row.last_at),
                    slice_ref=row.slice_ref or None,
                    points=row.points,
                )
            )
    return {run_id: _stage_summaries(run_id, stages[run_id], metrics) for run_id in run_ids}


def _stage_summaries(
    run_id: int, rows: Sequence[Row[Any]], metrics: dict[tuple[int, int | None], list[MetricValue]]
) -> tuple[StageSummary, ...]:
    own = metrics.get((run_id, None), [])
    of_the_run = [StageSummary(stage_name=RUN_LEVEL, status=None, metrics=tuple(own))] if own else []
    return (
        *of_the_run,
        *(
            StageSummary(
                stage_name=row.stage_name,
                status=row.status,
                started_at=row.started_at,
                ended_at=row.ended_at,
                metrics=tuple(metrics.get((run_id, row.id), [])),
            )
            for row in rows
        ),
    )


def _stage_rows(run_ids: Sequence[int]) -> Any:
    stage = tables.stage
    return (
        select(stage)
        .where(stage.c.run_id.in_(run_ids))
        .order_by(stage.c.order_index.is_(None), stage.c.order_index, stage.c.started_at, stage.c.id)
    )


def _series_rows(run_ids: Sequence[int]) -> Any:
    series = tables.metric_series
    return (
        select(series)
        .where(series.c.run_id.in_(run_ids), series.c.points > 0)
        .order_by(series.c.metric_key, series.c.slice_ref)
    )


def _slices(items: Sequence[int], size: int = 1_000) -> Iterable[Sequence[int]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _run_fields(row: Row[Any]) -> dict[str, Any]:
    ref = StableRef.parse(row.ref)
    return {
        "run_ref": ref,
        "project_ref": ref.project,
        "name": row.name,
        "status": row.status,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "description": row.description,
        "tags": row.tags,
        "metadata": row.metadata,
    }
