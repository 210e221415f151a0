"""Hints about misspelled names of runs, projects and metrics. Reads some hundred names, each by index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from contexta.core.errors import NotFound
from contexta.core.references import StableRef
from contexta.store.entities import run_annotations
from contexta.store.entities.reference_keys import find_id
from contexta.store.schema import sql, tables

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement, Connection

_MOST_NAMES = 300
_MOST_RUNS = 500
_LATEST = 3
_RUN_CUTOFF = 0.7  # of similarity: below it, the names of many runs resemble each other


def nearest(word: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The most similar name, ignoring case; None if none is similar."""
    by_letters = {name.casefold(): name for name in names}
    close = get_close_matches(word.casefold()[:200], by_letters, n=1, cutoff=cutoff)
    return by_letters[close[0]] if close else None


def run_hint(connection: Connection, selector: str) -> str:
    """For a selector that no run fits: the nearest name, or the latest runs."""
    run, word = tables.run, selector.removeprefix("run:")
    latest = (
        sql.select(run.c.ref, run_annotations.name_of_run().label("name"))
        .order_by(run.c.started_at.desc(), run.c.id.desc())
        .limit(_MOST_RUNS)
    )
    rows = connection.execute(latest).all()
    if not rows:
        return "the workspace has no runs yet: contexta run -- python train.py"
    values = [row.ref.removeprefix("run:") for row in rows]
    names = values if "." in word else [value.partition(".")[2] for value in values]
    close = nearest(word, [*(row.name for row in rows), *names], _RUN_CUTOFF)
    if close is not None:
        return f"did you mean {close}? `contexta runs` lists all"
    return f"the latest are {', '.join(values[:_LATEST])}; `contexta runs` lists all"


def require_project(connection: Connection, ref: StableRef) -> int:
    """The key of a project. Raises NotFound with the nearest one."""
    key = find_id(connection, "project", ref)
    if key is None:
        refs = connection.execute(sql.select(tables.project.c.ref).order_by(tables.project.c.ref)).scalars()
        names = [name.removeprefix("project:") for name in refs]
        close = nearest(ref.value, names)
        shown = ", ".join(names[:_LATEST]) + (", ..." if len(names) > _LATEST else "") or "none"
        hint = f"did you mean {close}?" if close is not None else f"its projects: {shown};"
        raise NotFound(f"{ref} is not in this workspace", hint=f"{hint} `contexta runs` lists the runs of all")
    return key


def metric_suggestion(connection: Connection, metric: str) -> str:
    """``; did you mean NAME?`` for a metric that no run has; empty if no name is near."""
    series = tables.metric_series
    close = nearest(metric, existing_names(connection, series.c.metric_key, series.c.is_last))
    return f"; did you mean {close}?" if close not in (None, metric) else ""  # another stage may have it


def existing_names(connection: Connection, column: Column[Any], where: ColumnElement[bool]) -> Iterator[str]:
    """The existing names in order; each is found by index after the previous one."""
    name = connection.execute(sql.select(sql.func.min(column)).where(where)).scalar()
    for _ in range(_MOST_NAMES):
        if name is None:
            return
        yield name
        name = connection.execute(sql.select(sql.func.min(column)).where(where, column > name)).scalar()
