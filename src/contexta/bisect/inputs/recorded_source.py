"""Read the recorded source of a run, and check whether it can be restored here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement

from contexta.bisect.execution.isolation.sandbox import Revision, own_place, workplace
from contexta.bisect.execution.isolation.source_files import repository
from contexta.bisect.option_names import option
from contexta.core.errors import ContextaError, InvalidInput
from contexta.recorder.source.git import has_object
from contexta.recorder.source.repository import NO_PATCH
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.rebuild import RecordedEnvironment

_SECONDS = 60.0


def revision_of(side: str, recorded: RecordedEnvironment, notes: Collection[str]) -> Revision:
    """The recorded source of a side. notes: of the recorder about the source. Raises InvalidInput for a source that was
    not recorded completely."""
    commit, reason = recorded.source.get("commit"), recorded.source.get("reason")
    if not isinstance(commit, str):
        raise InvalidInput(
            f"{side} has no recorded commit" + (f": {reason}" if reason else ""),
            hint=f"record runs in a git repository that has commits, or leave source out of {option('include')}",
        )
    lost = next((note for note in notes if note.startswith(NO_PATCH)), None)
    if recorded.source.get("patch_applies") is False:
        lost = "secrets were removed from its uncommitted changes, so they do not apply any more"
    if lost is not None:
        raise InvalidInput(
            f"the source of {side} cannot be restored: {lost}",
            hint=f"give a run of committed source, or leave source out of {option('include')}",
        )
    return Revision(commit, recorded.patch, str(recorded.source.get("root", "")))


def require_here(side: str, revision: Revision, folder: Path) -> None:
    """Raise InvalidInput unless the repository of a folder has the revision, with that folder in it."""
    try:
        with (
            own_place(Path(tempfile.gettempdir())) as scratch,
            workplace(folder, scratch, in_place=False, revision=revision),
        ):
            pass
    except ContextaError as error:
        raise InvalidInput(f"the source of {side} cannot be restored here: {error.what}", hint=error.hint) from error


def packages_of(fixed: Sequence[Fixed], top: Path) -> tuple[tuple[str, str], ...]:
    """(name, directory below the top) of the packages that are installed from a repository's own source."""
    packages = []
    for package in fixed:
        address = Requirement(package.line).url or ""
        path = Path(os.path.realpath(unquote(urlsplit(address).path)))
        if address.startswith("file:") and path.is_dir() and path.is_relative_to(top):
            packages.append((package.name, path.relative_to(top).as_posix()))
    return tuple(packages)


def about_sources(old: Revision, new: Revision, folder: Path) -> Iterator[str]:
    """Notes about the source of the mixes."""
    if old.state == new.state:
        yield f"OLD and NEW ran the same source, {old}: it is no change"
    if old.packages:
        names = ", ".join(name for name, _ in old.packages)
        yield f"the packages of the source differ between mixes: {names}"
    top = repository(folder)
    for revision in {old.commit: old, new.commit: new}.values():
        if top is not None and has_object(str(top), f"{revision.commit}:.gitmodules"):
            yield f"submodules of {revision.commit[:12]} are not checked out"
