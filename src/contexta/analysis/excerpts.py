"""Make stored logs and patches readable: without control sequences, and only as much as a page shows."""

from __future__ import annotations

import re

from contexta.findings.runs import Excerpt

_MOST_LOG_LINES, _MOST_LOG_CHARACTERS = 400, 60_000
_MOST_PATCH_CHARACTERS = 150_000
_LONGEST_LINE = 2_000  # characters
# Colours and cursor movements (CSI), titles and links (OSC), and the other sequences of ECMA-48.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])")


def end_of_log(title: str, text: str) -> Excerpt:
    """The last lines of a log, as a terminal would show them: a line that was rewritten has its last content."""
    lines = [_shown(line) for line in text.removesuffix("\n").split("\n")]
    last_lines = lines[-_MOST_LOG_LINES:]
    while len(last_lines) > 1 and sum(map(len, last_lines)) > _MOST_LOG_CHARACTERS:
        last_lines = last_lines[len(last_lines) // 4 + 1 :]
    return Excerpt(
        title=title, text="\n".join(last_lines), lines=len(lines), omitted_lines=len(lines) - len(last_lines)
    )


def start_of_patch(title: str, text: str) -> Excerpt:
    """The first lines of a patch. Tabs are expanded; everything else stays."""
    lines = text.removesuffix("\n").split("\n")
    line_count, length = 0, 0
    while line_count < len(lines) and length <= _MOST_PATCH_CHARACTERS:
        length += len(lines[line_count])
        line_count += 1
    shown = "\n".join(_cut(line.removesuffix("\r").expandtabs(4)) for line in lines[:line_count])
    return Excerpt(title=title, text=shown, lines=len(lines), omitted_lines=len(lines) - line_count)


def files_of_patch(text: str) -> tuple[str, ...]:
    """The files that a git patch changes."""
    names = (line.rpartition(" b/")[2] for line in text.split("\n") if line.startswith("diff --git "))
    return tuple(dict.fromkeys(name.strip('"') for name in names))


def _shown(line: str) -> str:
    """A line after carriage returns: each one goes back to the start, and later text covers earlier text."""
    parts = [part for part in _SEQUENCE.sub("", line).split("\r") if part]
    return _cut(parts[-1].expandtabs(8)) if parts else ""


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}... ({len(line)} characters)"
