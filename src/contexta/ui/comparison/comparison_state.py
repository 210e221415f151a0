"""The state of a comparison, which is in its address completely, and the search in its rows. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from xml.etree.ElementTree import Element

from starlette.datastructures import QueryParams

from contexta.core.errors import InvalidInput
from contexta.ui.comparison.regex_search import texts_with
from contexta.ui.frame.charts import MOST_RUNS, ChartScale, Parameters
from contexta.ui.frame.layout import address

SAME = "same"
"""The class of a row without a difference."""


@dataclass(frozen=True)
class ComparisonState:
    """The state of the page of a comparison."""

    runs: tuple[str, ...] = ()
    everything: bool = False
    """Whether rows without a difference are shown too."""
    query: str = ""
    is_regex: bool = False
    scale: ChartScale = field(default_factory=ChartScale)

    @classmethod
    def of(cls, parameters: QueryParams) -> ComparisonState:
        """Raises InvalidInput for too many runs."""
        runs = tuple(name for name in parameters.getlist("run") if name)
        if len(runs) > MOST_RUNS:
            raise InvalidInput(
                f"{len(runs)} runs are selected, and {MOST_RUNS} can be compared", hint="select fewer runs"
            )
        return cls(
            runs,
            parameters.get("show") == "all",
            parameters.get("q", "").strip()[:200],
            parameters.get("regex") == "1",
            ChartScale.of(parameters),
        )

    def parameters(self) -> Parameters:
        """All but those of the curves."""
        pairs = [("run", name) for name in self.runs]
        pairs += [("show", "all")] if self.everything else []
        pairs += [("q", self.query)] if self.query else []
        return pairs + ([("regex", "1")] if self.is_regex else [])

    def address(self, **changes: object) -> str:
        """The address of the page with some of its state changed."""
        state = replace(self, **changes)  # type: ignore[arg-type]  # the fields of this class
        return address("/compare", [*state.parameters(), *state.scale.parameters()])

    def matcher(self, texts: Iterable[str]) -> Callable[[str], bool]:
        """Whether one of the texts matches: contains each word, or the regular expression; regardless of case.

        Raises InvalidInput for a wrong expression, and for one that takes too long.
        """
        if not self.query:
            return lambda _: True
        if not self.is_regex:
            words = self.query.lower().split()
            return lambda text: all(word in text.lower() for word in words)
        matching = texts_with(self.query, texts)
        return lambda text: text in matching


@dataclass
class Part:
    """One table of a comparison."""

    title: str
    titles: tuple[str, ...]
    rows: list[Element]
    """A row without a difference has the class ``same``."""
    note: str = ""
    unchanged: int = 0
    """Rows without a difference that the page does not have, even if everything is shown."""

    def text_of(self, row: Element) -> str:
        """The text in which a search looks."""
        return f"{self.title} {' '.join(row.itertext())}"

    def shown(self, state: ComparisonState, matches: Callable[[str], bool]) -> list[Element]:
        return [row for row in self.rows if (state.everything or not is_same(row)) and matches(self.text_of(row))]

    @property
    def differing(self) -> int:
        return sum(not is_same(row) for row in self.rows)

    @property
    def same(self) -> int:
        return len(self.rows) - self.differing + self.unchanged


def is_same(row: Element) -> bool:
    return SAME in (row.get("class") or "").split()


def totals(parts: Iterable[Part]) -> tuple[int, int]:
    """(rows that differ, rows that are the same)"""
    every = list(parts)
    return sum(part.differing for part in every), sum(part.same for part in every)


__all__ = ["SAME", "ComparisonState", "Part", "totals"]
