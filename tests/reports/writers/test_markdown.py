"""No text leaves its place in Markdown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from contexta.reports import Bullets, Code, Mark, Paragraph, Plot, Point, Report, Row, Section, Table
from contexta.reports.document.formatting import sparkline

PARSER = MarkdownIt("commonmark").enable("table")


def of(*blocks: Paragraph | Code | Bullets | Table | Plot, title: str = "T") -> Report:
    return Report(title=title, sections=(Section(title="S", blocks=blocks),))


def test_report_is_headings_and_blocks() -> None:
    table = Table(columns=("Metric", ">Value"), rows=(Row(cells=("a", "1")), Row(cells=("b", "2"))))
    report = of(Paragraph(text="One."), table, Bullets(items=("x", "y")), Code(text="contexta runs"))
    assert report.to_markdown() == (
        "## T\n\n### S\n\nOne.\n\n| Metric | Value |\n| --- | ---: |\n| a | 1 |\n| b | 2 |\n\n- x\n- y\n\n"
        "```\ncontexta runs\n```\n"
    )
    assert report.sections[0].body.startswith("One.")


def test_rows_without_a_difference_are_counted_where_others_differ() -> None:
    rows = (Row(cells=("a", "1")), Row(cells=("b", "2"), fold="same"), Row(cells=("c", "3"), fold="same"))
    output = of(Table(columns=("", ""), rows=rows)).to_markdown()
    assert "| a | 1 |" in output
    assert "| b | 2 |" not in output
    assert output.endswith("2 more are the same.\n")
    assert "| b | 2 |" in of(Table(columns=("", ""), rows=rows[1:])).to_markdown()
    assert of(Table(columns=("", ""), rows=rows[1:2] * 280)).to_markdown().endswith("\n\nAll 280 are the same.\n")


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_leaves_its_cell_or_becomes_markup(left: str, right: str) -> None:
    output = of(Table(columns=("L", "R"), rows=(Row(cells=(f"x{left}x", f"x{right}x")),))).to_markdown()
    html = PARSER.render(output)
    assert html.count("<td") == 2
    assert html.count("<tr>") == 2
    for tag in ("<a", "<img", "<em", "<strong", "<code", "<script", "<br"):
        assert tag not in html


@given(st.text(max_size=60))
def test_no_text_of_a_paragraph_or_a_list_becomes_another_block(text: str) -> None:
    html = PARSER.render(of(Paragraph(text=f"x{text}"), Bullets(items=(f"x{text}",))).to_markdown())
    for tag in ("<h1", "<h4", "<ol", "<blockquote", "<pre", "<hr", "<table", "<img", "<a"):
        assert tag not in html
    assert html.count("<ul>") == 1


@pytest.mark.parametrize("text", ["3.11.0 (same)", "1. first", "12) second", "3.", "-x", "+1", "2.5"])
def test_a_number_at_the_start_of_a_line_stays_as_it_is(text: str) -> None:
    html = PARSER.render(of(Paragraph(text=text)).to_markdown())
    assert f"<p>{text}</p>" in html


@given(st.text(alphabet="`a\n~ ", max_size=30))
def test_no_code_leaves_its_fence(text: str) -> None:
    tokens = PARSER.parse(of(Code(text=text), Paragraph(text="after")).to_markdown())
    assert [token.type for token in tokens].count("fence") == 1
    assert tokens[-2].content == "after"


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([1, 1, 1], "▄▄▄"),
        ([0, None, math.nan, math.inf, 1], "▁···█"),
        ([None], "·"),
        ([1e308, -1e308], "█▁"),
    ],
)
def test_a_sparkline_has_one_character_per_value(values: list[float | None], line: str) -> None:
    assert sparkline(values) == line


def test_plot_is_a_sparkline_between_its_ends_with_its_marks_listed() -> None:
    points = tuple(Point(label=f"r{number}", value=0.91 if number < 2 else 0.87) for number in range(4))
    output = of(Plot(title="accuracy", points=points, marks=(Mark(at=2, label="torch 2.0.0 -> 2.1.0"),))).to_markdown()
    assert "accuracy, 4 runs: 0.91 (r0) `██▁▁` 0.87 (r3)" in output
    assert "- before r2: torch 2.0.0 -> 2.1.0" in output
