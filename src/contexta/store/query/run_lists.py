"""Pages of runs. The latest runs are found without SQLAlchemy, whose import takes longer than the query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from contexta.findings import RunList
from contexta.store.query.near_names import require_project
from contexta.store.query.run_list_options import RunListOptions
from contexta.store.read.loading import summaries
from contexta.store.schema.statements import fetch

if TYPE_CHECKING:
    from sqlalchemy import Connection


def page(connection: Connection, options: RunListOptions, after: int | None) -> RunList:
    """One page of runs. after: the key of the last run of the previous page, None for the first page.

    Raises InvalidInput for a wrong ``where`` or ``order_by``, NotFound for a project that is not stored.
    """
    if options.where is None and options.order_by is None:
        return RunList.of(summaries(connection, _latest(connection, options, after)), ())
    from contexta.store.query import pages

    keys, notes = pages.matching(connection, options, after)
    return RunList.of(summaries(connection, keys), notes)


def _latest(connection: Connection, options: RunListOptions, after: int | None) -> Sequence[int]:
    """The keys of the runs, the latest first."""
    conditions: list[str] = []
    values: list[Any] = []
    if options.project is not None:
        conditions.append("project_id = ?")
        values.append(require_project(connection, options.project))
    if not options.with_archived:
        conditions.append("NOT EXISTS (SELECT 1 FROM annotation WHERE run_id = run.id AND archived)")
    if after is not None:
        conditions.append("(started_at, id) < (SELECT started_at, id FROM run WHERE id = ?)")
        values.append(after)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    limit = "" if options.limit is None else f"LIMIT {options.limit}"
    return [
        key
        for (key,) in fetch(connection, f"SELECT id FROM run {where} ORDER BY started_at DESC, id DESC {limit}", values)
    ]
