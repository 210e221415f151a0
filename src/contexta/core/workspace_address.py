"""The address of a workspace on a server: ``postgresql://user@host/database``, and its directory on this machine.

The password that an address may hold is used to connect and is shown nowhere: ``shown`` is what people see. Standard
library only, Python 3.8: a training process that writes to such a workspace needs no more than the directory.
"""

from __future__ import annotations

import os
import re
import sys

from contexta.core.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass

SCHEMES = ("postgresql://", "postgres://")
_A_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:// is a drive
_EXAMPLE = "postgresql://me@db.example.org/contexta"
_OBJECTS = "objects"


def is_server(given: object) -> bool:
    """Whether a workspace's name is meant as that of a server, not of a directory; ``checked`` tells whether it is."""
    return isinstance(given, str) and _A_SCHEME.match(given) is not None


def split(url: str) -> tuple[str, str | None]:
    """(what the server is called with, the team's directory of objects): the address may end in ``?objects=DIR``."""
    from urllib.parse import parse_qsl, quote, urlencode

    head, mark, query = url.partition("?")
    if not mark:
        return url, None
    pairs = parse_qsl(query, keep_blank_values=True)
    objects = [value for name, value in pairs if name == _OBJECTS]
    rest = urlencode([pair for pair in pairs if pair[0] != _OBJECTS], quote_via=quote)
    return head + ("?" + rest if rest else ""), (objects[-1] or None) if objects else None


def with_objects(url: str, objects: str) -> str:
    """The address with the team's directory in it; it replaces the one that it names."""
    from urllib.parse import quote

    plain = split(url)[0]
    return f"{plain}{'&' if '?' in plain else '?'}{_OBJECTS}={quote(objects, safe='')}"


def shown(url: str) -> str:
    """The address as people see it: without password and options, also when it is none."""
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{re.split('[:/?#]', user)[0]}{at}{place.partition('?')[0]}"


def blanked(words: str, url: str) -> str:
    """Words that the database said, without the password."""
    for secret in _secrets(url):
        words = words.replace(secret, "***")
    return words


def directory(url: str) -> str:
    """Where this machine keeps what runs say until the server has it: one directory for each database, below
    ``XDG_STATE_HOME`` (default ``~/.local/state``; on Windows ``LOCALAPPDATA``) unless a setting names another one.
    It does not depend on user and password."""
    from hashlib import sha256
    from urllib.parse import parse_qsl

    head, _, query = url.partition("?")
    host, _, database = head.partition("://")[2].rpartition("@")[2].partition("/")
    more = sorted(pair for pair in parse_qsl(query) if pair[0] in ("host", "port", "dbname", "service"))
    told = repr((host, database, more))
    name = re.sub(r"[^a-z0-9]+", "-", f"{host} {database}".lower()).strip("-")[:40] or "server"
    return os.path.join(_state(), "contexta", f"{name}-{sha256(told.encode()).hexdigest()[:8]}")


def checked(url: str) -> str:
    """The address itself. Raises InvalidInput for one that names no database or cannot be taken apart."""
    rest = url.partition("://")[2]
    place = re.split("[/?#]", rest)[0]
    if not url.startswith(SCHEMES):
        hint = f"begin it with postgresql://, e.g. {_EXAMPLE}; or name a directory"
        raise InvalidInput(f"{shown(url)} is no address of a PostgreSQL database", hint=hint)
    if "#" in rest.partition("?")[0] or re.search(r"\s", url) or rest.count("@") > min(1, place.count("@")):
        raise InvalidInput(
            f"{shown(url)} is no address of a database",
            hint=f"write characters such as @ / ? : # in a password as %40 %2F %3F %3A %23, e.g. {_EXAMPLE}",
        )
    return url


def _state() -> str:
    given = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else os.environ.get("XDG_STATE_HOME")
    if given and os.path.isabs(given):
        return given
    return os.path.join(os.path.expanduser("~"), ".local", "state")


def _secrets(url: str) -> list[str]:
    from urllib.parse import parse_qsl, unquote

    head, _, query = url.partition("?")
    user = head.partition("://")[2].partition("/")[0].rpartition("@")[0]
    found = [user.partition(":")[2], *(value for name, value in parse_qsl(query) if "password" in name)]
    return sorted({text for each in found if each for text in (each, unquote(each))}, key=len, reverse=True)
