"""Choose runs to delete, and delete their rows.

The rows of their journals stay, without a run: a journal that another machine delivers again brings no run back.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, union, update

from contexta.core.validation import from_microseconds
from contexta.store.backends.engine import Store
from contexta.store.entities import shared_facts
from contexta.store.integrity.canonical_form import JOURNAL
from contexta.store.integrity.digests import after_change, before_change
from contexta.store.schema import tables

BASELINE = "baseline"
"""The tag of a run that stays."""
_AT_ONCE = 200


@dataclass(frozen=True)
class Selection:
    """Which runs to delete: those that fulfil all conditions. Without any condition: none."""

    keys: Collection[int] | None = None
    """Only these runs."""
    keep_last: int | None = None
    """Not this number of the latest runs of each project."""
    older_than_seconds: float | None = None
    """Only runs that started this long ago."""
    statuses: Collection[str] = ()
    """Only runs with one of these."""
    force: bool = False
    """Also pinned runs, baselines and deployed runs."""

    @property
    def is_empty(self) -> bool:
        return self.keys is None and self.keep_last is None and self.older_than_seconds is None and not self.statuses


def choose(connection: Connection, selection: Selection) -> tuple[dict[int, str], list[str]]:
    """(key -> reference of the runs to delete, ``reference: reason`` of those that stay)."""
    if selection.is_empty:
        return {}, []
    run, deployment = tables.run, tables.deployment
    latest = func.row_number().over(partition_by=run.c.project_id, order_by=(run.c.started_at.desc(), run.c.id.desc()))
    ranked = select(run.c.id, run.c.ref, run.c.status, run.c.started_at, latest.label("place")).subquery()
    statement = select(ranked).order_by(ranked.c.id)
    if selection.keys is not None:
        statement = statement.where(ranked.c.id.in_(selection.keys))
    if selection.keep_last is not None:
        statement = statement.where(ranked.c.place > selection.keep_last)
    if selection.older_than_seconds is not None:
        limit = from_microseconds(max(0, int((time.time() - selection.older_than_seconds) * 1e6)))
        statement = statement.where(ranked.c.started_at < limit)
    if selection.statuses:
        statement = statement.where(ranked.c.status.in_(selection.statuses))
    deployed = set(connection.execute(select(deployment.c.run_id).where(deployment.c.run_id.is_not(None))).scalars())
    pinned = set(connection.execute(select(tables.annotation.c.run_id).where(tables.annotation.c.pinned)).scalars())
    run_tag = tables.run_tag
    baselines = set(connection.execute(select(run_tag.c.run_id).where(run_tag.c.name == BASELINE)).scalars())
    reasons = (("deployed", deployed), ("pinned", pinned), ("a baseline", baselines))
    runs, kept_runs = {}, []
    for row in connection.execute(statement).all():
        states = ["still open"] if row.status == "open" else []
        if not selection.force:
            states += [state for state, keys in reasons if row.id in keys]
        if states:
            kept_runs.append(f"{row.ref}: it is {' and '.join(states)}")
        else:
            runs[row.id] = str(row.ref)
    return runs, kept_runs


def remove_runs(store: Store, runs: Sequence[int]) -> None:
    """Delete runs in batches, each with all its rows."""
    if not runs:
        return
    for some in _batches(runs):
        with store.writing() as connection:
            _release_journals(connection, some)
            series = select(tables.metric_series.c.id).where(tables.metric_series.c.run_id.in_(some))
            relations = select(tables.relation.c.id).where(tables.relation.c.run_id.in_(some))
            connection.execute(delete(tables.metric_point).where(tables.metric_point.c.series_id.in_(series)))
            connection.execute(delete(tables.provenance).where(tables.provenance.c.relation_id.in_(relations)))
            for table in reversed(tables.metadata.sorted_tables):
                if "run_id" in table.c:
                    connection.execute(delete(table).where(table.c.run_id.in_(some)))
            connection.execute(delete(tables.run).where(tables.run.c.id.in_(some)))
    with store.writing() as connection:
        _remove_unused(connection)


def _release_journals(connection: Connection, runs: Sequence[int]) -> None:
    journal = tables.journal
    for key in connection.execute(select(journal.c.id).where(journal.c.run_id.in_(runs))).scalars().all():
        before_change(connection, JOURNAL, key)
        released: dict[str, Any] = {"run_id": None, "environment_id": None, "process": {}, "ended": True}
        connection.execute(update(journal).where(journal.c.id == key).values(bytes_check=None, **released))
        after_change(connection, JOURNAL, key)


def _batches(runs: Sequence[int]) -> Iterator[Sequence[int]]:
    return (runs[start : start + _AT_ONCE] for start in range(0, len(runs), _AT_ONCE))


def _remove_unused(connection: Connection) -> None:
    """Delete the bodies and ends of environments, the forms of records and the shared facts that no run needs."""
    body, packages, form = tables.environment_body, tables.environment_distribution, tables.record_form
    used = (
        select(tables.environment.c.environment_body_id)
        .union(select(tables.run.c.environment_body_id).where(tables.run.c.environment_body_id.is_not(None)))
        .subquery()
    )
    unused = select(body.c.id).where(body.c.id.not_in(select(used)))
    connection.execute(delete(packages).where(packages.c.environment_body_id.in_(unused)))
    connection.execute(delete(body).where(body.c.id.not_in(select(used))))
    forms = select(tables.record.c.form_id).where(tables.record.c.form_id.is_not(None)).distinct()
    connection.execute(delete(form).where(form.c.id.not_in(forms)))
    end, fact, run, environment = tables.environment_end, tables.shared_fact, tables.run, tables.environment
    ends = select(environment.c.end_id).where(environment.c.end_id.is_not(None))
    connection.execute(delete(end).where(end.c.id.not_in(ends)))
    used_facts = union(*(select(run.c[key]).where(run.c[key].is_not(None)) for key in shared_facts.IDS)).subquery()
    connection.execute(delete(fact).where(fact.c.id.not_in(select(used_facts))))
