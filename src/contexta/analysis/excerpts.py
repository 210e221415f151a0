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
    kept = lines[-_MOST_LOG_LINES:]
    while len(kept) > 1 and sum(map(len, kept)) > _MOST_LOG_CHARACTERS:
        kept = kept[len(kept) // 4 + 1 :]
    return Excerpt(title=title, text="\n".join(kept), lines=len(lines), omitted_lines=len(lines) - len(kept))


def start_of_patch(title: str, text: str) -> Excerpt:
    """The first lines of a patch. Tabs are expanded; everything else stays."""
    lines = text.removesuffix("\n").split("\n")
    kept, length = 0, 0
    while kept < len(lines) and length <= _MOST_PATCH_CHARACTERS:
        length += len(lines[kept])
        kept += 1
    shown = "\n".join(_cut(line.removesuffix("\r").expandtabs(4)) for line in lines[:kept])
    return Excerpt(title=title, text=shown, lines=len(lines), omitted_lines=len(lines) - kept)


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
