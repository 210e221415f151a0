"""Decide by the text around a name whether it names a secret, and whether a value follows it."""

from __future__ import annotations

import re

from contexta.recorder.redaction.notations.scanner import QUOTE, TYPE_BEHIND, with_level
from contexta.recorder.redaction.notations.structures import hide_group
from contexta.recorder.redaction.rules.names import CERTAIN, LIKELY, below, sensitivity
from contexta.recorder.redaction.rules.pattern import Pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple

    from contexta.recorder.redaction.notations.scanner import Scanner
    from contexta.recorder.redaction.rules.names import Sensitivity

FILE_NAME = Pattern(  # or host name
    r"(?<!\.core\.windows)\.(?:py|pyc|txt|json|ya?ml|toml|ini|cfg|conf|md|rst|csv|log|sh|pem|crt|cer|pub|html?|js|ts|ipynb|so|c|h|cpp|go|rs|java|lock"
    r"|com|org|net|io|ai|dev|zip|gz|tar|npz|npy|pt|bin|safetensors|model)\Z",
    re.IGNORECASE,
)
_IDENTIFIED = Pattern(
    r"\bIDENTIFIED[ \t]+(?:WITH[ \t]+\S{1,60}[ \t]+)?(?:BY|AS|USING)[ \t]+(?:PASSWORD[ \t]+)?", re.IGNORECASE
)
LOGIN_CALL = Pattern(
    r"\((?=(?:(?:[rbfuRBFU]{0,2}[\"'][^\"'\n]{0,80}[\"']|[\w.]{1,80}|\{[^{}\n]{0,80}\})"
    r"[ \t]*,[ \t]*)?[rbfuRBFU]{0,2}[\"'])"
)
_KEY_SIGN = Pattern(
    rf"{QUOTE}?\*{{0,2}}{TYPE_BEHIND}[ \t]*\]?"
    r"(?:[ ](?:provided|given|supplied|used|is|was)\b)?[ \t]*(?:[:=\uff1a\uff1d\u2192]|->|(?<=is)[ ]|(?<=was)[ ])"
)
_WORD_BEFORE = Pattern(r"(?<![A-Za-z])([Mm]ot de|[A-Za-z]{2,12})[ ]\Z")
_USER_BESIDE = Pattern(r"[\"']user(?:name)?[\"']\s*:[^{}]{0,120}\Z")
_OPENED_ABOVE = Pattern(r"([\w.-]{1,60})[\"']?\s*[:=]\s*\{[^{}]{0,200}\Z|([\w.-]{1,60})(?:[\"']\])?\[[\"']\Z")
_LOGIN_CALL_OPENED = Pattern(r"\b(?:login|authenticate|configure|init_api|set_api_key)\([^()]{0,120}\Z")
_SECTION = Pattern(r"(?:\A|\n)\[{1,2}(?:[\w.-]*\.)?([\w-]{1,60})\]{1,2}[ \t]*\n(?:[^\[\n][^\n]*\n){0,8}\Z")  # of TOML
_INDENT = Pattern(r"\n([ \t]+)[\"']?\Z")
_PARENT = Pattern(r"([ \t]*)[\"']?([\w.-]{1,60})[\"']?:[ \t]*\Z")
_JOINING = (
    "is ",
    "is:",
    "was ",
    "è ",
    "ist ",
    "est ",
    "set to",
    "provided:",
    "given:",
    "supplied:",
    "used:",
    "for ",
    "as ",
    "to ",
    "or ",
    "if ",
    "string =",
    "[]byte =",
)
_COMMANDS = ("ENV", "ARG", "%env", "set", "export", "config", "secret", "var", "login", "machine", "putenv")
_OWNED = Pattern(
    r"\b(?:using|with|via|your|my|new|auth|access|the|expired|revoked)[ ]\Z", re.IGNORECASE
)  # a token, not one of a text
_SHORT_WORD = Pattern(r"\S{1,9}(?:\s|\Z)")  # word2vec
_ISSUED_NEXT = Pattern(
    r"[ \t]+[(`]?(?=[^\s\"']{8,200}(?:[\s,.;:)`]|\Z))(?=\S*[A-Za-z][0-9]+[A-Za-z]|\S*[0-9][A-Za-z]+[0-9]"
    r"|(?=\S*[A-Za-z])(?=\S*[0-9])\S*[!@#$%^&*])(?=[\w+/=!@#%^*~-])"
)


