"""Parts of a text that are to be hidden, and the text without them.

A span is (start, end, replacement); without a replacement a keyed hash of what was there is written.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from contexta.recorder.redaction.pattern import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Iterator, List, Optional, Tuple

    Span = Tuple[int, int, Optional[str]]

_COLOURS = Pattern(r"(?:\x1b|\\x1b|\\033|\\u001b|\\e)\[[0-9;:?]*[A-Za-z]")
_WRAPS = Pattern(r"(?<=[A-Za-z0-9_-])[ \t]*[│┃║|]?[ \t]*\\?\r?\n[ \t]*[│┃║|>]?[ \t]*(?=[A-Za-z0-9_-])")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_SHORTEST_TOKEN, _AROUND = 20, 200


class View:
    """A text without some parts of it, and where each of its characters was."""

    def __init__(self, text: str, left_out: Iterable[Tuple[int, int]]) -> None:
        self._starts: List[int] = []
        self._shifts: List[int] = []
        parts: List[str] = []
        position = shift = 0
        for start, end in left_out:
            parts.append(text[position:start])
            shift += end - start
            self._starts.append(end - shift)
            self._shifts.append(shift)
            position = end
        parts.append(text[position:])
        self.text = "".join(parts)

    def place(self, position: int) -> int:
        """Where the character at a position of the view is in the whole text."""
        at = bisect_right(self._starts, position)
        return position + (self._shifts[at - 1] if at else 0)

    def spans(self, found: Iterable[Span]) -> List[Span]:
        return [(self.place(start), self.place(end - 1) + 1, new) for start, end, new in found if end > start]

    def crossing(self, found: Iterable[Span]) -> List[Span]:
        """Those spans, in the whole text, that go over a part which was left out."""
        starts = self._starts
        return self.spans(span for span in found if bisect_right(starts, span[0]) < bisect_left(starts, span[1]))


def uncoloured(text: str) -> Optional[View]:
    """The text without the codes that colour it; None where it has none."""
    if "\x1b[" not in text and "\\x1b[" not in text and "\\033[" not in text and "\\u001b[" not in text:
        return None
    return View(text, [match.span() for match in _COLOURS.finditer(text)])


def unwrapped(text: str) -> Iterator[Tuple[int, View]]:
    """(where it begins, a part of the text with its lines joined) for all parts in which a line may be wrapped within a
    token: together the letters before and after the line break are long enough for one."""
    joins: List[Tuple[int, int]] = []
    for match in _WRAPS.finditer(text):
        start, end = match.span()
        before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
        left, right = len(before) - len(before.rstrip(_LETTERS)), len(after) - len(after.lstrip(_LETTERS))
        if left + right < _SHORTEST_TOKEN or (not left and not right):
            continue
        if joins and start - joins[-1][1] > _AROUND:
            yield _part(text, joins)
            joins = []
        joins.append((start, end))
    if joins:
        yield _part(text, joins)


def _part(text: str, joins: List[Tuple[int, int]]) -> Tuple[int, View]:
    begin, end = max(0, joins[0][0] - _AROUND), joins[-1][1] + _AROUND
    return begin, View(text[begin:end], [(start - begin, stop - begin) for start, stop in joins])


def secret_hash(value: str, salt: Optional[bytes]) -> str:
    """What is written in place of a secret. The salt belongs to the workspace; without it nothing can be guessed.
    None writes ``[redacted]``."""
    from contexta.recorder.redaction.values import HIDDEN, REMOVED

    if salt is None:
        return REMOVED
    from hashlib import sha256

    return HIDDEN + sha256(salt + b"\0" + value.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def without(text: str, found: Iterable[Span], salt: Optional[bytes]) -> str:
    """The text with what is at those spans replaced; line breaks stay. salt: None writes ``[redacted]``."""
    kept: List[str] = []
    position = 0
    for start, end, new in merged(text, found):
        kept.append(text[position:start])
        if new is None:
            new = secret_hash(text[start:end], salt)
        kept.append(new)
        position = end
    kept.append(text[position:])
    return "".join(kept)


def merged(text: str, found: Iterable[Span]) -> List[Span]:
    """Spans in order, none within another, none over more than one line."""
    together: List[Span] = []
    for start, end, new in sorted(found, key=lambda span: (span[0], -span[1])):
        if together and start < together[-1][1]:
            first, last, before = together[-1]
            if end > last and before != "":  # else it seems to be named by the user of a URL, which is cut out
                together[-1] = (first, end, before if before == new else None)
            continue
        if end > start:
            together.append((start, end, new))
    lines: List[Span] = []
    for start, end, new in together:
        if "\n" not in text[start:end]:
            lines.append((start, end, new))
            continue
        for match in re.finditer(r"[^\s](?:[^\r\n]*[^\s])?", text[start:end]):
            lines.append((start + match.start(), start + match.end(), new))
    return lines
