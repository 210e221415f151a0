"""Shorten long texts so that no part of a secret is left at the cut.

Redaction recognises whole secrets, not half a token or a key block without its end. So a cut also removes the word and
the key block that it splits.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

MAX_LINE = 64 * 1024  # characters of one line; redacting it takes some milliseconds
_WORD = 4096  # characters; longer words are no secrets, and are split
_LAST_WORD = re.compile(r"""[^\s"'`,;|<>(){}\[\]]*\Z""")
_FIRST_WORD = re.compile(r"""[^\s"'`,;|<>(){}\[\]]*""")
_BEGIN, _END = "-----BEGIN ", "-----END "


def beginning(text: str, limit: int) -> str:
    """At most ``limit`` characters from the beginning."""
    if len(text) <= limit:
        return text
    part = text[:limit]
    near = max(0, limit - _WORD)
    word = _LAST_WORD.search(part, near)
    if word is not None and word.start() > near:
        part = part[: word.start()]
    block = part.rfind(_BEGIN)
    return part[:block] if block > part.rfind(_END) else part


def ending(text: str, limit: int) -> str:
    """At most ``limit`` characters from the end."""
    if len(text) <= limit:
        return text
    part = text[-limit:] if limit else ""
    word = _FIRST_WORD.match(part)
    if word is not None and word.end() < _WORD:
        part = part[word.end() :]
    end, begin = part.find(_END), part.find(_BEGIN)
    if end >= 0 and not 0 <= begin < end:
        part = part[end:].partition("\n")[2]
    return part


def shortened(text: str, limit: int) -> str:
    """Beginning and end of a text longer than ``limit``, with a remark between them on how much is left out."""
    if len(text) <= limit:
        return text
    first, last = beginning(text, limit // 2), ending(text, limit // 2)
    return f"{first}[contexta: {len(text) - len(first) - len(last)} characters left out]{last}"


def with_short_lines(text: str, limit: int = MAX_LINE) -> "Tuple[str, int]":
    """(the text with each line longer than ``limit`` shortened, the number of such lines).

    A carriage return ends a line too: progress bars write it.
    """
    if len(text) <= limit:
        return text, 0
    parts = re.split(r"([\r\n])", text)
    long = 0
    for number, part in enumerate(parts):
        if len(part) > limit:
            parts[number] = shortened(part, limit)
            long += 1
    return ("".join(parts), long) if long else (text, 0)
