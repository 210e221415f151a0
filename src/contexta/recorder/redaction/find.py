"""Find all secrets in a text: by form, by randomness, by name, by program, and those of the environment variables."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from contexta.recorder.redaction.rules.environment import known
from contexta.recorder.redaction.rules.names import CONTAINED, CONTEXTUAL, name_around, sensitivity, stems
from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.private_keys import private_keys
from contexta.recorder.redaction.rules.tokens import random_runs, tokens
from contexta.recorder.redaction.rules.values import HIDDEN, REMOVED, is_ordinary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Container, Iterable, Iterator, List, Optional, Tuple

    from contexta.recorder.redaction.rules.spans import Span

_SHORTEST = 4  # characters of a text that can contain a name and a secret
# A text with a command that takes a secret contains one of these
_COMMANDS = (
    *(" -", "'-", '"-', "login", "obscure", "alias", "add_user", "change_password", "sqlplus", "wpa_passphrase"),
    *("chpasswd", "unlock", "secret create", "schtasks", "freerdp"),
)
_CONFIGURING = ("poetry config", "config host", "aws configure", "<<<", "echo ", "printf ")
_MARK = Pattern(r"secret:sha256:[0-9a-f]{16}|\[redacted\]")
_ENCODED = Pattern(r"%[0-9A-Fa-f]{2}")
_CONTINUED = Pattern(
    r"[ \t]*[│┃║|]?[ \t]*\\?\r?\n[ \t]*[│┃║|>]?[ \t]*(?P<rest>[A-Za-z0-9_+/=.~-]+)"
    r"(?P<alone>[ \t]*[│┃║|]?[ \t]*(?=\n|\Z))?"
)
_SHORTEST_WRAPPED_LINE, _MOST_WRAPPED_LINES = 40, 20


def find(text: str, *, code: bool = False, settings: bool = False, checksums: bool = False) -> List[Span]:
    """The spans of secrets, in no order; the spans may overlap.

    code: the text is a program, in which a value without quotes is an expression. settings: it is a file of settings,
    in which a value ends with its line. checksums: it is a file of those, in which random characters are no secrets.
    """
    if len(text) < _SHORTEST:
        return []
    view = uncoloured(text)
    if view is not None:
        return view.in_text(_find(view.text, code, settings, checksums))
    return _find(text, code, settings, checksums)


def _find(text: str, code: bool, settings: bool, checksums: bool) -> List[Span]:
    complete = list(tokens(text))
    spans: List[Span] = [*private_keys(text), *find_in_url(text), *known(text), *complete]
    if not checksums:
        spans += random_runs(text)
    if "\n" in text:
        for view in unwrapped(text, {end for _, end, _ in complete}):
            spans += view.crossing(tokens(view.text))
    places = stems(text)
    if places and _has_sensitive_name(text, places):
        from contexta.recorder.redaction.notations.named import secrets_by_name
        from contexta.recorder.redaction.notations.structures import secrets_manifest

        by_name = secrets_by_name(text, places, is_code=code, is_settings=settings)
        spans += [*by_name, *_continued(text, by_name), *secrets_manifest(text)]
    if any(mark in text for mark in (*_COMMANDS, *_CONFIGURING)):
        from contexta.recorder.redaction.rules.program_options import in_text

        spans += in_text(text)
    return _without_marks(text, spans) if HIDDEN in text or REMOVED in text else spans


def _without_marks(text: str, spans: List[Span]) -> List[Span]:
    """The spans without the parts that are hidden already."""
    marks = [match.span() for match in _MARK.finditer(text)]
    starts = [start for start, _ in marks]
    parts: List[Span] = []
    for start, end, replacement in spans:
        at = max(0, bisect_right(starts, start) - 1)
        while at < len(marks) and marks[at][0] < end:
            first, last = marks[at]
            if last > start:
                parts.append((start, first, replacement))
                start = last
            at += 1
        parts.append((start, end, replacement))
    return [part for part in parts if any(c.isalnum() for c in "".join(_ENCODED.split(text[part[0] : part[1]])))]


def find_in_url(text: str) -> List[Span]:
    """The spans of credentials in the URLs of a text."""
    if ":" not in text:
        return []
    from contexta.recorder.redaction.rules.urls import url_spans

    return list(url_spans(text))


def _has_sensitive_name(text: str, places: List[Tuple[int, int]]) -> bool:
    position = 0
    for start, end in places:
        if end <= position:
            continue
        begin, position = name_around(text, start, end, position)
        name = text[begin:position].strip(".-")
        if sensitivity(name)[0] >= CONTAINED or name.rpartition(".")[2].lower() in CONTEXTUAL:
            return True
    return False


def _continued(text: str, by_name: List[Span]) -> Iterator[Span]:
    """The rest of a secret in the next lines, where a line is wrapped within it."""
    for _, end, _ in by_name:
        for _ in range(_MOST_WRAPPED_LINES):
            more = _CONTINUED.match(text, end)
            if more is None or end - (text.rfind("\n", max(0, end - 400), end) + 1) < _SHORTEST_WRAPPED_LINE:
                break
            rest, is_alone = more.group("rest"), more.group("alone") is not None
            if _begins_row(text, more.start("rest")):
                break
            if is_ordinary(rest) and not (is_alone and len(rest) > 14):
                break
            if not is_alone and not any(c.isdigit() for c in rest):
                break
            yield more.start("rest"), more.end("rest"), None
            end = more.end("rest")


# ------------------------------------------------------------------------------------------------ wrapped lines

_COLOURS = Pattern(r"(?:\x1b|\\x1b|\\033|\\u001b|\\e)\[[0-9;:?]*[A-Za-z]")
_WRAPS = Pattern(r"(?<=[A-Za-z0-9_-])[ \t]*[│┃║|]?[ \t]*\\?\r?\n[ \t]*[│┃║|>]?[ \t]*(?=[A-Za-z0-9_-])")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_SHORTEST_TOKEN, _AROUND = 20, 200


class View:
    """A text without some parts of it. offset: where the text begins in a larger one."""

    def __init__(self, text: str, left_out: Iterable[Tuple[int, int]], offset: int = 0) -> None:
        self._offset = offset
        self._starts: List[int] = []  # in the view, behind each part that is left out
        self._shifts: List[int] = []
        parts: List[str] = []
        position = shift = 0
        for start, end in left_out:
            parts.append(text[position:start])
            shift += end - start
            self._starts.append(end - shift)
            self._shifts.append(shift)
            position = end
        self.text = "".join([*parts, text[position:]])

    def _place(self, position: int) -> int:
        at = bisect_right(self._starts, position)
        return self._offset + position + (self._shifts[at - 1] if at else 0)

    def in_text(self, spans: Iterable[Span]) -> List[Span]:
        """Spans of the view as spans of the text."""
        return [(self._place(start), self._place(end - 1) + 1, new) for start, end, new in spans if end > start]

    def crossing(self, spans: Iterable[Span]) -> List[Span]:
        """Those spans, in the text, that contain a part which is left out."""
        starts = self._starts
        return self.in_text(span for span in spans if bisect_right(starts, span[0]) < bisect_left(starts, span[1]))


def uncoloured(text: str) -> Optional[View]:
    """The text without the codes that colour it; None if it has none."""
    if not any(code in text for code in ("\x1b[", "\\x1b[", "\\033[", "\\u001b[")):
        return None
    return View(text, [match.span() for match in _COLOURS.finditer(text)])


def unwrapped(text: str, complete: Container[int] = ()) -> Iterator[View]:
    """Each part of the text in which a line may be wrapped within a token, with its lines joined.

    The letters before and after the line break are together long enough for a token. complete: where tokens end that
    are complete in their line; an ordinary word, a number or the row of a table below one is not a part of it.
    """
    joins: List[Tuple[int, int]] = []
    for match in _WRAPS.finditer(text):
        start, end = match.span()
        before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
        left, right = len(before) - len(before.rstrip(_LETTERS)), len(after) - len(after.lstrip(_LETTERS))
        if left + right < _SHORTEST_TOKEN or (not left and not right):
            continue
        if start in complete and (
            is_ordinary(after[:right]) or _NUMBER_ALONE.match(text, end) or _begins_row(text, end)
        ):
            continue
        if joins and start - joins[-1][1] > _AROUND:
            yield _joined(text, joins)
            joins = []
        joins.append((start, end))
    if joins:
        yield _joined(text, joins)


_BAR = Pattern(r"[│┃║|]")
_SEPARATORS = (Pattern(r",(?! )"), Pattern(r";(?! )"), Pattern(r"\t"), Pattern(r"(?<=\S) {2,}(?=\S)"))
_NUMBER_ALONE = Pattern(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?[ \t\r]*(?:\n|\Z)")
_LONGEST_ROW = 2_000


def _begins_row(text: str, position: int) -> bool:
    """Whether the line of a position is a row of a table: two rows with bars, or three of a CSV file, are equally long.

    Bars only at the sides are a frame around a text, which may be wrapped within it.
    """
    before = text[max(0, position - _LONGEST_ROW) : position].split("\n")[-3:]
    after = text[position : position + _LONGEST_ROW].split("\n")[:2]
    above, row, below = before[:-1], before[-1] + after[0], after[1:]
    bars = len(_BAR.findall(row))
    if bars > 2 and above and len(_BAR.findall(above[-1])) == bars:
        return True
    for separator in _SEPARATORS:
        numbers = [len(separator.findall(line)) for line in (*above, row, *below)]
        if any(rows[0] > 0 and len({*rows}) == 1 for rows in zip(numbers, numbers[1:], numbers[2:])):
            return True
    return False


def _joined(text: str, joins: List[Tuple[int, int]]) -> View:
    begin, end = max(0, joins[0][0] - _AROUND), joins[-1][1] + _AROUND
    return View(text[begin:end], [(start - begin, stop - begin) for start, stop in joins], begin)
