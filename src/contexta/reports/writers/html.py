"""Write a report as one HTML page that opens offline, or as a piece of HTML for a notebook.

The standard library serialises a tree of elements, so every text is escaped. The page loads nothing. Its content
security policy allows only its own script, and images that are part of the page.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from itertools import compress
from xml.etree.ElementTree import Element, SubElement, tostring

from contexta.findings.metrics import Chart
from contexta.reports.document.axes import chart_title
from contexta.reports.document.blocks import (
    Block,
    Bullets,
    Code,
    Curves,
    Links,
    Paragraph,
    Picture,
    Plot,
    Report,
    Row,
    Table,
)
from contexta.reports.document.formatting import amount, printable
from contexta.reports.theme.stylesheet import CONTENT_STYLE, SEARCH_SCRIPT, STYLESHEET
from contexta.reports.writers.chart_svg import chart_svg, curve_numbers, sample
from contexta.reports.writers.svg import drawing

_MANY = 12  # rows from which a page has a search box
_SHORT, _PROSE = 24, 60  # characters of the longest cell of a column


def page(report: Report) -> str:
    """A complete HTML file."""
    html = Element("html", {"lang": "en", "class": "contexta"})
    _head(html, report)
    main = _under(_under(html, "body"), "main")
    _under(main, "h1", text=report.title)
    if is_long(report):
        add_finder(main)
    add_sections(main, report, "h2")
    _under(main, "footer", text="Written by Contexta. This file is complete in itself.")
    if is_long(report):
        _under(html, "script", text=SEARCH_SCRIPT)
    return "<!doctype html>\n" + tostring(html, encoding="unicode", method="html") + "\n"


def fragment(report: Report) -> str:
    """An element for a notebook: without a script, in its own colours, which fit the system's light or dark mode."""
    box = Element("div", {"class": "contexta"})
    _under(box, "style", text=CONTENT_STYLE)
    _under(box, "h3", text=report.title)
    add_sections(box, report, "h4")
    return tostring(box, encoding="unicode", method="html")


