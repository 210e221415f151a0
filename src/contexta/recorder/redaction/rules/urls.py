"""Credentials in URLs. They are removed, so that the host and the path stay readable."""

from __future__ import annotations

import re

from contexta.recorder.redaction.rules.names import CERTAIN, LIKELY, sensitivity
from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.tokens import random_runs, tokens
from contexta.recorder.redaction.rules.values import REMOVED, is_ordinary, is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from contexta.recorder.redaction.rules.spans import Span

_URL = Pattern(r"\b([A-Za-z][A-Za-z0-9+.-]{1,30})://([^\s\"'<>\x1b│┃]*)")
_ORACLE = Pattern(r"jdbc:oracle:\w{1,10}:[^\s/@]{1,80}/([^\s@]{1,200})@")
_PGPASS = Pattern(r"^[\w.*-]{1,80}:(?:\d{4,5}|\*):[^:\s]{1,80}:[^:\s]{1,80}:(\S+)$", re.MULTILINE)
_USER = Pattern(r"[^/?#]*@")
# of a program that fills them in; ``${NAME}`` is filled in by tools that read a file of settings
_PLACEHOLDERS = Pattern(r"(?:(?:\A|:)(?:\{[\w.\[\]()]*\}|<[\w -]+>|%s))+\Z")
_LOGIN = Pattern(r"[a-z_][a-z0-9_-]{0,31}\Z")
_QUERY = Pattern(r"(?<=[?&;#])([^=&#;]+)=([^&#;]*)")
_SECRET_QUERY = frozenset(
    "sig signature key code sv se sp skoid x-amz-security-token x-amz-credential x-goog-signature x-goog-credential "
    "googleaccessid apikey api-key api_key subscription-key pw pwd pass".split()
)
_CONDA = Pattern(r"(?:(?<=/t/)|(?<=\At/))[^/]{8,}")
_HOOK = Pattern(
    r"(?:\A|/)(?:services|webhooks?|webhookb2|hooks?(?:/catch)?|with/key|integration|bot/v2/hook|workflows)/(?=[^/])"
)
_BOT = Pattern(r"(?:\A|/)bot(\d+:[^/]+)")
_SEGMENT = Pattern(r"[^/?#]{6,}")


def url_spans(text: str) -> Iterator[Span]:
    """Users and passwords, queries of secret names, tokens in the path, and the paths of webhooks."""
    if "jdbc:" in text:
        for match in _ORACLE.finditer(text):
            yield match.start(1), match.end(1), REMOVED
    for match in _PGPASS.finditer(text) if text.count(":") >= 4 else ():
        if not is_ordinary(match.group(1)):
            yield match.start(1), match.end(1), None
    if "://" not in text:
        return
    for match in _URL.finditer(text):
        yield from _in_url(match.group(1), match.start(2), match.group(2))


def _in_url(scheme: str, start: int, rest: str) -> Iterator[Span]:
    authority, slash, _ = rest.partition("/")
    cut = re.search(r"[?#]", authority)
    if cut and "@" not in authority[cut.start() :]:
        authority = authority[: cut.start()]
    elif not slash:
        cut = None
    tail = len(authority) + (1 if rest[len(authority) : len(authority) + 1] == "/" else 0)
    user, at, host = authority.rpartition("@")
    if at and not (scheme.endswith("ssh") and _LOGIN.match(user)) and not _PLACEHOLDERS.match(user):
        yield start, start + len(user) + 1, ""
    if not at and ":" in authority and _USER.match(rest[tail:]):
        # A password with "/" in it: scheme://user:pa/ss@host
        end = rest.rindex("@") + 1
        yield start, start + end, ""
        return
    yield from _in_tail(start + tail, rest[tail:], host or authority)


def _in_tail(start: int, tail: str, host: str) -> Iterator[Span]:
    if "=" in tail:
        for match in _QUERY.finditer(tail):
            name, value = match.group(1), match.group(2)
            if value and (name.lower() in _SECRET_QUERY or _is_secret(name, value)):
                yield start + match.start(2), start + match.end(2), REMOVED
    for match in _CONDA.finditer(tail):
        yield start + match.start(), start + match.end(), REMOVED
    path = re.split(r"[?#]", tail, maxsplit=1)[0]
    if "hook" in host or "hook" in path or "/key/" in path or "integration/" in path:
        hook = _HOOK.search(path)
        begin = hook.end() if hook else (0 if host.startswith("hooks.") else len(path))
        for match in _SEGMENT.finditer(path, begin):
            if not is_ordinary(match.group()):
                yield start + match.start(), start + match.end(), REMOVED
    bot = _BOT.search(path)
    if bot:
        yield start + bot.start(1), start + bot.end(1), REMOVED
    for first, last, _ in (*tokens(tail), *random_runs(tail)):
        yield start + first, start + last, REMOVED


def _is_secret(name: str, value: str) -> bool:
    level, word = sensitivity(name)
    return level >= LIKELY and is_secret_under((CERTAIN, word), value)
