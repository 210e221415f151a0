"""Write a report as one HTML page that opens offline, or as a piece of HTML for a notebook.

The standard library serialises a tree of elements, so every text is escaped. The page loads nothing and its content
security policy allows only its own script.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from xml.etree.ElementTree import Element, SubElement, tostring

from contexta.findings.metrics import Chart
from contexta.reports.document.axes import chart_title
from contexta.reports.document.blocks import Block, Bullets, Code, Curves, Paragraph, Plot, Report, Row, Table
from contexta.reports.document.formatting import amount, printable
from contexta.reports.writers.chart_svg import chart_svg, curve_numbers, sample
from contexta.reports.writers.svg import drawing
from contexta.reports.writers.theme import PAGE_STYLE, SCRIPT, STYLE

_MANY = 12  # rows from which a page has a search box


def page(report: Report) -> str:
    """A complete HTML file."""
    html = Element("html", {"lang": "en"})
    _head(html, report)
    main = _under(_under(html, "body"), "main", {"class": "contexta"})
    _under(main, "h1", text=report.title)
    if _is_long(report):
        _finder(main)
    _sections(main, report)
    _under(main, "footer", text="Written by Contexta. This file is complete in itself.")
    if _is_long(report):
        _under(html, "script", text=SCRIPT)
    return "<!doctype html>\n" + tostring(html, encoding="unicode", method="html") + "\n"


def fragment(report: Report) -> str:
    """An element for a notebook: without a script, in the colours of the page around it."""
    box = Element("div", {"class": "contexta"})
    _under(box, "style", text=STYLE)
    _under(box, "h3", text=report.title)
    _sections(box, report)
    return tostring(box, encoding="unicode", method="html")


def _head(html: Element, report: Report) -> None:
    head = _under(html, "head")
    _under(head, "meta", {"charset": "utf-8"})
    digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    _under(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    _under(head, "meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"})
    _under(head, "meta", {"name": "color-scheme", "content": "light dark"})
    _under(head, "title", text=report.title)
    _under(head, "style", text=STYLE + PAGE_STYLE)


def _is_long(report: Report) -> bool:
    rows = [
        row for section in report.sections for part in section.blocks if isinstance(part, Table) for row in part.rows
    ]
    return len(rows) >= _MANY or any(row.fold == "same" for row in rows)


def _finder(main: Element) -> None:
    """The search box; hidden until its script runs."""
    box = _under(main, "div", {"class": "find", "role": "search", "hidden": "hidden"})
    label = _under(box, "label", text="Search ")
    _under(label, "input", {"type": "search", "class": "query", "autocomplete": "off", "spellcheck": "false"})
    label = _under(box, "label")
    _under(label, "input", {"type": "checkbox", "class": "only", "checked": "checked"}).tail = " only differences"
    _under(box, "output", {"aria-live": "polite"})


def _sections(parent: Element, report: Report) -> None:
    for section in report.sections:
        box = _under(parent, "section")
        if section.title:
            _under(box, "h2" if parent.tag == "main" else "h4", text=section.title)
        for part in section.blocks:
            _block(box, part, section.title)


def _block(box: Element, part: Block, about: str) -> None:
    if isinstance(part, Paragraph):
        for line in part.text.split("\n"):
            _under(box, "p", _tone(part.tone), line)
    elif isinstance(part, Bullets):
        items = _under(box, "ul", _tone(part.tone))
        for item in part.items:
            _under(items, "li", text=item)
    elif isinstance(part, Code):
        _under(_under(box, "pre", {"tabindex": "0"}), "code", text=part.text)
    elif isinstance(part, Table):
        _table(box, part, about)
    elif isinstance(part, Curves):
        _curves(box, part.chart, about)
    else:
        _plot(box, part)


def _table(box: Element, part: Table, about: str) -> None:
    if not part.rows:
        return
    around = _under(box, "div", {"class": "wide", "role": "region", "tabindex": "0", "aria-label": printable(about)})
    table = _under(around, "table")
    if any(part.titles):
        line = _under(_under(table, "thead"), "tr")
        for title, numeric in zip(part.titles, part.numeric, strict=True):
            _under(line, "th", {"scope": "col", **_number(numeric)}, title)
    body = _under(table, "tbody")
    for row in part.rows:
        _row(body, row, part.numeric)
    _under(box, "p", {"class": "quiet", "hidden": "hidden"})  # the script writes here why no row is shown


def _row(body: Element, row: Row, numeric: tuple[bool, ...]) -> None:
    classes = [name for name in (row.tone, row.fold) if name]
    line = _under(body, "tr", {"class": " ".join(classes)} if classes else {})
    for column, (text, is_number) in enumerate(zip(row.cells, numeric, strict=True)):
        if column == 0:
            _under(line, "th", {"scope": "row", **_number(is_number)}, text)
        else:
            _under(line, "td", _number(is_number), text)


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
    charts = box[-1] if len(box) and box[-1].get("class") == "charts" else _under(box, "div", {"class": "charts"})
    figure = _under(charts, "figure", {"class": "curves"})
    if chart_title(chart) != about:
        _under(figure, "figcaption", text=chart_title(chart))
    figure.append(chart_svg(chart))
    details = _under(figure, "details", {"open": "open"} if len(chart.curves) > 1 else {})
    _under(details, "summary", text="Runs and numbers" if len(chart.curves) > 1 else "The numbers")
    around = _under(details, "div", {"class": "wide", "role": "region", "tabindex": "0", "aria-label": chart.metric})
    table = _under(around, "table")
    line = _under(_under(table, "thead"), "tr")
    for title in ("Run", "Points", "Lowest", "Highest", "Last"):
        _under(line, "th", {"scope": "col", **_number(title != "Run")}, title)
    body = _under(table, "tbody")
    for number, curve in enumerate(chart.curves):
        _row(body, Row(cells=(curve.name, *curve_numbers(curve))), (False, True, True, True, True))
        if len(chart.curves) > 1:
            name = body[-1][0]
            name.insert(0, sample(number, len(chart.curves)))
            name[0].tail, name.text = f" {name.text}", None


def _tone(tone: str | None) -> dict[str, str]:
    return {"class": tone} if tone else {}


def _number(numeric: bool) -> dict[str, str]:
    return {"class": "number"} if numeric else {}


def _under(parent: Element, tag: str, attributes: dict[str, str] | None = None, text: str | None = None) -> Element:
    element = SubElement(parent, tag, attributes or {})
    if text is not None:
        element.text = text if tag in ("script", "style") else printable(text)
    return element
