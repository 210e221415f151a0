"""Rebuild and lock recorded environments, and reconstruct others. Each function is a method of ``Contexta``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from contexta.client.workspace import Workspace

if TYPE_CHECKING:
    from contexta.contract import LineageEdge
    from contexta.findings import Lock, LockFormat, Rebuild, Reconstruction
    from contexta.reproduce.environments.progress import ProgressCallback
    from contexta.reproduce.rebuild import RebuildOptions, RecordedEnvironment
    from contexta.reproduce.uv.commands import Uv


def rebuild_environment(
    workspace: Workspace,
    run: str,
    into: str | os.PathLike[str],
    *,
    options: RebuildOptions | None = None,
    uv: Uv | None = None,
    progress: ProgressCallback | None = None,
) -> Rebuild:
    """Build the environment of a run in a new directory, compare it with the recorded one, and store the verdict.

    options: the options of ``contexta rebuild``. progress: receives the progress.
    Raises NotFound without an environment, InvalidInput for a directory in use, UvMissing.
    """
    from contexta.reproduce.recorded_environment import rebuild_and_note

    recorded = to_rebuild(workspace, run)
    objects = workspace._opened().objects
    return rebuild_and_note(workspace.record_store, objects, recorded, Path(into), options, uv, progress)


def lock_environment(
    workspace: Workspace,
    run: str,
    format: LockFormat = "pylock",
    *,
    options: RebuildOptions | None = None,
    uv: Uv | None = None,
) -> Lock:
    """The environment of a run as a lock file, with the packages that it cannot contain. Queries the index."""
    from contexta.reproduce.lock.lock import lock
    from contexta.reproduce.rebuild import RebuildOptions
    from contexta.reproduce.uv.commands import find_uv

    return lock(to_rebuild(workspace, run), format, options or RebuildOptions(), uv or find_uv())


def to_rebuild(workspace: Workspace, run: str) -> RecordedEnvironment:
    """The record that a rebuild starts from: the environment, and the source with its uncommitted changes.

    Raises NotFound for a run without an environment, DamagedData if the changes cannot be read.
    """
    from contexta.reproduce.recorded_environment import recorded_of

    with workspace._reading() as connection:
        return recorded_of(connection, workspace._opened().objects, *workspace._find(connection, run))


def note_rerun(workspace: Workspace, edge: LineageEdge, rebuilt: Rebuild) -> None:
    """Store the link from a rerun to its original, and the verdict of the rebuilt environment."""
    from contexta.reproduce.recorded_environment import event_of

    workspace.metadata_store.relations.put_lineage_edge(edge)
    workspace.record_store.append(event_of(rebuilt))


def reconstruct(
    workspace: Workspace,
    at: str | os.PathLike[str],
    *paths: str | os.PathLike[str],
    python: str | None = None,
    name: str | None = None,
    env: str | os.PathLike[str] | None = None,
    project: str | None = None,
    shell_history: bool = False,
    uv: Uv | None = None,
    progress: ProgressCallback | None = None,
) -> Reconstruction:
    """The environment at a point in time, from traces and the package index, stored as a run that is marked so.

    at: a date, a date with a time, a commit or tag, or a file whose modification time is the moment. paths: directories
    to search instead of the current one, and files, which count whatever their date is. python: a version that you are
    sure about. name: of the run. env: a virtual environment that may be older than the moment.
    Raises InvalidInput if no trace was found, or if a recorded run has the name.
    """
    from contexta.reconstruct.search.past_environment import ReconstructOptions, reconstruct
    from contexta.reconstruct.search.stored_run import store_run
    from contexta.reproduce.environments.progress import no_progress
    from contexta.reproduce.uv.commands import find_uv

    options = ReconstructOptions(python, None if env is None else Path(env), paths, shell_history)
    finding = reconstruct(os.fspath(at), options, uv or find_uv(), progress or no_progress)
    return store_run(workspace, finding, project or workspace.config.project_name, name)
