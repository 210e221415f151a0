"""Find which packages of a plan are unavailable, and why, by asking for each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from contexta.core.errors import ContextaError
from contexta.findings import Missing, MissingReason
from contexta.reproduce.plan.checkouts import PatchRefused
from contexta.reproduce.plan.plan import Plan
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

_AT_ONCE = 4
_MEANS: tuple[tuple[type[ContextaError], MissingReason, str, str | None], ...] = (
    (HashMismatch, "hash mismatch", "what came is not what was promised", "ask whoever keeps the index"),
    (HostUnreachable, "repository", "its host did not answer: whether the commit is there is unknown", None),
    (HostRefused, "repository", "its host asks for credentials: whether the commit is there is unknown", None),
    (RepositoryLost, "repository", "its repository does not give the recorded commit", "push it there again"),
    (Gone, "release removed", "what stood at its address is gone", "put the very file back"),
    (IndexRefused, "index unreachable", "an index asks for credentials: whether it is there is unknown", None),
    (IndexUnreachable, "index unreachable", "nobody answered: whether it is there is unknown", "check the network"),
    (NoSuchProject, "project removed", "the index does not know it", "name an index that has it: --index NAME=URL"),
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


def unavailable_packages(uv: Uv, python: Interpreter, plan: Plan, build: bool, indexes: Sequence[str]) -> list[Missing]:
    """The packages of a plan that their index or their address does not have. About 0.1 s each, four at once.

    When no index answers, one entry stands for all releases that were not queried.
    """
    return [*_unlinked(uv, python, plan), *_unreleased(uv, python, plan, build, indexes)]


def _unlinked(uv: Uv, python: Interpreter, plan: Plan) -> Iterator[Missing]:
    for name, line in plan.linked.items():
        try:
            uv.require_linked(python.path, line)
        except UvError as error:
            yield as_missing(plan, error, name)


def _unreleased(uv: Uv, python: Interpreter, plan: Plan, build: bool, indexes: Sequence[str]) -> list[Missing]:

    def problem(release: tuple[str, str]) -> UvError | None:
        last_error = None
        for places in [()] * (release[0] in plan.pins) + [tuple(indexes)] * bool(indexes):
            try:
                uv.require(python.path, *release, build=build, indexes=places)
                return None
            except UvError as error:
                last_error = error
        return last_error

    releases = [*plan.pins.items(), *plan.tagged.items()]
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


def as_missing(plan: Plan, error: ContextaError, name: str | None = None) -> Missing:
    """The package that an error is about: the named one, otherwise the longest name in its text."""
    versions = {**plan.stored, **{checkout.name: checkout.version for checkout in plan.local}}
    in_text = sorted((package for package in versions if package in error.what), key=len)
    about = name or (in_text[-1] if in_text else "environment")
    version = versions.get(about, "")
    return _missing(about, version.partition(" @ ")[2] or version, error)


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
        detail="not asked for, as no index answers",
        help=error.hint,
    )


def _slices(items: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    return (items[start : start + 4 * _AT_ONCE] for start in range(0, len(items), 4 * _AT_ONCE))
