"""Parts of pages: sections, tables, facts, chips, and numbers as the pages write them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from xml.etree.ElementTree import Element

from contexta.contract.environment import Origin
from contexta.reports.document.formatting import amount, signed, size, span
from contexta.ui.frame.elements import THIN_SPACE, Child, add, element
from contexta.ui.frame.icons import icon

MINUS, EN_DASH = "\N{MINUS SIGN}", "\N{EN DASH}"
NOT_APPLICABLE = EN_DASH
_MOST_DECIMALS, _LARGE = 8, 1e9  # beyond these a number has an exponent
_THOUSANDS = re.compile(r"(?<=\d)(?=(?:\d{3})+(?!\d))")


def number(value: int | float | None) -> str:
    """``1 200.5`` with a thin space, negative numbers with a minus sign; a dash where there is no value."""
    return NOT_APPLICABLE if value is None else _spaced(amount(value))


def same_decimals(values: Iterable[float | None]) -> Callable[[float | None], str]:
    """Write the values of one metric with equal decimals: four digits of the largest, two of the range."""
    finite = [value for value in values if value is not None and math.isfinite(value)]
    sizes = [max(map(abs, finite), default=0.0), max(finite, default=0.0) - min(finite, default=0.0)]
    digits = [most - math.floor(math.log10(size)) for size, most in zip(sizes, (3, 1), strict=True) if size > 0]
    decimals = max(0, *digits) if digits else 0

    def write(value: float | None) -> str:
        if value is None or not math.isfinite(value) or decimals > _MOST_DECIMALS or abs(value) >= _LARGE:
            return number(value)
        return _spaced(f"{value:.{decimals}f}")

    return write


def change(delta: int | float | None) -> str:
    return _spaced(signed(delta))


def judged(is_worse: bool | None) -> tuple[str, str]:
    """(``▼ worse`` or ``▲ better``, the class of the text); empty texts for None."""
    return {True: ("▼ worse", "worse"), False: ("▲ better", "better"), None: ("", "")}[is_worse]


def percent(ratio: float | None) -> str:
    return "" if ratio is None else _spaced(f"{ratio:+.1%}").replace("%", f"{THIN_SPACE}%")


def duration(seconds: float | None) -> str:
    return span(seconds)


def file_size(number_of_bytes: int | None) -> str:
    return size(number_of_bytes) or "unknown"


def _spaced(text: str) -> str:
    whole, point, rest = text.replace("-", MINUS, 1).partition(".")
    digits = len(re.sub(r"\D", "", whole))
    return (_THOUSANDS.sub(THIN_SPACE, whole) if digits > 3 and "E" not in text else whole) + point + rest


def section(title: str, count: str = "", *children: Child, id_: str | None = None, end: Child = None) -> Element:
    """A part of a page with its title, a quiet count beside it, and controls at the end of that line."""
    quiet = element("span", f" {count}", class_="count") if count else None  # a space for what reads only the text
    heading = element("h2", title, quiet)
    head = heading if end is None else element("div", heading, element("div", end, class_="end"), class_="section-head")
    return element("section", head, *children, id=id_)


def table(titles: Sequence[str | Element], rows: Iterable[Element], label: str, class_: str | None = None) -> Element:
    """A table that scrolls in its own box. A title that starts with ``>`` is that of a column of numbers."""
    heads = [_head(title) for title in titles]
    content = element("table", element("thead", element("tr", *heads)), element("tbody", *rows), class_=class_)
    return element("div", content, class_="wide", role="region", tabindex="0", aria_label=label)


def _head(title: str | Element) -> Element:
    """The head of a column; of one without a title a plain cell, which a screen reader skips."""
    if isinstance(title, Element):
        return element("th", title, scope="col")
    text, name = title.removeprefix(">"), "number" if title.startswith(">") else None
    return element("th", text, scope="col", class_=name) if text else element("td", class_=name)


def as_entries(box: Element) -> Element:
    """The table in a box, with the roles and labels that it needs as a list of entries on a narrow screen."""
    content = box[0]
    titles = [title.text or "" for title in content[0][0]]
    content.set("role", "table")
    content.set("class", f"{content.get('class') or ''} entries".strip())
    content[0].set("role", "rowgroup")
    content[1].set("role", "rowgroup")
    for line in content.iter("tr"):
        line.set("role", "row")
        for title, cell in zip(titles, line, strict=False):
            is_head = cell.tag == "th"
            cell.set("role", "cell" if not is_head else "rowheader" if cell.get("scope") == "row" else "columnheader")
            if not is_head and title:
                cell.set("data-l", title)
    return box


def row(*cells: Child | tuple[Child, str], class_: str | None = None) -> Element:
    """A row whose first cell names it. A cell is its content, or (content, class)."""
    line = element("tr", class_=class_)
    for place, cell in enumerate(cells):
        content, name = cell if isinstance(cell, tuple) else (cell, None)
        attributes = {"scope": "row"} if place == 0 else {}
        line.append(element("td" if place else "th", content, class_=name, **attributes))
    return line


def fact(title: str, *content: Child) -> Element:
    return element("div", element("dt", title), add(element("dd"), content))


def unknown(text: str = "unknown") -> Element:
    """The sign of a value that was not recorded."""
    return element("span", icon("question"), f" {text}", class_="chip unknown")


def digest(value: str | None) -> Element:
    """``5be0…91c4``, with the whole digest for a pointer and to copy."""
    if not value:
        return unknown("not read")
    kind, _, digits = value.rpartition(":")
    prefix = "" if kind in ("", "sha256") else f"{kind.removesuffix('sha256').strip('-')} "
    return element("code", f"{prefix}{digits[:4]}…{digits[-4:]}", title=value)


def origin_text(origin: Origin) -> str:
    """Where a distribution was installed from, on one line."""
    words = [{"index": "an index", "vcs": "version control"}.get(origin.kind, origin.kind)]
    words += [origin.url] if origin.url else []
    words += [f"@ {origin.commit[:12]}"] if origin.commit else []
    words += ["with uncommitted changes"] if origin.dirty else []
    return " ".join(words)


def copy_button(label: str, text: str) -> Element:
    """A button that copies a text; the script shows it."""
    return element(
        "button", icon("copy"), element("span", label), type="button", class_="copy", hidden=True, data_copy=text
    )


__all__ = [
    "EN_DASH",
    "MINUS",
    "NOT_APPLICABLE",
    "as_entries",
    "change",
    "copy_button",
    "digest",
    "duration",
    "fact",
    "file_size",
    "judged",
    "number",
    "origin_text",
    "percent",
    "row",
    "same_decimals",
    "section",
    "table",
    "unknown",
]
