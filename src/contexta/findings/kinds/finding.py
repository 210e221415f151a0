"""The bases of every result, and of those that are tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from contexta.contract.fields import FrozenDict, TextMap
from contexta.core.errors import ContextaError
from contexta.core.model import Value

if TYPE_CHECKING:
    import pandas
    import polars

_TIMES = ("started_at", "ended_at", "observed_at")


class Finding(Value):
    """A result. Its JSON can be read back, also when a newer version of Contexta added fields.

    `contexta.reports` renders it. That package is in a higher layer, so it is imported by name when it is needed.
    """

    model_config = ConfigDict(extra="ignore")

    def to_markdown(self) -> str:
        """The report as GitHub's Markdown."""
        return str(import_module("contexta.reports").to_markdown(self))

    def to_html(self) -> str:
        """The report as one self-contained HTML page that opens offline."""
        return str(import_module("contexta.reports").to_html(self))

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        return str(import_module("contexta.reports").to_html_fragment(self))


class FindingAboutRuns(Finding):
    """A result about several runs."""

    renamed: TextMap = Field(default_factory=FrozenDict)
    """Reference -> name, of the runs that were renamed."""


class Tabular:
    """A result that is a table. Times are in UTC; the first column names the run."""

    def _table(self) -> tuple[list[str], list[Mapping[str, Any]]]:
        """(names of the columns, rows). A row may lack columns."""
        raise NotImplementedError

    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame, indexed by the name of the run. Raises ContextaError without pandas."""
        try:
            import pandas
        except ImportError:
            raise _missing("to_pandas", "pandas") from None
        columns, rows = self._table()
        table = pandas.DataFrame(rows, columns=columns)
        for name in set(_TIMES) & set(columns):
            table[name] = pandas.to_datetime([_moment(row.get(name)) for row in rows], utc=True)
        return table.set_index(columns[0])

    def to_polars(self) -> polars.DataFrame:
        """A DataFrame. A column of several types is one of texts. Raises ContextaError without polars."""
        try:
            import polars
        except ImportError:
            raise _missing("to_polars", "polars") from None
        columns, rows = self._table()
        cells = {name: one_type([row.get(name) for row in rows]) for name in columns}
        for name in set(_TIMES) & set(columns):
            cells[name] = [_moment(row.get(name)) for row in rows]
        return polars.DataFrame(
            cells, schema_overrides={name: polars.Datetime("us", "UTC") for name in set(_TIMES) & set(columns)}
        )


def one_type(values: Sequence[Any]) -> list[Any]:
    """The values with one type: booleans, integers or numbers if all are, else texts. None stays None.

    The texts NaN, Infinity and -Infinity are the numbers that JSON writes in this way.
    """
    present = [value for value in values if value is not None]
    if all(type(value) is bool for value in present):
        return list(values)
    numbers = [number for value in present if (number := _number(value)) is not None]
    if len(numbers) == len(present):
        if all(type(value) is int and -(2**63) <= value < 2**63 for value in present):
            return list(values)
        return [None if value is None else _number(value) for value in values]
    return [None if value is None else value if isinstance(value, str) else json.dumps(value) for value in values]


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return None
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else None


def _moment(text: str | None) -> datetime | None:
    """The time of a timestamp. pandas before 2.0 cannot parse a column with and without fractions of seconds."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _missing(method: str, package: str) -> ContextaError:
    return ContextaError(f"{method} needs {package}, which is not installed", hint=f"uv pip install {package}")
