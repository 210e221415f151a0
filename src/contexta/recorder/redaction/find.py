"""All secrets in a text, by whatever gives them away."""

from __future__ import annotations

from bisect import bisect_right

from contexta.recorder.redaction.names import CONTAINED, UNSAID, name_around, sensitivity, stems
from contexta.recorder.redaction.pattern import Pattern
from contexta.recorder.redaction.shapes import private_keys, random_runs, tokens
from contexta.recorder.redaction.spans import uncoloured, unwrapped
from contexta.recorder.redaction.values import HIDDEN, REMOVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Tuple

    from contexta.recorder.redaction.spans import Span

_COMMANDS = (
    " -",
    "'-",
    '"-',
    "login",
    "obscure",
    "alias",
    "add_user",
    "change_password",
    "sqlplus",
    "wpa_passphrase",
    "poetry config",
    "config host",
    "aws configure",
)
_MARK = Pattern(r"secret:sha256:[0-9a-f]{16}|\[redacted\]")
_SHORTEST = 4  # characters of a text that can hold a name and a secret
_CONTINUED = Pattern(
    r"[ \t]*[│┃║|]?[ \t]*\\?\r?\n[ \t]*[│┃║|>]?[ \t]*(?P<rest>[A-Za-z0-9_+/=.~-]+)"
    r"(?P<alone>[ \t]*[│┃║|]?[ \t]*(?=\n|\Z))?"
)
_WRAPPED = 40  # characters of the shortest line that is wrapped in a secret


def find(text: str, *, code: bool = False, settings: bool = False, checksums: bool = False) -> List[Span]:
    """Where secrets are, in no order; parts may overlap.

    code: the text is a program, in which a value without quotes is an expression. settings: it is a file of settings.
    checksums: it is a file of those, in which random characters mean nothing.
    """
    if len(text) < _SHORTEST:
        return []
    view = uncoloured(text)
    if view is not None:
        return view.spans(_find(view.text, code, settings, checksums))
    return _find(text, code, settings, checksums)


def _find(text: str, code: bool, settings: bool, checksums: bool) -> List[Span]:
    found: List[Span] = [*private_keys(text), *find_in_url(text), *tokens(text)]
    if not checksums:
        found += random_runs(text)
    if "\n" in text:
        for begin, part in unwrapped(text):
            found += [(begin + start, begin + end, new) for start, end, new in part.crossing(tokens(part.text))]
    places = stems(text)
    if places and _names_secret(text, places):
        from contexta.recorder.redaction.structures import secrets_manifest
        from contexta.recorder.redaction.texts import Search

        named = Search(text, code=code, settings=settings).run(places)
        found += named
        found += _continued(text, named)
        found += secrets_manifest(text)
    if any(mark in text for mark in _COMMANDS):
        from contexta.recorder.redaction.programs import in_text

        found += in_text(text)
    return _unhidden(text, found) if HIDDEN in text or REMOVED in text else found


def _unhidden(text: str, found: List[Span]) -> List[Span]:
    """The spans without what is hidden already."""
    marks = [match.span() for match in _MARK.finditer(text)]
    starts = [start for start, _ in marks]
    left: List[Span] = []
    for start, end, new in found:
        at = max(0, bisect_right(starts, start) - 1)
        while at < len(marks) and marks[at][0] < end:
            first, last = marks[at]
            if last > start:
                left.append((start, first, new))
                start = last
            at += 1
        left.append((start, end, new))
    return [(start, end, new) for start, end, new in left if any(c.isalnum() for c in text[start:end])]


def find_in_url(text: str) -> List[Span]:
    """Where URLs in a text hold credentials."""
    if "://" not in text and "jdbc:" not in text:
        return []
    from contexta.recorder.redaction.urls import url_spans

    return list(url_spans(text))


def _names_secret(text: str, places: List[Tuple[int, int]]) -> bool:
    """Whether any name in a text has to do with secrets."""
    position = 0
    for start, end in places:
        if end <= position:
            continue
        begin, position = name_around(text, start, end, position)
        name = text[begin:position].strip(".-")
        if sensitivity(name)[0] >= CONTAINED or name.rpartition(".")[2].lower() in UNSAID:
            return True
    return False


def _continued(text: str, named: List[Span]) -> List[Span]:
    """What stands of a secret in the next lines, where a line is wrapped in it."""
    from contexta.recorder.redaction.values import is_ordinary

    found: List[Span] = []
    for _, end, _ in named:
        for _ in range(20):
            more = _CONTINUED.match(text, end)
            if more is None or end - (text.rfind("\n", max(0, end - 400), end) + 1) < _WRAPPED:
                break
            rest = more.group("rest")
            if is_ordinary(rest) and not (more.group("alone") is not None and len(rest) > 14):
                break
            if not any(c.isdigit() for c in rest) and more.group("alone") is None:
                break
            found.append((more.start("rest"), more.end("rest"), None))
            end = more.end("rest")
    return found
