"""A terminal shows every value of a report at any width, a pipe gets plain lines, and both are summaries."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.reports import Bullets, Code, Mark, Paragraph, Plot, Point, Report, Row, Section, Table
from contexta.reports.writers.plain import plain
from contexta.reports.writers.terminal import text_of


def report(*blocks: Any, title: str = "S", **section: Any) -> Report:
    return Report(title="T", sections=(Section(title=title, blocks=blocks, **section),))


def metrics(rows: int, **first: Any) -> Table:
    lines = (Row(cells=("a", "0.5", "+1"), **first), *(Row(cells=(f"m{n}", f"{n}", "+2")) for n in range(rows - 1)))
    return Table(columns=("Metric", ">Value", ">Change"), rows=lines)


def test_a_report_is_a_title_sections_and_blocks() -> None:
    sections = (
        Section(title="", blocks=(Paragraph(text="One."),)),
        Section(title="Python", blocks=(Paragraph(text="3.11"),)),
        Section(title="Platform", blocks=(Paragraph(text="linux"),)),
        Section(title="Metrics", blocks=(metrics(2),)),
        Section(title="Next", blocks=(Paragraph(text="Do this:"), Code(text="contexta runs"), Bullets(items=("x",)))),
    )
    assert plain(Report(title="T", sections=sections)).splitlines() == [
        "T",
        "One.",
        "",
        "Python  3.11",
        "Platform  linux",
        "",
        "Metrics",
        "  Metric  Value  Change",
        "  a         0.5      +1",
        "  m0          0      +2",
        "",
        "Next",
        "  Do this:",
        "    contexta runs",
        "  - x",
    ]


def test_a_long_log_shows_its_faults_and_its_last_rows() -> None:
    rows = tuple(Row(cells=(f"e{n}",), tone={3: "warn", 5: "bad"}.get(n)) for n in range(40))
    log = report(Table(columns=("Event",), rows=rows, screen_rows=6, is_log=True))
    shown = plain(log).split()
    assert [word for word in shown if word[0] == "e" and word[1:].isdigit()] == ["e3", "e5", "e36", "e37", "e38", "e39"]
    assert "and 34 earlier ones; --all shows them" in plain(log)
    assert "e20" in plain(log, everything=True)


def test_a_name_breaks_after_one_of_its_parts_and_never_inside_a_part() -> None:
    name = "artifact:stranger.a-very-long-name-of-an-experiment.config-yaml"
    rows = tuple(Row(cells=(name, "produced", name, "x" * 30)) for _ in range(2))
    shown = text_of(report(Table(columns=("From", "Relation", "To", "By"), rows=rows)), width=80)
    assert name not in shown
    assert all(part in shown for part in re.split(r"[.:-]", name))


def test_rows_without_a_difference_are_counted_in_long_tables_only() -> None:
    assert "0.5" in plain(report(metrics(12, fold="same")))
    long = report(metrics(13, fold="same"))
    assert "0.5" not in plain(long)
    assert "--all also shows 1 without a difference" in plain(long)
    assert "0.5" in plain(long, everything=True)
    unused = plain(report(metrics(2, fold="unused")))
    assert "0.5" not in unused
    assert "--all also shows 1 that neither run imported" in unused


def test_a_screen_says_what_it_leaves_out() -> None:
    table = metrics(30).model_copy(update={"screen_rows": 3})
    hidden = Section(title="Packages", blocks=(Paragraph(text="torch"),), detail=True)
    full = Report(title="T", sections=(Section(title="", blocks=(table, Bullets(items=("n",) * 25))), hidden))
    screen = plain(full)
    assert "and 27 more; --all shows them" in screen
    assert "and 5 more; --all shows them" in screen
    assert screen.endswith("--all also shows: Packages\n")
    everything = plain(full, everything=True)
    assert "--all" not in everything
    assert "torch" in everything


def test_long_values_are_cut_and_say_their_length() -> None:
    long = report(Table(columns=("", ""), rows=(Row(cells=("A", "x" * 20_000)),)))
    assert "(20000 characters)" in plain(long)
    assert max(map(len, plain(long).splitlines())) < 200
    assert "x" * 20_000 in plain(long, everything=True)


@pytest.mark.parametrize("width", [30, 60, 80, 100])
def test_no_width_loses_a_value_or_overflows(width: int) -> None:
    cells = ("train/accuracy", "0.912345", "2.1.0+cu118", "a sentence that is longer than any narrow column " * 2)
    table = Table(columns=("Metric", ">Value", "Version", "Why"), rows=(Row(cells=cells),))
    screen = text_of(report(table, Bullets(items=(cells[3],))), width=width)
    for value in cells[:3]:
        assert value in screen
    assert screen.split().count("sentence") == 4
    assert max(map(len, screen.splitlines())) <= width


@pytest.mark.parametrize("width", [50, 60, 80, 100])
def test_a_row_of_one_line_never_cuts_the_name_that_is_copied(width: int) -> None:
    names = ("product-categorization.this-month-2025-02-15", "churn.march")
    cells = ("completed", "2025-02-15 08:00", "4.5s", "accuracy=0.91 macro_f1=0.87 loss=0.25 +3")
    rows = tuple(Row(cells=(name, *cells)) for name in names)
    table = Table(columns=("Run", "Status", "Started", ">Duration", "Metrics"), rows=rows, one_line=True)
    screen = text_of(report(table), width=width)
    assert all(name in screen.split() for name in names)
    assert max(map(len, screen.splitlines())) <= width
    assert "2025-02-15 08:00" in screen
    assert ("accuracy=0.91" in screen) == (width >= 80)
    long = text_of(
        report(Table(columns=("Run", "Status"), rows=(Row(cells=("long-name-" * 15, "failed")),), one_line=True)),
        width=width,
    )
    assert "long-name-" * 15 in "".join(long.split())
    assert "failed" in long


def test_a_command_is_never_wrapped() -> None:
    command = "contexta bisect old new --metric accuracy -- python train.py --epochs 10 --batch-size 64 --lr 0.1"
    assert f"    {command}\n" in text_of(report(Code(text=command)), width=40)


@given(st.text(max_size=30))
def test_no_text_reaches_the_terminal_as_a_control_sequence(text: str) -> None:
    hostile = f"\x1b[2J{text}\u202e"
    blocks = (
        Paragraph(text=hostile),
        Bullets(items=(hostile,)),
        Code(text=hostile),
        Table(columns=(hostile,), rows=(Row(cells=(hostile,)),)),
        Plot(title=hostile, points=(Point(label=hostile, value=1),), marks=(Mark(at=0, label=hostile),)),
    )
    full = Report(title=hostile, sections=(Section(title=hostile, blocks=blocks),))
    for screen in (plain(full), text_of(full, width=80)):
        assert "\x1b" not in screen
        assert "\u202e" not in screen


def test_a_pipe_gets_one_line_for_a_row_and_a_long_value_widens_no_other_row() -> None:
    values = ("short", "x" * 100, "größe 日本")
    table = Table(columns=("Name", "Value"), rows=tuple(Row(cells=(value, f"v{n}")) for n, value in enumerate(values)))
    assert plain(report(table, title="")).splitlines()[1:] == [
        "",
        "Name        Value",
        "short       v0",
        f"{'x' * 100}  v1",
        "größe 日本  v2",
    ]


def test_a_cell_of_several_lines_stays_in_its_column() -> None:
    table = Table(columns=("Status", "Detail"), rows=(Row(cells=("warn", "no seed\nhint: give one")),))
    expected = ["  Status  Detail", "  warn    no seed", "          hint: give one"]
    for screen in (plain(report(table)), text_of(report(table), width=80)):
        assert screen.splitlines()[-3:] == expected


def test_a_plot_is_a_sparkline_with_its_ends_and_marks() -> None:
    points = tuple(Point(label=f"r{number}", value=0.91 if number < 2 else 0.87) for number in range(4))
    screen = plain(report(Plot(title="accuracy", points=points, marks=(Mark(at=2, label="torch 2.0.0 -> 2.1.0"),))))
    assert "accuracy, 4 runs: 0.91 (r0) to 0.87 (r3)" in screen
    assert "██▁▁" in screen
    assert "before r2: torch 2.0.0 -> 2.1.0" in screen
