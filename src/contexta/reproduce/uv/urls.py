"""Check URLs and paths from recordings before they are passed to uv.

Each becomes one line of a requirements file. So it may not end the line, and it may not name an option or a variable
(``${HOME}``). No host may look like an option of the program that fetches it (ssh, git).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from contexta.core.errors import InvalidInput, shown

_VCS_SCHEMES = frozenset({"https", "http", "ssh", "git", "file"})
_ARCHIVE_SCHEMES = frozenset({"https", "http", "file"})
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
_PLAIN = re.compile(r"[A-Za-z0-9._~:/?@!&'()*+,=%\[\]-]+\Z")  # RFC 3986 without "#", ";" and "$"
_HOST = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]*\Z")
_USER = re.compile(r"[A-Za-z0-9._~%+]+\Z")
_INDEX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")
_SCP = re.compile(r"(?P<user>[A-Za-z0-9._]+)@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*):(?P<path>[^/:][^:]*)\Z")


def vcs_line(name: str, url: str, commit: str, subdirectory: str | None) -> str:
    """``name @ git+URL@COMMIT#subdirectory=DIR``. Raises InvalidInput for any other address."""
    if not is_commit(commit):
        raise InvalidInput(f"{shown(commit)} is no commit")
    scp = _SCP.match(url)
    if scp is not None:
        url = f"ssh://{scp['user']}@{scp['host']}/{scp['path']}"
    url = _checked(url.removeprefix("git+"), _VCS_SCHEMES)
    fragment = f"#subdirectory={quote(inner_path(subdirectory))}" if subdirectory else ""
    return _line(name, f"git+{url}@{commit}{fragment}")


def archive_line(name: str, url: str, digest: str | None, subdirectory: str | None = None) -> str:
    """``name @ URL#sha256=HEX``; digest: as in ``contract.Origin``. Raises InvalidInput for any other address."""
    parts = []
    if digest is not None and re.fullmatch(r"sha(256|384|512):[0-9a-f]+", digest):
        parts.append(digest.replace(":", "="))
    if subdirectory:
        parts.append(f"subdirectory={quote(inner_path(subdirectory))}")
    url = _checked(url.partition("#")[0], _ARCHIVE_SCHEMES)
    return _line(name, f"{url}#{'&'.join(parts)}" if parts else url)


def directory_line(name: str, path: str) -> str:
    """``name @ file:///path``. path: absolute, on this machine."""
    return _line(name, f"file://{quote(path)}")


def inner_path(path: str) -> str:
    """A relative path without ``..``. Raises InvalidInput for any other."""
    parts = path.replace("\\", "/").split("/")
    if path.startswith(("/", "-")) or ".." in parts or ":" in path or not path.isprintable():
        raise InvalidInput(f"{shown(path)} is not a path inside a repository")
    return path


def is_address(pin: str) -> bool:
    """Whether a pin is an address (what follows ``@`` in a requirement) and not a version."""
    return "://" in pin


def releases_among(pins: Mapping[str, str]) -> dict[str, str]:
    """The pins that are versions."""
    return {name: pin for name, pin in pins.items() if not is_address(pin)}


def address_lines(pins: Mapping[str, str]) -> dict[str, str]:
    """Name -> requirement line, of the pins that are addresses."""
    return {name: f"{name} @ {pin}" for name, pin in pins.items() if is_address(pin)}


def short_address(address: str) -> str:
    """A short name for an address: its short commit, or its file name."""
    place = address.partition("#")[0]
    if place.startswith("git+"):
        return place.rpartition("@")[2][:9]
    return unquote(place.rpartition("/")[2])


def is_commit(text: str) -> bool:
    return _COMMIT.match(text) is not None


def index_option(option: str) -> str:
    """``NAME=URL`` of an index, checked. Raises InvalidInput."""
    name, equals, url = option.partition("=")
    if not equals or not _INDEX_NAME.match(name):
        raise InvalidInput(
            f"{shown(option)} is no index", hint="give NAME=URL, e.g. --index internal=https://host/simple"
        )
    if url.startswith("file:"):
        return f"{name}={_checked(url, frozenset({'file'}))}"
    return f"{name}={_checked(url, frozenset({'https', 'http'}), credentials=True)}"


def _checked(url: str, schemes: frozenset[str], *, credentials: bool = False) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"{shown(url)} is not an address: {error}") from error
    del port  # reading it raises ValueError for a value that is not a number
    if not _PLAIN.match(url) or parts.scheme not in schemes:
        raise InvalidInput(f"{shown(url)} is not an address that can be installed from")
    host = parts.hostname or ""
    if parts.scheme == "file":
        if host not in ("", "localhost") or not parts.path.startswith("/"):
            raise InvalidInput(f"{shown(url)} is not a path of this machine")
        return url
    if not _HOST.match(host):
        raise InvalidInput(f"{shown(url)} names no host")
    if parts.username is not None and not (credentials or _USER.match(parts.username)):
        raise InvalidInput(f"{shown(url)} names no user")
    return url


def _line(name: str, address: str) -> str:
    line = f"{name} @ {address}"
    try:
        parsed = Requirement(line)
    except InvalidRequirement as error:
        raise InvalidInput(f"{shown(name)} at {shown(address)} cannot be installed") from error
    if canonicalize_name(parsed.name) != name or parsed.url != address or parsed.marker or parsed.extras:
        raise InvalidInput(f"{shown(name)} at {shown(address)} cannot be installed")
    return line
