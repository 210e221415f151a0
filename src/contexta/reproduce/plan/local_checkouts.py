"""Install packages from repositories of this machine, at the recorded commit with the recorded changes."""

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
    """The packages whose repository or commit is missing, found before anything is built."""
    for checkout in plan.local:
        try:
            if checkout.commit is not None:
                require_commit(repository_of(checkout.path), checkout.commit)
            elif not Path(checkout.path).exists():
                yield _missing(
                    checkout, "local directory", f"was installed from {checkout.path}, which is not there any more"
                )
        except ContextaError as error:
            yield _missing(
                checkout, "repository", error.what, error.hint or f"put the repository back at {checkout.path}"
            )


def install_local(plan: Plan, patch: bytes | None, into: Path, uv: Uv, progress: ProgressCallback) -> list[str]:
    """Install the packages into an environment, editable ones from a clone in its directory ``src``. Returns notes.

    Raises Impossible, UvError, NotFound or PatchRefused.
    """
    notes = []
    cloned: dict[tuple[Path, str, bool], Path] = {}
    for checkout in plan.local:
        progress(
            f"installing {checkout.name} from its repository" if checkout.commit else f"installing {checkout.name}"
        )
        if checkout.commit is None:
            uv.install_linked(into, [directory_line(checkout.name, checkout.path)])
            notes.append(
                f"{checkout.name} was installed from {checkout.path} as it is now: its commit was not recorded"
            )
            continue
        repository = repository_of(checkout.path)
        clone = (repository, checkout.commit, checkout.patched)
        if clone not in cloned:
            cloned[clone] = into / _SOURCES / checkout.name
            check_out(repository, checkout.commit, patch if checkout.patched else None, cloned[clone])
        source = cloned[clone] / os.path.relpath(os.path.realpath(checkout.path), os.path.realpath(repository))
        try:
            if checkout.editable:
                uv.install_editable(into, source)
            else:
                uv.install_linked(into, [directory_line(checkout.name, str(source))])
        except NoRoom:
            raise
        except UvError as error:
            raise Impossible(as_missing(plan.versions, error, checkout.name)) from error
        on_top = " and the recorded changes" if checkout.patched and patch else ""
        notes.append(f"{checkout.name} is at commit {checkout.commit[:12]}{on_top}, in {source}")
    return notes


def _missing(checkout: Checkout, reason: str, detail: str, fix: str | None = None) -> Missing:
    return Missing.model_validate(
        {"name": checkout.name, "version": checkout.version, "reason": reason, "detail": detail, "help": fix}
    )
