"""Compile conditions on runs to SQL: every value is a bound parameter, and every test uses an index.

A condition on a run is an expression. If one test alone selects few runs, ``candidates`` finds them by its index.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from packaging.utils import canonicalize_name
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from contexta.core.errors import ContextaError, InvalidInput, shown
from contexta.core.validation import from_microseconds, seconds_in, timestamp, to_microseconds
from contexta.store.query.where import All, Field, Has, Literal, Not, Pointed, Test, Where
from contexta.store.schema import tables
from contexta.store.schema.sort_keys import MAX_WORDS, local_range, prefix_range, version_order

run, body, package = tables.run, tables.environment_body, tables.environment_distribution
annotation = tables.annotation
Condition: TypeAlias = ColumnElement[bool]
DURATION: ColumnElement[int] = type_coerce(run.c.ended_at - run.c.started_at, BigInteger)

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


class unled(FunctionElement[Any]):  # noqa: N801  # named as SQL's functions are
    """A condition for which SQLite shall use no index. Without statistics, its planner would choose any of them.

    PostgreSQL has statistics, so it may choose.
    """

    inherit_cache = True


@compiles(unled)
def _unchanged(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)})"


@compiles(unled, "sqlite")
def _with_plus(element: Any, compiler: Any, **options: Any) -> str:
    return f"+({compiler.process(element.clauses, **options)})"


class among(FunctionElement[bool]):  # noqa: N801  # as above
    """Whether a key is among the rows of a statement. PostgreSQL evaluates the statement first.

    Otherwise it estimates how many joined rows match, and reads the complete table if it expects many.
    """

    inherit_cache = True

    def __init__(self, key: ColumnElement[Any], keys: Select[Any]) -> None:
        super().__init__(key, keys.scalar_subquery())


@compiles(among)
def _in(element: Any, compiler: Any, **options: Any) -> str:
    key, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{key} IN {keys}"


@compiles(among, "postgresql")
def _in_array(element: Any, compiler: Any, **options: Any) -> str:
    key, keys = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{key} = ANY (ARRAY{keys})"


class Conditions:
    """The conditions of one text.

    has_renamed: whether any run has another name than the recorded one. Only recorded names have an index that
    PostgreSQL uses below OR.
    """

    def __init__(self, text: str, *, has_renamed: bool) -> None:
        self._pointed = Pointed(text, "where")
        self._has_renamed = has_renamed

    def expression(self, where: Where) -> Condition:
        """Whether a row of ``run`` matches. Raises InvalidInput at the place of a value that does not fit its field."""
        if isinstance(where, Not):
            return _not(self.expression(where.of))
        if isinstance(where, (Test, Has)):
            return _of_run(where.field, self._condition(where))
        return (and_ if isinstance(where, All) else or_)(*map(self.expression, where.of))

    def candidates(self, where: Where) -> list[Select[Any]]:
        """For each test that all matching runs pass and that has an index: the keys of the runs that pass it."""
        parts = where.of if isinstance(where, All) else (where,)
        leading = [part for part in parts if isinstance(part, (Test, Has)) and part.field.kind in _KEYS]
        return [
            _KEYS[part.field.kind](self._condition(part))
            for part in leading
            if isinstance(part, Has) or part.operator in ("=", "<", "<=", ">", ">=", "in")
        ]

    # ------------------------------------------------------------------------------------------ one test

    def _condition(self, test: Test | Has) -> Condition:
        """A condition on the row with the field: of ``run``, or of the table that lists it."""
        field = test.field
        named = _named(field)
        if isinstance(test, Has):
            return named if named is not None else _has(field)
        if test.operator in ("in", "not in"):
            equal = or_(*(self._compared(field, "=", value) for value in test.values))
            fits = equal if test.operator == "in" else _not(equal)
        else:
            fits = self._compared(field, test.operator, test.values[0])
        return fits if named is None else and_(named, fits)

    def _compared(self, field: Field, operator: str, value: Literal) -> Condition:
        compare = getattr(self, f"_{field.kind}")
        try:
            condition: Condition = compare(field, operator, value)
            return condition
        except ContextaError as error:
            if "\n" in error.what:
                raise
            self._pointed.refuse(value.at, error.what, error.hint or "write another value")

    def _metrics(self, field: Field, operator: str, value: Literal) -> Condition:
        column = tables.metric_series.c.last_value
        self._only_compares(field, operator, value)
        number = self._number(field, value)
        if math.isnan(number):  # NaN is stored as NULL
            self._only_equals(field, operator, value)
            return column.is_(None) if operator == "=" else column.is_not(None)
        fits: Condition = _COMPARE[operator](column, number)
        return or_(fits, column.is_(None)) if operator == "!=" else fits

    def _params(self, field: Field, operator: str, value: Literal) -> Condition:
        param = tables.param
        number = None if value.quoted else _as_number(value.text)
        if operator in ("contains", "like"):
            return _text(param.c.words, operator, value.text)
        if number is None:
            self._only_equals(field, operator, value, "a number compares with < and >")
            return _COMPARE[operator](param.c.words, self._words(value))  # type: ignore[no-any-return]  # of columns
        fits: Condition = _COMPARE[operator](param.c.number, number)
        return or_(fits, param.c.number.is_(None)) if operator == "!=" else fits

    def _tags(self, field: Field, operator: str, value: Literal) -> Condition:
        return self._words_test(tables.run_tag.c.words, field, operator, value)

    def _packages(self, field: Field, operator: str, value: Literal) -> Condition:
        return self._version(package.c.version, package.c.version_order, field, operator, value)

    def _python(self, field: Field, operator: str, value: Literal) -> Condition:
        return self._version(body.c.python_version, body.c.python_order, field, operator, value)

    def _platform(self, field: Field, operator: str, value: Literal) -> Condition:
        return self._words_test(body.c.platform, field, operator, value)

    def _status(self, field: Field, operator: str, value: Literal) -> Condition:
        statuses = ("open", "completed", "failed", "cancelled", "crashed")
        self._only_equals(field, operator, value)
        if value.text not in statuses:
            self._pointed.refuse(value.at, f"{shown(value.text)} is no status", f"it is one of {', '.join(statuses)}")
        return _COMPARE[operator](run.c.status, value.text)  # type: ignore[no-any-return]  # of columns

    def _name(self, field: Field, operator: str, value: Literal) -> Condition:
        recorded = self._words_test(run.c.name, field, operator, value)
        if not self._has_renamed:
            return recorded
        of_run = exists().where(annotation.c.run_id == run.c.id, annotation.c.name.is_not(None)).correlate(run)
        matches = self._words_test(annotation.c.name, field, operator, value)
        fits = run.c.id.in_(select(annotation.c.run_id).where(matches)) if operator == "=" else of_run.where(matches)
        return or_(and_(recorded, ~of_run), fits)

    def _run(self, field: Field, operator: str, value: Literal) -> Condition:
        text = value.text.removeprefix("run:")
        if "." in text and operator in ("=", "!="):
            return _COMPARE[operator](run.c.ref, f"run:{text}")  # type: ignore[no-any-return]  # of columns
        return self._words_test(run.c.slug, field, operator, value)

    def _project(self, field: Field, operator: str, value: Literal) -> Condition:
        self._only_equals(field, operator, value)
        project = tables.project
        ref = f"project:{value.text.removeprefix('project:')}"
        of_project = run.c.project_id == select(project.c.id).where(project.c.ref == ref).scalar_subquery()
        return of_project if operator == "=" else _not(of_project)

    def _started(self, field: Field, operator: str, value: Literal) -> Condition:
        self._only_compares(field, operator, value)
        return _within(run.c.started_at, operator, _moments(value.text))

    def _ended(self, field: Field, operator: str, value: Literal) -> Condition:
        self._only_compares(field, operator, value)
        return _within(run.c.ended_at, operator, _moments(value.text))

    def _duration(self, field: Field, operator: str, value: Literal) -> Condition:
        self._only_compares(field, operator, value)
        microseconds = min(seconds_in(value.text) * 1e6, 2.0**62)
        return _COMPARE[operator](DURATION, int(microseconds))  # type: ignore[no-any-return]  # operator's are untyped  # of columns

    # ------------------------------------------------------------------------------------------ values

    def _version(self, text: Any, order: Any, field: Field, operator: str, value: Literal) -> Condition:
        if operator in ("contains", "like"):
            return _text(text, operator, value.text)
        star = prefix_range(value.text.removesuffix(".*")) if value.text.endswith(".*") else None
        span, exact = star or local_range(value.text), version_order(value.text)
        if star is not None:
            self._only_equals(field, operator, value, "2.1.* matches versions that start with 2.1")
        if span is not None:
            return _within(order, operator, span)
        if exact is not None:  # a version with a local part matches only itself
            return _COMPARE[operator](order, exact)  # type: ignore[no-any-return]  # of columns
        self._only_equals(field, operator, value, "versions read like 2.1, 2.1.0rc1 or 2.1.0+cu118")
        return _COMPARE[operator](text, value.text)  # type: ignore[no-any-return]  # of columns

    def _words_test(self, column: Any, field: Field, operator: str, value: Literal) -> Condition:
        if operator in ("contains", "like"):
            return _text(column, operator, value.text)
        self._only_equals(field, operator, value)
        return _COMPARE[operator](column, self._words(value))  # type: ignore[no-any-return]  # of columns

    def _words(self, value: Literal) -> str:
        if len(value.text) > MAX_WORDS:
            hint = 'compare its beginning with `like "...%"`'
            self._pointed.refuse(value.at, f"only the first {MAX_WORDS} characters of a text are compared", hint)
        return value.text

    def _number(self, field: Field, value: Literal) -> float:
        number = None if value.quoted else _as_number(value.text)
        if number is None:
            self._pointed.refuse(value.at, f"{shown(value.text)} is no number, but {field} is one", "write e.g. 0.9")
        return number

    def _only_compares(self, field: Field, operator: str, value: Literal) -> None:
        if operator not in _COMPARE:
            self._pointed.refuse(value.at, f"`{operator}` needs a text, and {field} is none", "use = != < <= > >= in")

    def _only_equals(self, field: Field, operator: str, value: Literal, hint: str = "use = != in") -> None:
        if operator not in ("=", "!="):
            words = f"{field} {operator} {shown(value.text)} cannot be decided"
            self._pointed.refuse(value.at, words, hint)


# ---------------------------------------------------------------------------------------------- tables of fields


def of_metric(name: str) -> Condition:
    """The series with the last values of a metric, by index."""
    return and_(tables.metric_series.c.is_last, tables.metric_series.c.metric_key == name)


def _named(field: Field) -> Condition | None:
    """The rows of a field in the table that lists such fields."""
    if field.kind == "metrics":
        return of_metric(field.name)
    if field.kind == "params":
        return tables.param.c.name == field.name
    if field.kind == "tags":
        return tables.run_tag.c.name == field.name
    if field.kind == "packages":
        return package.c.name == canonicalize_name(field.name)
    return None


def _has(field: Field) -> Condition:
    columns = {"python": body.c.python_version, "platform": body.c.platform, "ended": run.c.ended_at}
    columns["duration"] = run.c.ended_at
    return columns.get(field.kind, run.c.id).is_not(None)


def _of_run(field: Field, condition: Condition) -> Condition:
    """A condition on a row of ``run``, which may be sorted by another index."""
    listed = {"metrics": tables.metric_series, "params": tables.param, "tags": tables.run_tag}.get(field.kind)
    if listed is not None:
        return exists().select_from(listed).where(listed.c.run_id == run.c.id, condition).correlate(run)
    bodies = _bodies(field, condition)
    return condition if bodies is None else among(unled(run.c.environment_body_id), bodies)


def _bodies(field: Field, condition: Condition) -> Select[Any] | None:
    if field.kind == "packages":
        return select(package.c.environment_body_id).where(condition)
    return select(body.c.id).where(condition) if field.kind in ("python", "platform") else None


def _of_row(condition: Condition) -> Select[Any]:
    return select(run.c.id).where(condition)


_KEYS: dict[str, Callable[[Condition], Select[Any]]] = {
    "metrics": lambda condition: select(tables.metric_series.c.run_id).where(condition),
    "params": lambda condition: select(tables.param.c.run_id).where(condition),
    "tags": lambda condition: select(tables.run_tag.c.run_id).where(condition),
    "packages": lambda condition: select(run.c.id).where(
        among(run.c.environment_body_id, select(package.c.environment_body_id).where(condition))
    ),
    "python": lambda condition: select(run.c.id).where(
        among(run.c.environment_body_id, select(body.c.id).where(condition))
    ),
    "platform": lambda condition: select(run.c.id).where(
        among(run.c.environment_body_id, select(body.c.id).where(condition))
    ),
    **dict.fromkeys(("status", "name", "run", "started", "duration"), _of_row),
}


# ---------------------------------------------------------------------------------------------- comparing


def _not(condition: Condition) -> Condition:
    """The negation; an unknown condition counts as false."""
    return not_(func.coalesce(condition, false()))


def _within(column: Any, operator: str, span: tuple[Any, Any]) -> Condition:
    """Compare a column with a span of values: before it, in it, after it."""
    low, high = span
    conditions: dict[str, Condition] = {
        "=": and_(column >= low, column < high),
        "!=": or_(column < low, column >= high),
        "<": column < low,
        "<=": column < high,
        ">": column >= high,
        ">=": column >= low,
    }
    return conditions[operator]


def _text(column: Any, operator: str, text: str) -> Condition:
    """A test of a text that ignores the case of ASCII letters, as both databases do."""
    folded = func.lower(column)
    lower = "".join(c.lower() if c.isascii() else c for c in text)
    condition: Condition = folded.contains(lower, autoescape=True) if operator == "contains" else folded.like(lower)
    return condition


def _as_number(text: str) -> float | None:
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?inf|nan", text, re.ASCII) is None:
        return None
    return float(text)


def _moments(text: str) -> tuple[str, str]:
    """(first moment, first moment after it) of a year, a month, a day or one moment, as timestamps."""
    match = re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", text, re.ASCII)
    if match is None:
        try:
            moment = timestamp(text)
        except InvalidInput as error:
            hint = "e.g. 2025, 2025-02, 2025-02-15 or 2025-02-15T08:00:00Z"
            raise InvalidInput(error.what, hint=hint) from None
        return moment, from_microseconds(to_microseconds(moment) + 1)
    year, month, day = match.groups()
    first = timestamp(f"{year}-{month or '01'}-{day or '01'}T00:00:00Z")
    return first, _following(first, "day" if day else "month" if month else "year")


def _following(first: str, unit: str) -> str:
    start = datetime.fromisoformat(first[:-1])
    try:
        end = start + timedelta(days={"day": 1, "month": 31, "year": 366}[unit])
    except OverflowError:
        raise InvalidInput(f"{first} is the end of the calendar", hint="write an earlier date") from None
    end = end if unit == "day" else end.replace(day=1) if unit == "month" else end.replace(month=1, day=1)
    return end.isoformat() + "Z"
