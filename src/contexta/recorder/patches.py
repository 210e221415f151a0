"""Secrets in a patch: found line by line and taken out, so that no key in a changed file is ever stored."""

from __future__ import annotations

import re

from contexta.recorder import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Match

# Where NAME=value without quotes assigns a text; in code it would be an expression
_SETTINGS = re.compile(
    r"(?:.*/)?(?:[^/]*\.(?:ya?ml|ini|cfg|conf|toml|properties|sh|bash|zsh|fish|json|txt|md|rst|bat|ps1|service|tf|hcl)"
    r"|Dockerfile[^/]*|Makefile|[^/.]+|\.[^/.]+)\Z"
)
_ASSIGNED = re.compile(
    r"""(?<!\w)(?P<name>[A-Za-z_][\w.-]{0,200})(?P<gap>\\*["']?\]?\s*(?::\s*\w+\s*)?(?::=|=>|=(?!=)|:)\s*[rbfu]*"""
    r"""|\\*["']\s*,\s*[rbfu]*)(?P<quote>\\*["'])(?P<value>(?:(?!(?P=quote)).)+)"""
)
_UNQUOTED = re.compile(
    r"^(?P<lead>\W*(?:export |ENV |ARG |set |- )?\s*)(?P<name>[\w.-]+)(?P<gap>\s*[=:]\s*)(?P<value>[^\s\"'].*)$"
)
# In a text of a program: print("password=x")
_INSIDE = re.compile(r"(?<![\w.])(?P<name>[A-Za-z_][\w-]{0,200})=(?P<value>[^\s\"'&;,(){}\[\]%$<>\\]{6,})")
_LITERAL = re.compile(r"""(?<=["'])[A-Za-z0-9+/_=.-]{20,200}(?=["'])""")
_CHECKSUM = re.compile(r"sha(?:1|256|384|512)[-:=]|integrity|\bh1:")
_EXPRESSION = re.compile(r"\$[{(\w]|<[\w -]+>\Z|\{\{")
_KEY_BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}|(?<![A-Za-z0-9+/-])[A-Za-z0-9+/]{4,}={0,2}\s*\Z")
_KEY_LINE = re.compile(
    r"""[\s"'+(]*(?:[A-Za-z0-9+/]{4,}={0,2}|(?:Proc-Type|DEK-Info|Comment|Version):.*)?[\s\\nr"',+)]*\Z"""
)


def without_secrets(patch: bytes, salt: bytes) -> tuple[bytes, list[str]]:
    """The patch with secret values hashed, and the files in which there were any. Binary parts are left as they are.

    Found: quoted texts assigned to secret names; unquoted ones in settings files; credentials in URLs; private keys,
    authorisation headers and token shapes anywhere. About 1 MB/s.
    """
    lines = patch.split(b"\n")
    touched: dict[str, None] = {}
    path, binary, in_key = "", False, False
    for number, raw in enumerate(lines):
        if raw.startswith(b"diff --git "):
            path, binary, in_key = _path(raw), False, False
        elif raw.startswith(b"GIT binary patch"):
            binary = True
        elif not binary and raw[:1] in (b"+", b"-", b" ") and not raw.startswith((b"+++ ", b"--- ")):
            text = raw.decode("utf-8", "surrogateescape")
            mark, line = text[0], text[1:]
            begins = _KEY_BEGIN.search(line) is not None
            in_key = begins or (in_key and _KEY_LINE.match(line) is not None)
            cleaned = _without_key(line, salt) if in_key else _cleaned(line, path, salt)
            if cleaned != line:
                touched[path] = None
                lines[number] = (mark + cleaned).encode("utf-8", "surrogateescape")
    return b"\n".join(lines), list(touched)


def _without_key(line: str, salt: bytes) -> str:
    return _KEY_BODY.sub(lambda match: redact.secret_hash(match.group(), salt), line)


def _path(header: bytes) -> str:
    text = header.decode("utf-8", "backslashreplace")
    return text.rpartition(" b/")[2] if " b/" in text else text.rpartition('"b/')[2].rstrip('"')


def _cleaned(line: str, path: str, salt: bytes) -> str:
    def hide(match: Match[str]) -> str:
        return redact.secret_hash(match.group(), salt)

    def hide_value(match: Match[str]) -> str:
        given = match.group("value")
        if not _is_secret(match.group("name"), given):
            return match.group()
        return match.group()[: match.start("value") - match.start()] + redact.secret_hash(given, salt)

    def hide_inside(match: Match[str]) -> str:
        before = match.string[: match.start()]
        in_text = before.count('"') % 2 or before.count("'") % 2
        return hide_value(match) if in_text else match.group()

    if "://" in line:
        line = redact.clean_url(line) if "@" in line or "=" in line or "/t/" in line else line
    if len(line) < 20_000:
        line = _ASSIGNED.sub(hide_value, line)
        line = _INSIDE.sub(hide_inside, line)
        if _SETTINGS.match(path):
            line = _UNQUOTED.sub(hide_value, line)
    line = redact.tokens_hidden(line, salt)
    if not _CHECKSUM.search(line):
        line = _LITERAL.sub(lambda match: hide(match) if redact.looks_secret(match.group()) else match.group(), line)
    return line


def _is_secret(name: str, value: str) -> bool:
    if value.startswith(redact.HIDDEN) or _EXPRESSION.search(value) or not redact.is_secret_name(name):
        return False
    plain = re.split(r"[._-]", name.lower())[-1] in ("token", "auth", "signature", "pass")
    if plain and len(value) < 8:
        return False  # words of a language model, not of a lock: token = "the"
    return redact.is_secret(name, value)
