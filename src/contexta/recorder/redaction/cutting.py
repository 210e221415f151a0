"""Cutting long texts before they are kept, so that no part of a secret is left at the cut.

Redaction recognises whole secrets: half a token, or a key block without its end, would pass. So a cut gives up the
word and the key block that it splits.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

MAX_LINE = 64 * 1024  # characters of one line: it takes some milliseconds to look through
_WORD = 4096  # characters: longer ones are no secrets, and are split
_LAST_WORD = re.compile(r"""[^\s"'`,;|<>(){}\[\]]*\Z""")
_FIRST_WORD = re.compile(r"""[^\s"'`,;|<>(){}\[\]]*""")
_BEGIN, _END = "-----BEGIN ", "-----END "


def beginning(text: str, limit: int) -> str:
    """At most ``limit`` characters from the beginning; the text itself where it is no longer."""
    if len(text) <= limit:
        return text
    kept = text[:limit]
    near = max(0, limit - _WORD)
    word = _LAST_WORD.search(kept, near)
    if word is not None and word.start() > near:
        kept = kept[: word.start()]
    block = kept.rfind(_BEGIN)
    return kept[:block] if block > kept.rfind(_END) else kept


def ending(text: str, limit: int) -> str:
    """At most ``limit`` characters from the end; the text itself where it is no longer."""
    if len(text) <= limit:
        return text
    kept = text[-limit:] if limit else ""
    word = _FIRST_WORD.match(kept)
    if word is not None and word.end() < _WORD:
        kept = kept[word.end() :]
    end, begin = kept.find(_END), kept.find(_BEGIN)
    if end >= 0 and not 0 <= begin < end:
        kept = kept[end:].partition("\n")[2]
    return kept


def shortened(text: str, limit: int) -> str:
    """Beginning and end of a text that is longer than ``limit``, with a remark between them on what is left out."""
    if len(text) <= limit:
        return text
    first, last = beginning(text, limit // 2), ending(text, limit // 2)
    return f"{first}[contexta: {len(text) - len(first) - len(last)} characters left out]{last}"


def with_short_lines(text: str, limit: int = MAX_LINE) -> "Tuple[str, int]":
    """The text with each line longer than ``limit`` shortened, and how many those were. Progress bars write lines that
    end with a carriage return."""
    if len(text) <= limit:
        return text, 0
    parts = re.split(r"([\r\n])", text)
    long = 0
    for number, part in enumerate(parts):
        if len(part) > limit:
            parts[number] = shortened(part, limit)
            long += 1
    return ("".join(parts), long) if long else (text, 0)
