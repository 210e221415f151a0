"""Parts of a text to hide, and the text without them."""

from __future__ import annotations

from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.values import HIDDEN, REMOVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, List, Optional, Tuple

    Span = Tuple[int, int, Optional[str]]
    """Start, end, and the replacement: None means a keyed hash of the part."""

_LINE = Pattern(r"[^\s](?:[^\r\n]*[^\s])?")


def secret_hash(value: str, salt: Optional[bytes]) -> str:
    """The replacement of a secret. Without the workspace's salt, the secret cannot be guessed from it.

    salt: None gives ``[redacted]``.
    """
    if salt is None:
        return REMOVED
    from hashlib import sha256

    return HIDDEN + sha256(salt + b"\0" + value.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def without(text: str, spans: Iterable[Span], salt: Optional[bytes]) -> str:
    """The text with these spans replaced; line breaks stay."""
    parts: List[str] = []
    position = 0
    for start, end, replacement in merged(text, spans):
        parts += [text[position:start], secret_hash(text[start:end], salt) if replacement is None else replacement]
        position = end
    return "".join([*parts, text[position:]])


def merged(text: str, spans: Iterable[Span]) -> List[Span]:
    """The spans in order, without overlaps, each within one line."""
    together: List[Span] = []
    for start, end, replacement in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not together or start >= together[-1][1]:
            if end > start:
                together.append((start, end, replacement))
            continue
        first, last, before = together[-1]
        if end > last and before != "":  # an empty one removes the user of a URL, whose name may seem to name the rest
            together[-1] = (first, end, before if before == replacement else None)
    lines: List[Span] = []
    for span in together:
        part = text[span[0] : span[1]]
        if "\n" in part:
            lines += [(span[0] + line.start(), span[0] + line.end(), span[2]) for line in _LINE.finditer(part)]
        else:
            lines.append(span)
    return lines
