"""The errors of uv, recognised by its messages.

::

    ProcessError
    └── UvError
        ├── UvMissing          not on PATH, not installed as a package, or too old
        ├── IndexUnreachable   no answer: nothing is known about the release
        │   ├── IndexRefused     an index wants credentials, or other ones
        │   ├── HostUnreachable  the host of a repository did not answer
        │   └── HostRefused      the host of a repository wants credentials, or other ones
        ├── NoSuchVersion      the index answered: there is no such release
        │   └── NoSuchProject  the index answered: it does not know the name at all
        ├── NoWheel            the release has no wheel for this interpreter and platform
        ├── Gone               an address does not exist any more
        ├── RepositoryLost     a repository does not exist, or lacks the commit
        ├── HashMismatch       a file differs from what the index promised
        ├── NoRoom             the disk is full
        └── BuildFailed        building it from source failed, or did not end in time
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from contexta.core import process

_SIGNS: tuple[tuple[str, str], ...] = (  # text of uv in lower case -> meaning; the first match counts
    ("no space left on device", "full"),
    ("not enough space on the disk", "full"),
    ("quota exceeded", "full"),
    ("hash mismatch", "hash"),
    ("git operation failed", "repository"),
    ("client error (404", "gone"),
    ("client error (410", "gone"),
    ("lack of valid authentication credentials", "refused"),
    ("client error (401", "refused"),
    ("client error (403", "refused"),
    ("error sending request", "unreachable"),
    ("failed to fetch", "unreachable"),
    ("dns error", "unreachable"),
    ("could not connect", "unreachable"),
    ("network connectivity is disabled", "unreachable"),
    ("network was disabled", "unreachable"),
    ("no wheels with a matching", "wheel"),
    ("no usable wheels", "wheel"),
    ("no wheels are available", "wheel"),
    ("building from source is disabled", "wheel"),
    ("does not satisfy python", "wheel"),
    ("there is no version of", "version"),
    ("not found in the package registry", "project"),
    ("was not found in the provided package locations", "project"),
    ("failed to build", "build"),
    ("build backend", "build"),
    ("only the following versions of", "version"),
)


_GIT_SIGNS: tuple[tuple[str, str], ...] = (  # text of git and ssh where a repository does not give a commit
    ("could not resolve host", "host"),
    ("failed to connect to", "host"),
    ("connection refused", "host"),
    ("connection timed out", "host"),
    ("operation timed out", "host"),
    ("network is unreachable", "host"),
    ("no route to host", "host"),
    ("name or service not known", "host"),
    ("temporary failure in name resolution", "host"),
    ("terminal prompts disabled", "credentials"),
    ("could not read username", "credentials"),
    ("authentication failed for", "credentials"),
    ("permission denied (", "credentials"),
    ("host key verification failed", "credentials"),
)


_MAX_TEXT = 2000  # characters of uv's output in a message
_PROGRESS = re.compile(
    r"^\s*(Using Python|Resolved \d|Prepared \d|Building |Built |Downloading |Updat).*$", re.MULTILINE
)


class UvError(process.ProcessError):
    """uv failed; the message contains its output."""


class UvMissing(UvError):
    """uv is not installed, or too old."""


class IndexUnreachable(UvError):
    """No index answered, so nothing is known about the release."""


class IndexRefused(IndexUnreachable):
    """An index wants credentials, or other ones, so nothing is known about the release."""


class NoSuchVersion(UvError):
    """The index has no such release."""


class NoSuchProject(NoSuchVersion):
    """The index does not know the name at all."""


class NoWheel(UvError):
    """The release has no wheel for this interpreter and platform."""


class Gone(UvError):
    """An address does not exist any more."""


class RepositoryLost(UvError):
    """A repository does not exist, or lacks the commit."""


class HostUnreachable(IndexUnreachable):
    """The host of a repository did not answer, so nothing is known about the commit."""


class HostRefused(IndexUnreachable):
    """The host of a repository wants credentials, or other ones, so nothing is known about the commit."""


class HashMismatch(UvError):
    """A file differs from what the index promised."""


class NoRoom(UvError):
    """The disk is full: nothing is known about the packages."""


class BuildFailed(UvError):
    """Building a package from source failed, or did not end in time."""


_MEANS: dict[str, type[UvError]] = {
    "hash": HashMismatch,
    "repository": RepositoryLost,
    "host": HostUnreachable,
    "credentials": HostRefused,
    "gone": Gone,
    "unreachable": IndexUnreachable,
    "refused": IndexRefused,
    "wheel": NoWheel,
    "version": NoSuchVersion,
    "project": NoSuchProject,
    "build": BuildFailed,
    "full": NoRoom,
}


_HINTS: dict[type[UvError], str] = {
    IndexUnreachable: "check the network, or the index settings of uv or pip",
    NoRoom: "make room there; CONTEXTA_CACHE_DIR and UV_CACHE_DIR name other places",
    HostUnreachable: "check the network and the name of the host; nothing says that the commit is gone",
    HostRefused: "give git credentials for that host: an ssh key or a credential helper",
    IndexRefused: "give uv the credentials of that index: `uv auth login`, or in its address",
}


def error_of(arguments: Sequence[str], output: str) -> UvError:
    """The error that uv reports on stderr."""
    text = " ".join(output.lower().split())
    kind = next((_MEANS[meaning] for sign, meaning in _SIGNS if sign in text), UvError)
    if kind is RepositoryLost:
        kind = next((_MEANS[meaning] for sign, meaning in _GIT_SIGNS if sign in text), kind)
    shortened = " ".join(_PROGRESS.sub("", output).split()) or "no output"
    if len(shortened) > _MAX_TEXT:  # what failed comes first, and the reason behind the traceback of a build
        shortened = f"{shortened[: _MAX_TEXT // 4]} [...] {shortened[-_MAX_TEXT * 3 // 4 :]}"
    return kind(f"uv {arguments[0]} failed: {shortened}", hint=_HINTS.get(kind))


def gist(error: UvError, length: int = 300) -> str:
    """The beginning and the end of a message."""
    text = error.what
    return text if len(text) <= length else f"{text[: length // 3]} [...] {text[-length * 2 // 3 :]}"
