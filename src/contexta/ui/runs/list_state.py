"""The state of the table of runs, which is in its address completely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

PAGE = 50
"""Rows of a page: runs or groups."""
_MOST_TRAIL = 20
_KINDS = {"metric": "metrics", "param": "params", "package": "packages", "tag": "tags"}


@dataclass(frozen=True)
class ListState:
    """One field for each parameter of the address; a tuple is a repeated parameter."""

    project: str = ""
    where: str = ""
    sort: str = ""
    """A field and ``asc`` or ``desc``; empty: the latest first."""
    group: str = ""
    """How runs are grouped; empty: not at all."""
    metric: str = ""
    """The metric with a curve and the distance to the baseline; empty: the one that most runs have."""
    baseline: str = ""
    columns: str = ""
    """``all`` shows columns without a difference, too."""
    column: tuple[str, ...] = ()
    """The chosen columns in their order; empty: those that differ."""
    pin: tuple[str, ...] = ()
    """Columns that stay next to the name."""
    archived: str = ""
    """``yes`` lists archived runs, too."""
    after: str = ""
    """The last run of the previous page."""
    trail: tuple[str, ...] = ()
    """The values of ``after`` of the previous pages; empty for the first page."""
    open: tuple[str, ...] = ()
    """The groups whose runs are shown, by their first runs."""
    edit: str = ""
    """The run whose note and tags are being edited."""
    run: tuple[str, ...] = ()
    """The selected rows: the references of each, separated by spaces."""

    @classmethod
    def of(cls, parameters: QueryParams) -> ListState:
        values: dict[str, str | tuple[str, ...]] = {}
        for field in fields(cls):
            if isinstance(field.default, tuple):
                texts = (text.strip() for text in parameters.getlist(field.name))
                values[field.name] = tuple(dict.fromkeys(filter(None, texts)))
            else:
                values[field.name] = parameters.get(field.name, "").strip()
        for name in ("column", "pin"):
            values[name] = tuple(map(column_name, values[name]))
        return cls(**values)  # type: ignore[arg-type]  # the fields of this class

    def parameters(self, *without: str, **changes: object) -> list[tuple[str, str]]:
        """The parameters of the address that are not empty, with some of them changed."""
        pairs: list[tuple[str, str]] = []
        for name, value in {**self.__dict__, **changes}.items():
            if value and name not in without:
                texts: Sequence[str] = value if isinstance(value, tuple) else (value,)
                pairs += [(name, text) for text in texts]
        return pairs

    def address(self, **changes: object) -> str:
        """The address of the table with some of its state changed."""
        parameters = self.parameters(**changes)
        return f"/?{urlencode(parameters)}" if parameters else "/"

    def from_start(self, **changes: object) -> str:
        """The address of the first page with some of the state changed."""
        return self.address(**{"after": "", "trail": (), "edit": "", **changes})

    def older(self, last: str) -> str:
        trail = (*self.trail, self.after or "-")[-_MOST_TRAIL:]
        return self.address(after=last, trail=trail, edit="")

    def newer(self) -> str:
        after = self.trail[-1] if self.trail else ""
        return self.address(after="" if after == "-" else after, trail=self.trail[:-1], edit="")

    @property
    def selected(self) -> frozenset[str]:
        return frozenset(reference for value in self.run for reference in value.split())


def column_name(name: str) -> str:
    """The name of a column; ``package.pandas`` is ``packages.pandas``."""
    kind, dot, rest = name.partition(".")
    return f"{_KINDS.get(kind, kind)}{dot}{rest.strip(chr(34))}"


__all__ = ["PAGE", "ListState", "column_name"]