def contextual(scanner: Scanner, start: int, end: int, kind: Sensitivity) -> Tuple[int, Sensitivity]:
    """(end of the value, if it could be hidden; the sensitivity) of a name that only its context makes sensitive."""
    text, word = scanner.text, scanner.text[start:end]
    last = word.rpartition(".")[2].lower()
    if last == "identified":
        by = _IDENTIFIED.match(text, start)
        return scanner.value(by.end(), (CERTAIN, "password")) if by else 0, kind
    if last in ("login", "fernet", "simple_bind", "simple_bind_s") or word.lower() in ("hmac.new", "boto3.session"):
        call = LOGIN_CALL.match(text, end)
        return hide_group(scanner, call.start(), (LIKELY, "login")) if call else 0, kind
    if not (_KEY_SIGN.match(text, end) or _ISSUED_NEXT.match(text, end)):
        return 0, kind
    by_parent = _by_parent(text, word, start)
    if by_parent is not None:
        return 0, by_parent
    before = _WORD_BEFORE.search(text, max(0, start - 24), start)  # API key: X
    joined = sensitivity(f"{before.group(1)}_{word}".replace(" ", "_")) if before else kind
    if joined[0] < LIKELY:
        return 0, kind
    return 0, joined if _ISSUED_NEXT.match(text, end) else with_level(joined, LIKELY)


def _by_parent(text: str, name: str, start: int) -> Optional[Sensitivity]:
    """The sensitivity of ``key`` by the name above it: ``{"openai": {"key":``, or a line that is indented less."""
    before = text[max(0, start - 240) : start]
    if not any(mark in before for mark in "{[(\n"):
        return None
    if _USER_BESIDE.search(before):
        return LIKELY, "key"
    opened = _OPENED_ABOVE.search(before)
    if opened is not None:
        return below(opened.group(1) or opened.group(2), name)
    if _LOGIN_CALL_OPENED.search(before):
        return LIKELY, "key"
    section = _SECTION.search(before)
    if section is not None:
        return below(section.group(1), name)
    indent = _INDENT.search(before)
    if indent is None:
        return None
    for line in reversed(before[: indent.start()].split("\n")):
        parent = _PARENT.match(line)
        if parent and len(parent.group(1)) < len(indent.group(1)):
            return below(parent.group(2), name)
        if line.strip() and len(line) - len(line.lstrip()) < len(indent.group(1)):
            return None
    return None


def is_in_prose(text: str, start: int, end: int, kind: Sensitivity) -> bool:
    """Whether words surround a name, and nothing makes the next word its value."""
    after = text[end : end + 24]
    if (
        start == 0
        or after[:1] != " "
        or after[:2] == "  "
        or text[start - 1] not in " \t"
        or issued_word(text, start, end, kind)
    ):
        return False
    rest = after.lstrip(" \t")
    if not rest[:1].isalnum() or rest.lower().startswith(_JOINING):
        return False
    before = text[max(0, start - 160) : start]
    return not (before.rstrip(" \t").endswith("\n") or any(word in before for word in _COMMANDS))


def issued_word(text: str, start: int, end: int, kind: Sensitivity) -> int:
    """Where the word behind a name begins if it is no word of a language: ``api_key a1b2c3d4 is invalid``; or 0."""
    is_certain = kind[0] == CERTAIN or (kind[0] == LIKELY and _OWNED.search(text, max(0, start - 12), start))
    following = _ISSUED_NEXT.match(text, end) if is_certain else None
    if following is None or (kind[0] < CERTAIN and _SHORT_WORD.match(text, following.end())):
        return 0
    return following.end()
