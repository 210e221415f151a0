"""Packages whose source stands in a repository of this machine: from the recorded commit, with the recorded changes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from contexta.core.errors import ContextaError
from contexta.findings import Missing
from contexta.reproduce.environments.progress import ProgressCallback
from contexta.reproduce.plan.checkouts import check_out, repository_of, require_commit
from contexta.reproduce.plan.plan import Checkout, Plan
from contexta.reproduce.plan.unavailable import Impossible, as_missing
from contexta.reproduce.uv.commands import Uv
from contexta.reproduce.uv.error_messages import NoRoom, UvError
from contexta.reproduce.uv.urls import directory_line

_SOURCES = "src"


def missing_locally(plan: Plan) -> Iterator[Missing]:
    """What is not at hand, seen before anything is built."""
    for each in plan.local:
        try:
            if each.commit is not None:
                require_commit(repository_of(each.path), each.commit)
            elif not Path(each.path).exists():
                yield _missing(each, "local directory", f"was installed from {each.path}, which is not there any more")
        except ContextaError as error:
            yield _missing(each, "repository", error.what, error.hint or f"put the repository back at {each.path}")


def install_local(plan: Plan, patch: bytes | None, into: Path, uv: Uv, progress: ProgressCallback) -> list[str]:
    """Install them into an environment, editable ones from a clone in its directory ``src``. Returns notes.

    Raises Impossible, UvError, NotFound or PatchRefused.
    """
    told = []
    cloned: dict[tuple[Path, str, bool], Path] = {}
    for each in plan.local:
        progress(f"installing {each.name} from its repository" if each.commit else f"installing {each.name}")
        if each.commit is None:
            uv.install_linked(into, [directory_line(each.name, each.path)])
            told.append(f"{each.name} was installed from {each.path} as it is now: its commit was not recorded")
            continue
        repository = repository_of(each.path)
        clone = (repository, each.commit, each.patched)
        if clone not in cloned:
            cloned[clone] = into / _SOURCES / each.name
            check_out(repository, each.commit, patch if each.patched else None, cloned[clone])
        source = cloned[clone] / os.path.relpath(os.path.realpath(each.path), os.path.realpath(repository))
        try:
            if each.editable:
                uv.install_editable(into, source)
            else:
                uv.install_linked(into, [directory_line(each.name, str(source))])
        except NoRoom:
            raise
        except UvError as error:
            raise Impossible(as_missing(plan, error, each.name)) from error
        on_top = " and the recorded changes" if each.patched and patch else ""
        told.append(f"{each.name} stands at commit {each.commit[:12]}{on_top}, in {source}")
    return told


def _missing(each: Checkout, reason: str, detail: str, fix: str | None = None) -> Missing:
    return Missing.model_validate(
        {"name": each.name, "version": each.version, "reason": reason, "detail": detail, "help": fix}
    )
