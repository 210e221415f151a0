"""The secrets in this process's environment variables, which are hidden wherever a run writes them."""

from __future__ import annotations

from contexta.recorder.redaction.rules.names import CERTAIN, LIKELY, sensitivity
from contexta.recorder.redaction.rules.values import HIDDEN, is_ordinary, is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Mapping

    from contexta.recorder.redaction.rules.spans import Span

_SHORTEST, _LONGEST = 8, 10_000  # characters; a shorter one is part of other words
_MOST = 200
_known: List[str] = []


def know(environ: Mapping[str, str]) -> None:
    """Hide from now on the values of the variables that hold secrets: ``HF_TOKEN``, ``DB_PASSWORD``.

    Words, numbers and paths stay readable: ``PASSWORD=training`` would hide every "training" in a log.
    """
    values = {value for name, value in environ.items() if _is_recognisable(name, value)}
    if any(not value.isalnum() for value in values):
        from urllib.parse import quote

        values |= {quote(value, safe="", errors="replace") for value in values}
    _known[:] = sorted(values, key=lambda value: (-len(value), value))[:_MOST]


def _is_recognisable(name: str, value: str) -> bool:
    if not _SHORTEST <= len(value) <= _LONGEST or value.startswith(HIDDEN) or "\n" in value:
        return False
    kind = sensitivity(name)
    if kind[0] < LIKELY and "TOKEN" not in name.upper().split("_"):
        return False
    is_path = value.startswith(("/", "~", "./")) or value[1:3] in (":\\", ":/")
    is_number = value.replace(".", "").isdigit()
    is_word = is_ordinary(value) and value.isalnum()
    return not (is_path or is_number or is_word) and is_secret_under((CERTAIN, kind[1]), value)


def known(text: str) -> Iterator[Span]:
    """Where a text contains one of these secrets, not as a part of a longer word."""
    for secret in _known:
        at = text.find(secret)
        while at >= 0:
            end = at + len(secret)
            begins = not (secret[0].isalnum() and text[max(0, at - 1) : at].isalnum())
            if begins and not (secret[-1].isalnum() and text[end : end + 1].isalnum()):
                yield at, end, None
            at = text.find(secret, end)
