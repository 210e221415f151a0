"""The cells of the table of runs as HTML: values, distances to the baseline, states and tags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from xml.etree.ElementTree import Element

from contexta.analysis.metrics.compare import delta_of
from contexta.analysis.metrics.direction import Directions, is_worse
from contexta.contract.environment import UNKNOWN
from contexta.findings.runs import GroupedMetric, RunSummary
from contexta.reports.document.formatting import amount, finite, signed, span
from contexta.ui.frame.content import MINUS, NOT_APPLICABLE, judged
from contexta.ui.frame.elements import THIN_SPACE, Child, element
from contexta.ui.frame.icons import icon
from contexta.ui.runs.run_columns import RunColumn
from contexta.ui.runs.run_lines import RunLine, Various, number_in

_MOST_TAGS = 3
_LONG = 24  # characters; longer texts may be cut off
_LIKELY_DEVIATIONS = 2  # a mean within so many deviations of the baseline counts as noise
_STATES = {
    "completed": ("check", "completed"),
    "failed": ("cross", "failed"),
    "crashed": ("question", "no end"),
    "cancelled": ("cross", "cancelled"),
}


class CellWriter:
    """Writes the cells of one table, with equal decimals in each column.

    metric: the main metric. baseline: the line that the others are compared with. deviation: the run-to-run standard
    deviation of the metric; None if it is unknown.
    """

    def __init__(
        self,
        lines: Sequence[RunLine],
        metric: str | None,
        directions: Directions,
        baseline: RunLine | None,
        deviation: float | None,
    ) -> None:
        self._deviation = deviation
        self._metric = metric
        self._directions = directions
        self._baseline = baseline
        self._lines = lines
        self._decimals: dict[str, int | None] = {}

    def cell(self, line: RunLine, column: RunColumn) -> Element:
        kind, _, key = column.name.partition(".")
        if kind in ("metrics", "value"):
            return self._value(line, key or self._metric or "", column)
        if kind in ("params", "packages", "tags") and key:
            return self._compared(line, kind, key, column)
        content: list[Child] = []  # of a curve, which the script draws
        if kind == "status":
            content = [state(line)]
        elif kind == "project":
            content = [line.run.project_ref.value]
        elif kind == "started":
            content = [_short_time(line.started_at)]
        elif kind == "duration":
            content = [span(line.seconds) or NOT_APPLICABLE]
        elif kind == "spread":
            content = [self._spread(line)]
        elif kind == "delta":
            content = self._delta(line)
        elif kind == "tags":
            content = _tags(line.run)
        elif kind == "note":
            content = [line.run.note or ""]
        attributes: dict[str, str | None] = {"class_": _class(column), "data_l": column.title}
        if kind == "started":
            attributes["title"] = f"{line.started_at[:19].replace('T', ' ')} UTC"
        elif kind == "curve":
            attributes["data_run"] = line.run.run_ref.value if self._number(line, self._metric) is not None else None
        elif kind == "note":
            attributes["title"] = line.run.note
        return element("td", *content, **attributes)

    def _value(self, line: RunLine, key: str, column: RunColumn) -> Element:
        text = self._text(key, self._number(line, key))
        name = "none" if text == NOT_APPLICABLE else "main" if column.name == "value" else ""
        return element("td", text, class_=_class(column, name), data_l=column.title)

    def _compared(self, line: RunLine, kind: str, key: str, column: RunColumn) -> Element:
        """A parameter, version or tag: bold where it differs from that of the baseline."""
        value = _named(line, kind, key)
        if kind == "packages" and (line.packages is None or value == UNKNOWN):
            unknown = element("span", icon("question"), " unknown", class_="chip unknown")
            return element("td", unknown, class_=_class(column), data_l=column.title, title=f"{key} was not recorded")
        name = ""
        if self._baseline is not None and line is not self._baseline and not line.is_baseline:
            before = _named(self._baseline, kind, key)
            is_unknown = kind == "packages" and (self._baseline.packages is None or before == UNKNOWN)
            name = "" if is_unknown else "equal" if before == value else "differs"
        if value is None:
            return element("td", NOT_APPLICABLE, class_=_class(column, f"none {name}"), data_l=column.title)
        text = f"{value.number} values" if isinstance(value, Various) else str(value)
        return element(
            "td", text, class_=_class(column, name), data_l=column.title, title=text if len(text) > 24 else None
        )

    def _spread(self, line: RunLine) -> str:
        value = line.metrics.get(self._metric or "")
        if not isinstance(value, GroupedMetric):
            return "so far" if line.run.status == "open" and value is not None else ""
        if value.standard_deviation is None:
            return f"({value.n})"
        return f"± {value.standard_deviation:.2g} ({value.n})"

    def _delta(self, line: RunLine) -> list[Child]:
        """The difference to the baseline. The sign is its direction, and the glyph says better or worse."""
        if self._baseline is None or line.is_baseline:
            return [NOT_APPLICABLE]
        delta, _ = delta_of(self._number(self._baseline, self._metric), self._number(line, self._metric))
        if delta is None:
            return [NOT_APPLICABLE]
        text = self._text(self._metric or "", delta, is_signed=True)
        if self._deviation is not None and abs(delta) <= _LIKELY_DEVIATIONS * self._deviation:
            return [f"{text} ", _sign("≈", "within noise", "quiet")]
        verdict, tone = judged(is_worse(self._metric or "", delta, self._directions))
        if not verdict:
            return [text]
        glyph, _, word = verdict.partition(" ")
        return [element("span", f"{text} ", _sign(glyph, word, ""), class_=tone)]

    def _number(self, line: RunLine, key: str | None) -> float | int | None:
        return number_in(line.metrics.get(key or ""))

    def _text(self, key: str, value: float | int | None, *, is_signed: bool = False) -> str:
        if value is None:
            return NOT_APPLICABLE
        if key not in self._decimals:
            self._decimals[key] = decimals([self._number(line, key) for line in self._lines])
        return number_text(value, self._decimals[key], is_signed=is_signed)


def decimals(values: Sequence[float | int | None]) -> int | None:
    """The decimals that show four digits of the largest value; None for values that are too large or too small."""
    numbers = [number for number in map(finite, values) if number is not None]
    if all(number.is_integer() for number in numbers):
        return 0
    largest = max(map(abs, numbers), default=0.0)
    if not 1e-3 <= largest < 1e9:
        return None
    return max(1, 4 - max(0, math.floor(math.log10(largest))))


def number_text(value: float | int, places: int | None, *, is_signed: bool = False) -> str:
    """A number with these decimals, a minus sign, and narrow spaces between thousands."""
    sign = "+" if is_signed else ""
    if places is None or finite(value) is None or abs(value) >= 1e12:
        text = amount(value) if not is_signed else signed(value)
    else:
        text = f"{value:{sign}_.{places}f}"
    return text.replace("-", MINUS).replace("_", THIN_SPACE)


def state(line: RunLine) -> Element:
    """The state of a run, or of the run of a group that matters most: one that runs or failed."""
    statuses = {run.status for run in line.runs}
    for status in ("open", "failed", "crashed", "cancelled"):
        if status in statuses:
            break
    else:
        return element("span", icon("check"), element("span", "completed", class_="unseen"), title="completed")
    number = sum(run.status == status for run in line.runs)
    of = f" {number} of {len(line.runs)}" if line.is_group else ""
    if status == "open":
        return element("span", f"running{of}", class_="running")
    name, word = _STATES[status]
    return element("span", icon(name), f" {word}{of}", class_="worse" if status == "failed" else None)


def _tags(run: RunSummary) -> list[Child]:
    texts = [f"{name}={value}" if value else name for name, value in run.tags.items()]
    chips: list[Child] = [element("span", text, class_="chip", title=text) for text in texts[:_MOST_TAGS]]
    if len(texts) > _MOST_TAGS:
        chips.append(element("span", f" +{len(texts) - _MOST_TAGS}", title=", ".join(texts[_MOST_TAGS:])))
    return chips


def _named(line: RunLine, kind: str, key: str) -> object:
    table = {"params": line.params, "packages": line.packages or {}, "tags": line.run.tags}[kind]
    return table.get(key)


def _sign(glyph: str, word: str, name: str) -> Element:
    seen, heard = element("span", glyph, aria_hidden="true"), element("span", word, class_="unseen")
    return element("span", seen, heard, title=word, class_=name or None)


def _class(column: RunColumn, name: str = "") -> str | None:
    classes = (
        "number" if column.is_number else "",
        "mono" if column.is_mono else "",
        name,
        column.name.partition(".")[0],
    )
    return " ".join(filter(None, classes)) or None


def _short_time(text: str) -> str:
    """``13 Apr 09:12``; the title of the cell has the year."""
    moment = datetime.fromisoformat(text[:19])
    return f"{moment.day} {moment:%b %H:%M}"


__all__ = ["CellWriter", "decimals", "number_text", "state"]
