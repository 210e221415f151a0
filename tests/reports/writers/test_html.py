"""HTML is one self-contained file, in which no text becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contexta.reports import Bullets, Code, Mark, Paragraph, Plot, Point, Report, Row, Section, Table
from contexta.reports.document.formatting import printable
from contexta.reports.theme.stylesheet import SEARCH_SCRIPT

HOSTILE = "</td></script><script>alert(1)</script><img src=//evil onerror=alert(1)>\"'&amp;<!--]]>"


class Seen(HTMLParser):
    """Every tag with its attributes, and every text with its tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.tags[-1][0] if self.tags else "", data))


def full_of(text: str) -> Report:
    plot = Plot(title=text, points=(Point(label=text, value=1, about=text), Point(label=text, value=2)))
    blocks: tuple[Any, ...] = (
        Paragraph(text=text),
        Bullets(items=(text,)),
        Code(text=text),
        Table(columns=(text, ">n"), rows=(Row(cells=(text, text), fold="same"),)),
        plot.model_copy(update={"marks": (Mark(at=1, label=text),)}),
    )
    return Report(title=text, sections=(Section(title=text, blocks=blocks),))


@given(st.one_of(st.just(HOSTILE), st.text(max_size=60)))
@settings(max_examples=40)
def test_text_adds_no_tag_and_no_attribute_in_any_block(text: str) -> None:
    hostile, plain = full_of(f"x{text}"), full_of("x" + "\nx" * text.count("\n"))  # each line is a paragraph
    for html, other in (
        (hostile.to_html(), plain.to_html()),
        (hostile._repr_html_(), plain._repr_html_()),
    ):
        assert [(tag, *arguments) for tag, arguments in Seen(html).tags] == [
            (tag, *arguments) for tag, arguments in Seen(other).tags
        ]


def test_hostile_names_are_read_as_they_are_written() -> None:
    assert ("h1", printable(HOSTILE)) in Seen(full_of(HOSTILE).to_html()).texts


def test_a_page_loads_nothing() -> None:
    html = full_of("x").to_html()
    for _, attributes in Seen(html).tags:
        assert not {"src", "href", "action", "data", "srcset"} & set(attributes)
    assert "http" not in html.replace("http-equiv", "")
    assert "url(" not in html
    assert "@import" not in html


def test_page_lets_only_its_own_script_run() -> None:
    html = full_of("x").to_html()
    policy = next(a["content"] for tag, a in Seen(html).tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    assert html.count("<script>") == 1
    assert SEARCH_SCRIPT in html


def test_notebook_gets_no_script_and_no_page() -> None:
    html = full_of("x")._repr_html_()
    assert html.startswith('<div class="contexta">')
    assert not re.search("<(script|body|html|head)", html)


def test_rows_without_a_difference_are_marked_and_all_rows_can_be_searched() -> None:
    rows = (Row(cells=("a", "1")), Row(cells=("b", "2"), fold="same"))
    html = Report(title="T", sections=(Section(title="S", blocks=(Table(columns=("k", ">v"), rows=rows),)),)).to_html()
    tags = Seen(html).tags
    assert [attributes.get("class") for tag, attributes in tags if tag == "tr"] == [None, None, "same"]
    assert ("input", {"type": "search", "class": "query", "autocomplete": "off", "spellcheck": "false"}) in tags
    assert any(attributes.get("type") == "checkbox" for _, attributes in tags)


def test_a_short_page_has_no_search() -> None:
    html = Report(title="T", sections=(Section(title="", blocks=(Paragraph(text="Nothing."),)),)).to_html()
    assert "<input" not in html
    assert "<script" not in html


def test_a_drawing_has_a_description_and_its_numbers_as_a_table() -> None:
    points = tuple(Point(label=f"r{number}", value=0.9 - number / 100, about="b") for number in range(3))
    plot = Plot(title="accuracy", points=points, marks=(Mark(at=1, label="torch moved"),))
    observed = Seen(Report(title="T", sections=(Section(title="S", blocks=(plot,)),)).to_html())
    svg = next(attributes for tag, attributes in observed.tags if tag == "svg")
    assert svg["role"] == "img"
    assert svg["aria-label"] == "accuracy: 3 points, from 0.9 to 0.88"
    assert ("li", "torch moved (before r1)") in observed.texts
    assert ("td", "0.89") in observed.texts
