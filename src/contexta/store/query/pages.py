"""Find and sort the runs of a list by index: the cost does not depend on the size of the workspace.

If few runs pass one of the tests, they are found by the index of that test and then sorted. Otherwise the index of the
order is read until the page is full: if many runs match, some of them come soon.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name
from sqlalchemy import Column, ColumnElement, Connection, Select, and_, exists, func, literal, select, true, tuple_

from contexta.core.references import StableRef
from contexta.store.entities import run_annotations
from contexta.store.query.conditions import DURATION, Condition, Conditions, of_metric, unled
from contexta.store.query.near_names import existing_names, nearest, require_project
from contexta.store.query.run_list_options import RunListOptions
from contexta.store.query.where import Field, Has, Not, Order, Pointed, Test, Where, parse, parse_order
from contexta.store.schema import tables

FEW = 2_000
"""Up to this number of runs, sorting is faster than reading the index of the order."""

run = tables.run
_LATEST = Order(Field("started", "", 0), descending=True)


def matching(connection: Connection, options: RunListOptions, after: int | None) -> tuple[list[int], list[str]]:
    """(the keys of the matching runs, in order; notes about names in the query that no run has)."""
    order = _LATEST if options.order_by is None else parse_order(options.order_by)
    where = None if options.where is None else parse(options.where)
    has_renamed = _uses_renamed(connection, order.field, where)
    key = _key(order.field, options.order_by, has_renamed=has_renamed)
    conditions, are_few = _conditions(connection, options, where, has_renamed=has_renamed)
    key = key.of_one() if are_few else key
    place = None if after is None else _place(connection, key, after)
    ids = list(_walked(connection, key, order.descending, conditions, place, options.limit))
    fields = [*_fields(where), *([order.field] if options.order_by else [])]
    return ids, list(_unknown(connection, fields))


def count(connection: Connection, options: RunListOptions, most: int) -> int:
    """The number of matching runs, but at most ``most``, which bounds the time. The limit of the options is ignored."""
    where = None if options.where is None else parse(options.where)
    conditions, _ = _conditions(connection, options, where, has_renamed=_uses_renamed(connection, None, where))
    some = select(run.c.id).where(*conditions).limit(most).subquery("counted")
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def count_archived(connection: Connection, project: StableRef | None) -> int:
    """The number of archived runs of a project, or of all."""
    annotation = tables.annotation
    statement = select(func.count()).select_from(annotation).where(annotation.c.archived)
    if project is not None:
        statement = statement.join(run, run.c.id == annotation.c.run_id)
        statement = statement.where(run.c.project_id == require_project(connection, project))
    return connection.execute(statement).scalar_one()


def _uses_renamed(connection: Connection, sorted_by: Field | None, where: Where | None) -> bool:
    """Whether the query reads names and any run has another name than the recorded one."""
    uses_name = "name" in {field.kind for field in _fields(where)} | {sorted_by.kind if sorted_by else ""}
    return uses_name and run_annotations.has_renamed(connection)


def _conditions(
    connection: Connection, options: RunListOptions, where: Where | None, *, has_renamed: bool
) -> tuple[list[Condition], bool]:
    """(the conditions, whether one of them alone is passed by few runs and leads)."""
    conditions = [] if options.project is None else [run.c.project_id == require_project(connection, options.project)]
    if not options.with_archived:
        of_run = exists().where(tables.annotation.c.run_id == run.c.id, tables.annotation.c.archived)
        conditions.append(~of_run.correlate(run))
    if where is None or options.where is None:
        return conditions, False
    compiled = Conditions(options.where, has_renamed=has_renamed)
    conditions.append(compiled.expression(where))
    few = _few(connection, compiled.candidates(where))
    return (conditions, False) if few is None else (_led_by(few, conditions), True)


# ---------------------------------------------------------------------------------------------- order


@dataclass(frozen=True)
class _Key:
    """The value that runs are sorted by. Runs without it come last, the latest first."""

    value: ColumnElement[Any]
    """A column of ``run``, or of ``table``."""
    of: Condition = field(default_factory=true)
    """The condition for rows that have the value."""
    table: Any = None
    on: Condition = field(default_factory=true)
    """The condition for rows that belong to a run."""
    always: bool = False
    """Whether every run has a value."""

    def rows(self, *columns: Any, outer: bool = False) -> Select[Any]:
        statement = select(*columns)
        if self.table is None:
            return statement.select_from(run)
        joined = and_(self.on, self.of)
        return statement.select_from(run.join(self.table, joined, isouter=outer))

    def of_one(self) -> _Key:
        """The same key for runs that another index found."""
        if self.table is None:
            return self
        value = select(self.value).where(self.on, self.of).correlate(run).scalar_subquery()
        return _Key(value)

    def lacks(self) -> Condition:
        if self.table is None:
            return self.value.is_(None)
        has = exists().select_from(self.table).where(self.on, self.of, self.value.is_not(None))
        return ~has.correlate(run)


def _key(of: Field, text: str | None, *, has_renamed: bool) -> _Key:
    """has_renamed: whether any run has another name than the recorded one. Only recorded names have an index."""
    plain: dict[str, _Key] = {
        "status": _Key(run.c.status, always=True),
        "started": _Key(run.c.started_at, always=True),
        "name": _Key(run_annotations.name_of_run() if has_renamed else run.c.name, always=True),
        "run": _Key(run.c.ref, always=True),
        "duration": _Key(DURATION),
    }
    if of.kind in ("metrics", "params", "tags", "packages"):
        return _named_key(of)
    if of.kind not in plain:
        hint = f"by metrics.NAME, params.NAME, tags.NAME, packages.NAME, {', '.join(plain)}"
        Pointed(text or "", "sort").refuse(of.at, f"runs are not sorted by {of}", hint)
    return plain[of.kind]


def _named_key(of: Field) -> _Key:
    """Versions sort as PEP 440 orders them, tags by the start of their text."""
    series, param, tag, package = (
        tables.metric_series,
        tables.param,
        tables.run_tag,
        tables.environment_distribution,
    )
    if of.kind == "metrics":
        return _Key(series.c.last_value, of_metric(of.name), series, series.c.run_id == run.c.id)
    if of.kind == "params":
        return _Key(param.c.number, param.c.name == of.name, param, param.c.run_id == run.c.id)
    if of.kind == "tags":
        return _Key(tag.c.words, tag.c.name == of.name, tag, tag.c.run_id == run.c.id)
    of_run = package.c.environment_body_id == run.c.environment_body_id
    return _Key(package.c.version_order, package.c.name == canonicalize_name(of.name), package, of_run)


def _place(connection: Connection, key: _Key, run_id: int) -> Any:
    """(value, started_at, id) of a run; the next page begins after it."""
    statement = key.rows(key.value.label("value"), run.c.started_at, run.c.id, outer=True)
    return connection.execute(statement.where(run.c.id == run_id)).one()


def _walked(
    connection: Connection, key: _Key, descending: bool, conditions: list[Condition], place: Any, limit: int | None
) -> Iterator[int]:
    """The keys of the matching runs, in order, after a place."""
    # the key of the table that lists the value: sorting by run.id would not use its index
    id_ = run.c.id if key.table is None or "run_id" not in key.table.c else key.table.c.run_id
    number = 0
    if place is None or place.value is not None:
        statement = key.rows(run.c.id).where(*conditions, *([] if key.always else [key.value.is_not(None)]))
        if place is not None:
            here, mark = tuple_(key.value, id_), _mark(key.value, place.value, place.id)
            statement = statement.where(here < mark if descending else here > mark)
        columns: list[ColumnElement[Any]] = [key.value, id_]
        statement = statement.order_by(*(column.desc() if descending else column.asc() for column in columns)).limit(
            limit
        )
        for run_id in connection.execute(statement).scalars():
            number += 1
            yield run_id
    if key.always or number == limit:
        return
    rest = select(run.c.id).where(*conditions, key.lacks())
    if place is not None and place.value is None:
        rest = rest.where(tuple_(run.c.started_at, run.c.id) < _mark(run.c.started_at, place.started_at, place.id))
    rest = rest.order_by(run.c.started_at.desc(), run.c.id.desc()).limit(None if limit is None else limit - number)
    yield from connection.execute(rest).scalars()


def _mark(column: ColumnElement[Any], value: Any, run_id: int) -> Any:
    return tuple_(literal(value, column.type), literal(run_id))


# ---------------------------------------------------------------------------------------------- conditions


def _few(connection: Connection, candidates: Iterable[Select[Any]]) -> Select[Any] | None:
    """The test that the fewest runs pass; None if many runs pass each test."""
    fewest, amount = None, FEW + 1
    for candidate in candidates:
        some = candidate.limit(amount).subquery("counted")
        number = connection.execute(select(func.count()).select_from(some)).scalar_one()
        if number < amount:
            fewest, amount = candidate.limit(number), number  # the limit tells the planner how few they are
    return fewest


def _led_by(few: Select[Any], conditions: list[Condition]) -> list[Condition]:
    """The same conditions for few runs."""
    return [run.c.id.in_(few), unled(and_(*conditions))]


def _fields(where: Where | None) -> Iterator[Field]:
    if where is None:
        return
    if isinstance(where, (Test, Has)):
        yield where.field
    elif isinstance(where, Not):
        yield from _fields(where.of)
    else:
        for part in where.of:
            yield from _fields(part)


def _unknown(connection: Connection, fields: Iterable[Field]) -> Iterator[str]:
    """Notes about names in the query that no run has."""
    names: dict[str, tuple[Column[Any], Condition]] = {
        "metrics": (tables.metric_series.c.metric_key, tables.metric_series.c.is_last),
        "params": (tables.param.c.name, true()),
        "tags": (tables.run_tag.c.name, true()),
    }
    for field_ in fields:
        if field_.kind not in names:
            continue
        column, where = names[field_.kind]
        if connection.execute(select(column).where(where, column == field_.name).limit(1)).first():
            continue
        close = nearest(field_.name, existing_names(connection, column, where))
        suggestion = f"; did you mean {field_.kind}.{close}?" if close is not None else ""
        yield f"no run has {field_}{suggestion}"
