"""The lines of private keys, also of those whose beginning or end is missing."""

from __future__ import annotations

from contexta.recorder.redaction.rules.pattern import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Tuple

    from contexta.recorder.redaction.rules.spans import Span

_BEGIN = Pattern(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----")
_END = Pattern(r"-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|---- END SSH2 ENCRYPTED PRIVATE KEY ----")
_PUTTY = Pattern(r"Private-Lines: *(\d{1,3})")
_BODY = Pattern(r"[A-Za-z0-9+/]{16,}={0,2}")
_LINE_END = Pattern(r"[\s\"'\\|│┃,)n;+]*\Z")
_LAST = Pattern(r"(?:\A|(?<=[\s\"'|│>n+-]))[A-Za-z0-9+/]{2,}={0,2}(?=[\s\"'\\|│,)]*\Z)")
_KEY_HEADER = Pattern(r"(?:Proc-Type|DEK-Info|Comment|Version|Hash|Charset|Subject)\b")
_EMPTY = Pattern(r"[\s\"'+\-|│>\\n,()]*\Z")
_MOST_LINES, _LONGEST_KEY = 400, 40_000


def private_keys(text: str) -> Iterator[Span]:
    """Where the lines of private keys are. The lines around them, and what precedes the key on its lines, stay."""
    if "PRIVATE KEY" not in text and "Private-Lines:" not in text:
        return
    scanned = 0
    for match in _BEGIN.finditer(text):
        if match.start() >= scanned:
            spans, scanned = _lines_of_key(text, match.end())
            yield from spans
    floor = 0
    for match in _END.finditer(text):
        if match.start() > scanned or not _BEGIN.search(text, max(floor, match.start() - _LONGEST_KEY), match.start()):
            yield from _lines_before(text, match.start(), floor)
        floor = match.end()
    for match in _PUTTY.finditer(text):
        for start, stop in _lines(text, match.end(), int(match.group(1)) + 1):
            yield from _in_line(text, start, stop, allows_short=True)


def _lines(text: str, position: int, count: int) -> Iterator[Tuple[int, int]]:
    for _ in range(count):
        newline = text.find("\n", position)
        yield position, len(text) if newline < 0 else newline
        if newline < 0:
            return
        position = newline + 1


def _lines_of_key(text: str, position: int) -> Tuple[List[Span], int]:
    """(the lines of a key from its beginning on, their end)"""
    spans: List[Span] = []
    for number, (start, stop) in enumerate(_lines(text, position, _MOST_LINES)):
        end = _END.search(text, start, stop)
        before = len(spans)
        part = start
        for written in text[start : end.start() if end else stop].split("\\n"):  # a line break may be written as \n
            is_short_allowed = bool(spans or end) and (number > 0) != bool(end)
            in_line = _in_line(text, part, part + len(written), allows_short=is_short_allowed, allows_text=bool(end))
            spans += in_line if spans or end else [span for span in in_line if _looks_like_key(text[span[0] : span[1]])]
            part += len(written) + 2
        if end:
            return spans, end.end()
        line = text[start:stop]
        if number and len(spans) == before and not (_EMPTY.match(line) or _KEY_HEADER.search(line)):
            return spans, start
        position = stop
    return spans, position


def _lines_before(text: str, stop: int, floor: int) -> Iterator[Span]:
    """The lines of a key above its end, but not above ``floor``."""
    for number in range(_MOST_LINES):
        start = max(text.rfind("\n", floor, stop) + 1, floor)
        spans = _in_line(text, start, stop, allows_short=number > 0)
        if not spans and not _EMPTY.match(text[start:stop]):
            return
        yield from spans
        if start <= floor:
            return
        stop = start - 1


def _in_line(text: str, start: int, stop: int, *, allows_short: bool, allows_text: bool = False) -> List[Span]:
    """The parts of a key in one line.

    allows_short: the last word may be short. allows_text: text may follow, as the whole key may be on this line.
    """
    line = text[start:stop]
    if _KEY_HEADER.search(line):
        return []
    spans: List[Span] = [
        (start + match.start(), start + match.end(), None)
        for match in _BODY.finditer(line)
        if allows_text or _LINE_END.match(line, match.end())
    ]
    last = _LAST.search(line[-80:]) if allows_short and not spans and len(line) <= 400 else None
    if last:
        begin = start + max(0, len(line) - 80)
        spans.append((begin + last.start(), begin + last.end(), None))
    return spans


def _looks_like_key(word: str) -> bool:
    """Whether the first line behind the beginning of a key belongs to it."""
    return len(word) >= 40 or any(c.isdigit() or c in "+/=" for c in word)
