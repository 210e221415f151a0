"""Find the run that a selector names, and list projects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from contexta.core.errors import Ambiguous, InvalidReference, NotFound, shown
from contexta.core.references import StableRef
from contexta.core.validation import require_storable
from contexta.findings import ListedProject, ProjectSummary
from contexta.findings.reproduction import RERUN_OF
from contexta.store.entities.nested_runs import PART_OF
from contexta.store.query.near_names import require_project, run_hint
from contexta.store.schema import sql, tables
from contexta.store.schema.statements import fetch

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LATEST = re.compile(r"(?:(?P<project>[^@]*))@latest(?:~(?P<back>\d{1,9}))?\Z")
_RENAMED = "SELECT run.id, run.ref FROM annotation JOIN run ON run.id = annotation.run_id WHERE annotation.name = ?"
"""The other half of a union: with OR, PostgreSQL would look at every run."""
_IS_ORIGINAL = (
    "NOT EXISTS (SELECT 1 FROM run_tag WHERE run_tag.run_id = run.id AND run_tag.name = ?) AND NOT EXISTS (SELECT 1 "
    "FROM relation JOIN run AS parent ON parent.ref = relation.target_ref JOIN run_tag ON run_tag.run_id = parent.id "
    "AND run_tag.name = ? WHERE relation.source_ref = run.ref AND relation.relation_type = ?)"
)
_MOST_CANDIDATES = 5
_AFTER_EVERY_COMPONENT = "\x7f"  # sorts after every character of a component


# ---------------------------------------------------------------------------------------------- selecting


def find(connection: Connection, selector: str, in_project: str | None) -> tuple[int, StableRef]:
    """(key, reference) of the run that a selector names.

    selector: ``run:project.name``, ``project.name``, a run's name, ``@latest``, ``@latest~2``, ``project@latest``, or a
    unique prefix. in_project: the component of the project in which @latest looks; None for all.
    Raises InvalidReference, NotFound, or Ambiguous with the candidates.
    """
    if not isinstance(selector, str) or not selector.strip():
        raise InvalidReference(f"{shown(selector)} selects no run", hint="give the name of a run, or @latest")
    require_storable(selector)
    if (latest := _LATEST.match(selector)) is not None:
        return _latest(connection, selector, latest["project"] or in_project, int(latest["back"] or 0))
    match = _by_reference(connection, selector) or _by_name(connection, selector)
    if match is not None:
        return match
    if selector.startswith("run:"):
        StableRef.parse(selector)  # raises the reason, if the reference is invalid
    elif ":" in selector:
        raise InvalidReference(f"{shown(selector)} is no run", hint="a run reads like run:project.name")
    raise NotFound(f"run {shown(selector)} is not in this workspace", hint=run_hint(connection, selector))


def _by_reference(connection: Connection, selector: str) -> tuple[int, StableRef] | None:
    """The run of a complete ``run:project.name`` or ``project.name``."""
    value = selector.removeprefix("run:")
    if "." not in value:
        return None
    project, _, name = value.partition(".")
    of_project = [f"run:{project}.", f"run:{project}.{_AFTER_EVERY_COMPONENT}"]
    return _one(
        connection,
        f"ref = ? UNION {_RENAMED} AND run.ref >= ? AND run.ref < ?",
        [f"run:{value}", name, *of_project],
        selector,
    )


def _by_name(connection: Connection, selector: str) -> tuple[int, StableRef] | None:
    """A run by the name in its reference or its new name, else by its recorded name, else by a unique prefix."""
    value = selector.removeprefix("run:")
    whole = "." in value or value != selector
    column, prefix = ("ref", f"run:{value}") if whole else ("slug", value)
    begins = [prefix, prefix + _AFTER_EVERY_COMPONENT]
    return (
        _one(connection, f"slug = ? UNION {_RENAMED}", [selector, selector], selector)
        or _one(connection, "name = ?", [selector], selector)
        or (_one(connection, f"{column} >= ? AND {column} < ?", begins, selector) if value else None)
    )


def latest_originals(connection: Connection, in_project: str | None, most: int) -> list[tuple[int, StableRef]]:
    """(key, reference) of the latest runs that are no reruns and no parts of reruns, at most so many."""
    project, values, _ = _of_project(connection, in_project)
    where = f"{project} AND {_IS_ORIGINAL}" if project else f"WHERE {_IS_ORIGINAL}"
    statement = f"SELECT id, ref FROM run {where} ORDER BY started_at DESC, id DESC LIMIT ?"
    tags = [RERUN_OF, RERUN_OF, PART_OF]
    return [(key, StableRef.parse(ref)) for key, ref in fetch(connection, statement, [*values, *tags, most])]


def _latest(connection: Connection, selector: str, in_project: str | None, back: int) -> tuple[int, StableRef]:
    where, values, words = _of_project(connection, in_project)
    statement = f"SELECT id, ref FROM run {where} ORDER BY started_at DESC, id DESC LIMIT 1 OFFSET ?"
    rows = fetch(connection, statement, [*values, back])
    if not rows:
        raise NotFound(f"{selector}: there are fewer runs{words}", hint="`contexta runs` lists all")
    return rows[0][0], StableRef.parse(rows[0][1])


def _of_project(connection: Connection, in_project: str | None) -> tuple[str, list[Any], str]:
    """(a condition, its values, the project in words); empty without a project."""
    if in_project is None:
        return "", [], ""
    ref = StableRef.parse(in_project if in_project.startswith("project:") else f"project:{in_project}")
    return "WHERE project_id = ?", [require_project(connection, ref)], f" of project {ref.value}"


def _one(connection: Connection, where: str, values: Sequence[Any], selector: str) -> tuple[int, StableRef] | None:
    statement = f"SELECT id, ref FROM run WHERE {where} ORDER BY ref LIMIT {_MOST_CANDIDATES + 1}"
    rows = fetch(connection, statement, values)
    if len(rows) > 1:
        names = ", ".join(ref.removeprefix("run:") for _, ref in rows[:_MOST_CANDIDATES])
        more = " ..." if len(rows) > _MOST_CANDIDATES else ""
        raise Ambiguous(f"run {shown(selector)} is ambiguous", hint=f"it could be {names}{more}")
    return (rows[0][0], StableRef.parse(rows[0][1])) if rows else None


# ---------------------------------------------------------------------------------------------- projects


def list_projects(connection: Connection) -> tuple[ListedProject, ...]:
    """Every project, by reference."""
    run, project = tables.run, tables.project
    of_project = sql.select(run.c.id).where(run.c.project_id == project.c.id).correlate(project)
    rows = connection.execute(
        sql.select(
            project,
            of_project.with_only_columns(sql.func.count()).scalar_subquery().label("runs"),
            of_project.with_only_columns(sql.func.max(run.c.started_at)).scalar_subquery().label("last"),
        ).order_by(project.c.ref)
    )
    summaries = (
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
    return tuple(ListedProject.of(summary.name, summary) for summary in summaries)