def _head(html: Element, report: Report) -> None:
    head = _under(html, "head")
    _under(head, "meta", {"charset": "utf-8"})
    digest = b64encode(sha256(SEARCH_SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    _under(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    _under(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    _under(head, "meta", {"name": "color-scheme", "content": "light dark"})
    _under(head, "title", text=report.title)
    _under(head, "style", text=STYLESHEET)


def is_long(report: Report) -> bool:
    """Whether a page of this report has a search box."""
    rows = [
        row for section in report.sections for part in section.blocks if isinstance(part, Table) for row in part.rows
    ]
    return len(rows) >= _MANY or any(row.fold == "same" for row in rows)


def add_finder(main: Element) -> None:
    """Add the search box; it is hidden until ``SEARCH_SCRIPT`` runs."""
    box = _under(main, "div", {"class": "find", "role": "search", "hidden": "hidden"})
    label = _under(box, "label", text="Search ")
    _under(label, "input", {"type": "search", "class": "query", "autocomplete": "off", "spellcheck": "false"})
    label = _under(box, "label")
    _under(label, "input", {"type": "checkbox", "class": "only", "checked": "checked"}).tail = " only differences"
    _under(box, "output", {"aria-live": "polite"})


def add_sections(parent: Element, report: Report, tag: str) -> None:
    """Add the sections of a report to an element. tag: of their titles, such as ``h2``."""
    for section in report.sections:
        box = _under(parent, "section")
        if section.heading:
            _under(box, tag, text=section.heading)
        for part in section.blocks:
            _block(box, part, section.heading)


def _block(box: Element, part: Block, about: str) -> None:
    if isinstance(part, Paragraph):
        for line in part.text.split("\n"):
            _under(box, "p", _class(part.tone), line)
    elif isinstance(part, Bullets):
        items = _under(box, "ul", _class(part.tone))
        for item in part.items:
            _under(items, "li", text=item)
    elif isinstance(part, Code):
        _code(box, part)
    elif isinstance(part, Table):
        _table(box, part, about)
    elif isinstance(part, Links):
        navigation = _under(box, "nav")
        for link in part.items:
            _under(navigation, "a", {"href": link.href}, link.text)
    elif isinstance(part, Curves):
        _curves(box, part.chart, about)
    elif isinstance(part, Picture):
        figure = _under(box, "figure", {"class": "picture"})
        _under(figure, "img", {"src": part.source, "alt": part.caption})
        _under(figure, "figcaption", text=part.caption)
    else:
        _plot(box, part)


def _code(box: Element, part: Code) -> None:
    code = _under(_under(box, "pre", {"tabindex": "0"}), "code", text=None if part.is_patch else part.text)
    for line in part.text.split("\n") if part.is_patch else ():
        _under(code, "span", _patch_line(line), f"{line}\n")


def _patch_line(line: str) -> dict[str, str]:
    """The class of a line of a patch. The sign at its start says the same as the colour."""
    if line.startswith(("diff --git ", "+++ ", "--- ")):
        return {"class": "file"}
    return {"class": kind} if (kind := {"+": "added", "-": "removed", "@": "hunk"}.get(line[:1])) else {}


def _table(box: Element, part: Table, about: str) -> None:
    if not part.rows:
        return
    around = _under(box, "div", {"class": "wide", "role": "region", "tabindex": "0", "aria-label": printable(about)})
    table = _under(around, "table")
    columns = list(zip(*(row.cells for row in part.rows), strict=True))
    used = [index == 0 or any(cells) for index, cells in enumerate(columns)]  # columns with a value
    classes = list(map(_column_class, columns, part.numeric))
    if any(part.titles):
        line = _under(_under(table, "thead"), "tr")
        for title, name in compress(zip(part.titles, classes, strict=True), used):
            if title:
                _under(line, "th", {"scope": "col", **_class(name)}, title)
            else:
                _under(line, "td", _class(name))
    body = _under(table, "tbody")
    for row in part.rows:
        _row(body, row, classes, used)
    _under(box, "p", {"class": "quiet", "hidden": "hidden"})  # the script writes the reason here if no row is shown


def _column_class(cells: Sequence[str], is_number: bool) -> str:
    """How a browser may wrap a column: numbers and short cells stay on a line, and prose keeps some width."""
    if is_number:
        return "number"
    longest = max(len(line) for cell in cells for line in cell.split("\n"))
    return "short" if longest <= _SHORT else "prose" if longest >= _PROSE else "phrase"


def _row(body: Element, row: Row, classes: Sequence[str], used: Sequence[bool]) -> None:
    own = [name for name in (row.tone, row.fold) if name]
    line = _under(body, "tr", {"class": " ".join(own)} if own else {})
    cells = list(compress(zip(row.cells, classes, strict=True), used))
    for column, (text, name) in enumerate(cells):
        scope = {"scope": "row"} if column == 0 else {}
        is_link = column == 0 and row.href is not None
        cell = _under(line, "td" if column else "th", {**scope, **_class(name)}, None if is_link else text)
        if column == 0 and row.href is not None:
            _under(cell, "a", {"href": row.href}, text)
        elif column == len(cells) - 1 and row.url is not None:
            cell.text = None
            _under(cell, "a", {"href": row.url, "rel": "noreferrer"}, text)


def _plot(box: Element, part: Plot) -> None:
    """The drawing, a list of its marks, and its numbers as text for readers who cannot see it."""
    figure = _under(box, "figure")
    figure.append(drawing(part))
    caption = _under(figure, "figcaption")
    _under(caption, "p", text=part.title)
    if part.marks:
        marks = _under(caption, "ol")
        for mark in part.marks:
            before = f" (before {part.points[mark.at].label})" if mark.at < len(part.points) else ""
            _under(marks, "li", text=mark.label + before)
    details = _under(figure, "details")
    _under(details, "summary", text="The numbers")
    rows = tuple(Row(cells=(point.label, amount(point.value), point.about)) for point in part.points)
    _table(details, Table(columns=("", ">Value", ""), rows=rows), part.title)


def _curves(box: Element, chart: Chart, about: str) -> None:
    """The drawing, and its legend with the numbers. Charts that follow each other share a grid."""
    charts = _charts(box, is_overlaid=len(chart.curves) > 1)
    figure = _under(charts, "figure", {"class": "curves"})
    caption = _under(figure, "figcaption")
    _under(caption, "b", text=chart_title(chart) if chart_title(chart) != about else "")
    if len(chart.curves) == 1:
        _under(caption, "span", text=f"last {amount(chart.curves[0].last)}")
    figure.append(chart_svg(chart))
    details = _under(figure, "details", {"open": "open"} if len(chart.curves) > 1 else {})
    _under(details, "summary", text="Runs and numbers" if len(chart.curves) > 1 else "The numbers")
    around = _under(details, "div", {"class": "wide", "role": "region", "tabindex": "0", "aria-label": chart.metric})
    table = _under(around, "table")
    line = _under(_under(table, "thead"), "tr")
    for title in ("Run", "Points", "Lowest", "Highest", "Last"):
        _under(line, "th", {"scope": "col", **_class("" if title == "Run" else "number")}, title)
    body = _under(table, "tbody")
    for number, curve in enumerate(chart.curves):
        _row(body, Row(cells=(curve.name, *curve_numbers(curve))), ("short", *["number"] * 4), [True] * 5)
        if len(chart.curves) > 1:
            name = body[-1][0]
            name.insert(0, sample(number, len(chart.curves)))
            name[0].tail, name.text = f" {name.text}", None


def _charts(box: Element, *, is_overlaid: bool) -> Element:
    """The grid of charts at the end of a section."""
    if len(box) and "charts" in (box[-1].get("class") or ""):
        return box[-1]
    return _under(box, "div", {"class": "charts overlaid" if is_overlaid else "charts"})


def _class(name: str | None) -> dict[str, str]:
    return {"class": name} if name else {}


def _under(parent: Element, tag: str, attributes: dict[str, str] | None = None, text: str | None = None) -> Element:
    element = SubElement(parent, tag, attributes or {})
    if text is not None:
        element.text = text if tag in ("script", "style") else printable(text)
    return element
