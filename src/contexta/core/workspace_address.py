"""Read the address of a workspace on a server, ``postgresql://user@host/database``.

An address may hold a password; messages quote it through ``shown``, without the password. Standard library only,
Python 3.8: a training process that writes to such a workspace needs only its directory on this machine.
"""

from __future__ import annotations

import os
import re
import sys

from contexta.core.errors import InvalidInput

SCHEMES = ("postgresql://", "postgres://")
_A_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:// is a drive
_EXAMPLE = "postgresql://me@db.example.org/contexta"
_OBJECTS = "objects"


def is_server(name: object) -> bool:
    """Whether the name of a workspace looks like the address of a server. ``checked`` validates it."""
    return isinstance(name, str) and _A_SCHEME.match(name) is not None


def split(url: str) -> tuple[str, str | None]:
    """(address for the server, the team's directory of objects): the address may end in ``?objects=DIR``."""
    from urllib.parse import parse_qsl, quote, urlencode

    head, mark, query = url.partition("?")
    if not mark:
        return url, None
    pairs = parse_qsl(query, keep_blank_values=True)
    objects = [value for name, value in pairs if name == _OBJECTS]
    rest = urlencode([pair for pair in pairs if pair[0] != _OBJECTS], quote_via=quote)
    return head + ("?" + rest if rest else ""), (objects[-1] or None) if objects else None


def with_objects(url: str, objects: str) -> str:
    """The address with the team's directory of objects in place of its own."""
    from urllib.parse import quote

    plain = split(url)[0]
    return f"{plain}{'&' if '?' in plain else '?'}{_OBJECTS}={quote(objects, safe='')}"


def shown(url: str) -> str:
    """The address without password and options, for messages; also of a malformed one."""
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{re.split('[:/?#]', user)[0]}{at}{place.partition('?')[0]}"


def blanked(words: str, url: str) -> str:
    """A message of the database without the password."""
    for secret in _secrets(url):
        words = words.replace(secret, "***")
    return words


def directory(url: str) -> str:
    """The directory of this machine for undelivered records: one for each database.

    It lies below ``XDG_STATE_HOME`` (default ``~/.local/state``; on Windows ``LOCALAPPDATA``), and does not depend on
    user and password.
    """
    from hashlib import sha256
    from urllib.parse import parse_qsl

    head, _, query = url.partition("?")
    host, _, database = head.partition("://")[2].rpartition("@")[2].partition("/")
    options = sorted(pair for pair in parse_qsl(query) if pair[0] in ("host", "port", "dbname", "service"))
    identity = repr((host, database, options))
    name = re.sub(r"[^a-z0-9]+", "-", f"{host} {database}".lower()).strip("-")[:40] or "server"
    return os.path.join(_state(), "contexta", f"{name}-{sha256(identity.encode()).hexdigest()[:8]}")


def checked(url: str) -> str:
    """The address itself. Raises InvalidInput for one that names no database or cannot be parsed."""
    rest = url.partition("://")[2]
    place = re.split("[/?#]", rest)[0]
    if not url.startswith(SCHEMES):
        hint = f"begin it with postgresql://, e.g. {_EXAMPLE}; or name a directory"
        raise InvalidInput(f"{shown(url)} is not the address of a PostgreSQL database", hint=hint)
    if "#" in rest.partition("?")[0] or re.search(r"\s", url) or rest.count("@") > min(1, place.count("@")):
        raise InvalidInput(
            f"{shown(url)} is not the address of a database",
            hint=f"write characters such as @ / ? : # in a password as %40 %2F %3F %3A %23, e.g. {_EXAMPLE}",
        )
    return url


def _state() -> str:
    folder = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else os.environ.get("XDG_STATE_HOME")
    if folder and os.path.isabs(folder):
        return folder
    return os.path.join(os.path.expanduser("~"), ".local", "state")


def _secrets(url: str) -> list[str]:
    from urllib.parse import parse_qsl, unquote

    head, _, query = url.partition("?")
    user = head.partition("://")[2].partition("/")[0].rpartition("@")[0]
    secrets = [user.partition(":")[2], *(value for name, value in parse_qsl(query) if "password" in name)]
    return sorted({text for secret in secrets if secret for text in (secret, unquote(secret))}, key=len, reverse=True)
