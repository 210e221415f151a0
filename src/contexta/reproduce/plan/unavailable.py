"""Find the unavailable packages of a plan, and the reasons, by querying each package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from contexta.core.errors import ContextaError
from contexta.findings import Missing, MissingReason
from contexta.reproduce.plan.checkouts import PatchRefused
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import (
    BuildFailed,
    Gone,
    HashMismatch,
    HostRefused,
    HostUnreachable,
    IndexRefused,
    IndexUnreachable,
    NoSuchProject,
    NoSuchVersion,
    NoWheel,
    RepositoryLost,
    UvError,
)
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.urls import address_lines, releases_among

_AT_ONCE = 4
_MEANS: tuple[tuple[type[ContextaError], MissingReason, str, str | None], ...] = (
    (
        HashMismatch,
        "hash mismatch",
        "the file does not have the hash in the index",
        "ask the administrator of the index",
    ),
    (HostUnreachable, "repository", "its host did not answer, so it is unknown whether the commit exists", None),
    (HostRefused, "repository", "its host asks for credentials, so it is unknown whether the commit exists", None),
    (RepositoryLost, "repository", "its repository does not give the recorded commit", "push it there again"),
    (Gone, "release removed", "its address does not exist any more", "put the same file back"),
    (
        IndexRefused,
        "index unreachable",
        "an index asks for credentials, so it is unknown whether the package exists",
        None,
    ),
    (
        IndexUnreachable,
        "index unreachable",
        "no index answers, so it is unknown whether the package exists",
        "check the network",
    ),
    (
        NoSuchProject,
        "project removed",
        "the index does not have the project",
        "name an index that has it: --index NAME=URL",
    ),
    (
        NoSuchVersion,
        "release removed",
        "the index has the project, and not this release",
        "name an index that has it: --index NAME=URL",
    ),
    (NoWheel, "no wheel", "has no wheel for this Python and platform", "--allow-build builds it from source"),
    (PatchRefused, "uncommitted changes", "the recorded changes do not apply", None),
    (BuildFailed, "build failed", "could not be built", None),
)


class Impossible(Exception):
    """Packages are missing, so nothing is built."""

    def __init__(self, *missing: Missing) -> None:
        super().__init__(*(package.name for package in missing))
        self.missing = missing


def unavailable_packages(
    uv: Uv, python: Interpreter, pins: Mapping[str, str], build: bool, indexes: Sequence[str]
) -> list[Missing]:
    """The packages that their index or their address does not have. About 0.1 s each, four at once.

    pins: name -> version or address. When no index answers, the last entry counts the releases that were not queried.
    """
    missing = []
    for name, line in address_lines(pins).items():
        try:
            uv.require_linked(python.path, line)
        except UvError as error:
            missing.append(_missing(name, pins[name], error))
    return missing + _unavailable_releases(uv, python, list(releases_among(pins).items()), build, indexes)


def _unavailable_releases(
    uv: Uv, python: Interpreter, releases: list[tuple[str, str]], build: bool, indexes: Sequence[str]
) -> list[Missing]:

    def problem(release: tuple[str, str]) -> UvError | None:
        last_error = None
        is_tagged = "+" in release[1] and bool(indexes)  # only the named indexes have it
        for places in [()] * (not is_tagged) + [tuple(indexes)] * bool(indexes):
            try:
                uv.require(python.path, *release, build=build, indexes=places)
                return None
            except UvError as error:
                last_error = error
        return last_error

    missing = []
    for batch in _slices(releases):
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            errors = list(pool.map(problem, batch))
        missing += [
            _missing(name, version, error)
            for (name, version), error in zip(batch, errors, strict=True)
            if error is not None
        ]
        unreachable = next((error for error in errors if isinstance(error, IndexUnreachable)), None)
        if unreachable is not None:
            left = len(releases) - releases.index(batch[-1]) - 1
            return [*missing, *([_others(left, unreachable)] if left else [])]
    return missing


def as_missing(versions: Mapping[str, str], error: ContextaError, name: str | None = None) -> Missing:
    """The package that an error is about: the named one, otherwise the longest name in its text.

    versions: name -> version or address.
    """
    in_text = sorted((package for package in versions if package in error.what), key=len)
    about = name or (in_text[-1] if in_text else "environment")
    return _missing(about, versions.get(about, ""), error)


def _missing(name: str, version: str, error: ContextaError) -> Missing:
    for kind, reason, detail, fix in _MEANS:
        if isinstance(error, kind):
            cause = error.what if reason in ("hash mismatch", "build failed", "uncommitted changes") else ""
            if kind is RepositoryLost:
                cause = ", ".join(dict.fromkeys(re.findall(r"fatal: (.+?)(?= fatal: |\Z)", error.what))) or error.what
            return Missing(
                name=name,
                version=version,
                reason=reason,
                detail=f"{detail}: {cause}"[:2000] if cause else detail,
                help=error.hint or fix,
            )
    return Missing(name=name, version=version, reason="not installable", detail=error.what[:2000], help=error.hint)


def _others(count: int, error: UvError) -> Missing:
    return Missing(
        name=f"{count} more",
        version="",
        reason="index unreachable",
        detail="not queried, because no index answers",
        help=error.hint,
    )


def _slices(items: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    return (items[start : start + 4 * _AT_ONCE] for start in range(0, len(items), 4 * _AT_ONCE))
