"""The run a person means, and the projects there are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, func, select

from contexta.errors import Ambiguous, InvalidReference, NotFound, shown
from contexta.findings import ProjectSummary
from contexta.refs import StableRef
from contexta.scalars import storable
from contexta.store import tables

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


# ---------------------------------------------------------------------------------------------- projects


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
