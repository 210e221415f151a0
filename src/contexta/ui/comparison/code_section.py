"""The differences of the source of two runs."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from contexta.client.report_pages import patch_between
from contexta.findings import Excerpt, RunDetails, RunDiff
from contexta.reports.document.formatting import count
from contexta.ui.frame.content import MINUS, number, section
from contexta.ui.frame.elements import element
from contexta.ui.frame.patch_lines import patch_lines

_PATCH_LINES = 400


def code_section(diff: RunDiff, old: RunDetails, new: RunDetails) -> Iterator[Element]:
    """The commits, and the patch between them or the files that differ; nothing if no difference is known."""
    code = diff.code
    if not code.differs:
        return
    left, right = (commit[:7] if commit else "unknown" for commit in (code.left_commit, code.right_commit))
    commits = f"{left} → {right}" if left != right else f"{left} on both sides"
    words = f"{commits}, {count(len(code.files), 'file')}"
    subjects = [element("li", element("code", commit.commit[:7]), f" {commit.subject}") for commit in code.commits[:10]]
    more = f"and {len(code.commits) - 10} more commits" if len(code.commits) > 10 else None
    patch = patch_between(old, new)
    yield section(
        "Code",
        words,
        element("ul", *subjects, element("li", more) if more else None, class_="commits") if subjects else None,
        _patch(patch) if patch is not None else _files(diff),
        element("p", code.unknown_commits, class_="quiet") if code.unknown_commits else None,
        id_="code",
    )


def _patch(patch: Excerpt) -> Element:
    lines = patch.text.split("\n")
    rest = patch.lines - min(len(lines), _PATCH_LINES)
    note = element("p", f"{number(rest)} more lines are not shown.", class_="quiet") if rest > 0 else None
    code = element("code", *patch_lines("\n".join(lines[:_PATCH_LINES])))
    return element("div", element("pre", code, tabindex="0", class_="patch"), note)


def _files(diff: RunDiff) -> Element:
    rows = []
    for file in diff.code.files:
        lines = f"+{file.added} {MINUS}{file.deleted}" if file.added is not None else "binary" if file.committed else ""
        sides = [
            side for side, is_changed in (("OLD", file.uncommitted_left), ("NEW", file.uncommitted_right)) if is_changed
        ]
        uncommitted = f"uncommitted in {' and '.join(sides)}" if sides else ""
        rows.append(element("li", element("code", file.path), " ", ", ".join(filter(None, [lines, uncommitted]))))
    return element("ul", *rows)


__all__ = ["code_section"]
