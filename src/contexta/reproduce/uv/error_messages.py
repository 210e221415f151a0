"""The errors of uv, recognised by its messages.

::

    ProcessError
    └── UvError
        ├── UvMissing          not on PATH, not installed as a package, or too old
        ├── IndexUnreachable   no answer: the release is unknown
        │   ├── IndexRefused     an index requires other credentials
        │   ├── HostUnreachable  the host of a repository did not answer
        │   └── HostRefused      the host of a repository requires other credentials
        ├── NoSuchVersion      the index answered: it does not have the release
        │   └── NoSuchProject  the index answered: it does not have the project
        ├── NoWheel            the release has no wheel for this interpreter and platform
        ├── Gone               an address does not exist any more
        ├── RepositoryLost     a repository does not exist, or lacks the commit
        ├── HashMismatch       a file does not have the hash in the index
        ├── NoRoom             the disk is full
        └── BuildFailed        building it from source failed, or did not end in time
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from contexta.core.processes import process

_MAX_TEXT = 2000  # characters of uv's output in a message
_PROGRESS = re.compile(
    r"^\s*(Using Python|Resolved \d|Prepared \d|Building |Built |Downloading |Updat).*$", re.MULTILINE
)


class UvError(process.ProcessError):
    """uv failed; the message contains its output."""


class UvMissing(UvError):
    """uv is not installed, or too old."""


class IndexUnreachable(UvError):
    """No index answered, so it is unknown whether the release exists."""


class IndexRefused(IndexUnreachable):
    """An index requires other credentials, so it is unknown whether the release exists."""


class NoSuchVersion(UvError):
    """The index has no such release."""


class NoSuchProject(NoSuchVersion):
    """The index does not have the project."""


class NoWheel(UvError):
    """The release has no wheel for this interpreter and platform."""


class Gone(UvError):
    """An address does not exist any more."""


class RepositoryLost(UvError):
    """A repository does not exist, or lacks the commit."""


class HostUnreachable(IndexUnreachable):
    """The host of a repository did not answer, so it is unknown whether the commit exists."""


class HostRefused(IndexUnreachable):
    """The host of a repository requires other credentials, so it is unknown whether the commit exists."""


class HashMismatch(UvError):
    """A file does not have the hash in the index."""


class NoRoom(UvError):
    """The disk is full, so the state of the packages is unknown."""


class BuildFailed(UvError):
    """Building a package from source failed, or did not end in time."""


_SIGNS: tuple[tuple[type[UvError], tuple[str, ...]], ...] = (
    (NoRoom, ("no space left on device", "not enough space on the disk", "quota exceeded")),
    (HashMismatch, ("hash mismatch",)),
    (RepositoryLost, ("git operation failed",)),
    (Gone, ("client error (404", "client error (410")),
    (IndexRefused, ("lack of valid authentication credentials", "client error (401", "client error (403")),
    (IndexUnreachable, ("error sending request", "failed to fetch", "dns error", "could not connect")),
    (IndexUnreachable, ("network connectivity is disabled", "network was disabled")),
    (NoWheel, ("no wheels with a matching", "no usable wheels", "no wheels are available")),
    (NoWheel, ("building from source is disabled", "does not satisfy python")),
    (NoSuchVersion, ("there is no version of",)),
    (NoSuchProject, ("not found in the package registry", "was not found in the provided package locations")),
    (BuildFailed, ("failed to build", "build backend")),
    (NoSuchVersion, ("only the following versions of",)),
)
"""Errors, and the messages of uv for them, in lower case. The first match counts."""

_GIT_SIGNS: tuple[tuple[type[UvError], tuple[str, ...]], ...] = (
    (HostUnreachable, ("could not resolve host", "failed to connect to", "connection refused", "connection timed out")),
    (HostUnreachable, ("operation timed out", "network is unreachable", "no route to host")),
    (HostUnreachable, ("name or service not known", "temporary failure in name resolution")),
    (HostRefused, ("terminal prompts disabled", "could not read username", "authentication failed for")),
    (HostRefused, ("permission denied (", "host key verification failed")),
)
"""The same for messages of git and ssh about a missing commit."""

_HINTS: dict[type[UvError], str] = {
    IndexUnreachable: "check the network, or the index settings of uv or pip",
    NoRoom: "make room there; CONTEXTA_CACHE_DIR and UV_CACHE_DIR name other directories",
    HostUnreachable: "check the network and the name of the host; the commit may still exist",
    HostRefused: "give git credentials for that host: an ssh key or a credential helper",
    IndexRefused: "give uv the credentials of that index: `uv auth login`, or in its address",
}


def error_of(arguments: Sequence[str], output: str) -> UvError:
    """The error that uv reports on stderr."""
    text = " ".join(output.lower().split())
    kind = _first_of(_SIGNS, text) or UvError
    if kind is RepositoryLost:
        kind = _first_of(_GIT_SIGNS, text) or kind
    shortened = " ".join(_PROGRESS.sub("", output).split()) or "no output"
    if len(shortened) > _MAX_TEXT:  # the failed step comes first, and the reason after the traceback of a build
        shortened = f"{shortened[: _MAX_TEXT // 4]} [...] {shortened[-_MAX_TEXT * 3 // 4 :]}"
    return kind(f"uv {arguments[0]} failed: {shortened}", hint=_HINTS.get(kind))


def _first_of(table: tuple[tuple[type[UvError], tuple[str, ...]], ...], text: str) -> type[UvError] | None:
    return next((kind for kind, signs in table if any(sign in text for sign in signs)), None)


def gist(error: UvError, length: int = 300) -> str:
    """The beginning and the end of a message."""
    text = error.what
    return text if len(text) <= length else f"{text[: length // 3]} [...] {text[-length * 2 // 3 :]}"
