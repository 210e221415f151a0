"""Logs and patches become readable, and say how much of them is left out."""

from __future__ import annotations

import pytest

from contexta.analysis.excerpts import end_of_log, files_of_patch, start_of_patch


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("\x1b[1;32mloss\x1b[0m 0.4\n", "loss 0.4"),
        ("\x1b]0;a title\x07done\n", "done"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("  0%|   |\r 50%|#  |\r100%|###|\n", "100%|###|"),
        ("windows\r\nlines\r\n", "windows\nlines"),
        ("a\tb", "a       b"),
        ("", ""),
    ],
)
def test_a_log_reads_as_on_a_terminal(stored: str, shown: str) -> None:
    assert end_of_log("stdout", stored).text == shown


def test_a_long_log_keeps_its_end_and_counts_the_rest() -> None:
    excerpt = end_of_log("stdout", "".join(f"line {number}\n" for number in range(10_000)))
    assert excerpt.text.endswith("line 9999")
    assert (excerpt.lines, excerpt.omitted_lines) == (10_000, 10_000 - len(excerpt.text.split("\n")))
    wide = end_of_log("stdout", "x" * 10_000_000)
    assert len(wide.text) < 3_000
    assert "10000000 characters" in wide.text
    assert len(end_of_log("stdout", f"{'y' * 1_900}\n" * 300).text) <= 60_000


def test_a_long_patch_keeps_its_start_and_counts_the_rest() -> None:
    patch = "diff --git a/one.py b/one.py\n" + "+line\n" * 100_000
    excerpt = start_of_patch("changes", patch)
    assert excerpt.text.startswith("diff --git a/one.py b/one.py\n+line")
    assert excerpt.omitted_lines == 100_001 - len(excerpt.text.split("\n")) > 0
    assert start_of_patch("changes", "+\tindented\n").text == "+   indented"


def test_the_files_of_a_patch_are_named() -> None:
    patch = 'diff --git a/x y.py b/x y.py\n+1\ndiff --git "a/\\303\\251.py" "b/\\303\\251.py"\n'
    assert files_of_patch(patch)[0] == "x y.py"
    assert len(files_of_patch(patch)) == 2
