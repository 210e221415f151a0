"""Back up, verify, clean up, export, import and upgrade a workspace. Each function is a method of ``Contexta``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from contexta.client.reading.arguments import selectors
from contexta.client.reading.workspace import Workspace
from contexta.core import workspace_address
from contexta.core.errors import InvalidInput, shown
from contexta.core.validation import seconds_in

if TYPE_CHECKING:
    from contexta.findings import Backup, Cleanup, Delivery, Diagnosis, Export, ImportedRuns, Upgrade, Verification
    from contexta.reproduce.environments.progress import ProgressCallback

_ENDED = ("completed", "failed", "cancelled", "crashed")


def backup(workspace: Workspace, path: str | os.PathLike[str], *, with_salt: bool = True) -> Backup:
    """Write the complete workspace, with the studies of `bisect`, to a new file that only its owner can read.

    Live runs may continue. Built environments are in a cache outside the workspace and are not included.

    with_salt: False for a file to share. Hidden values then cannot be guessed from their hashes, and hidden values of
    runs after a restore cannot be compared with earlier ones. Raises InvalidInput if the file exists.
    """
    from contexta.store.lifecycle.backup import backup

    return backup(workspace._current(), Path(path), with_salt=with_salt)


def restore(path: str | os.PathLike[str], into: str | os.PathLike[str]) -> Backup:
    """Restore a backup into a new or empty workspace: a directory, or the address of a server.

    Verifies the complete file before it writes anything. Raises DamagedData.
    """
    from pydantic import SecretStr

    from contexta.config import WorkspaceConfig
    from contexta.store.backends.engine import open_store
    from contexta.store.lifecycle.restore import restore, restore_to_server

    if not (isinstance(into, str) and workspace_address.is_server(into)):
        return restore(Path(path), Path(into))
    root = WorkspaceConfig(url=SecretStr(into)).directory
    return restore_to_server(Path(path), lambda: open_store(root, into))


def verify(workspace: Workspace) -> Verification:
    """Read the complete workspace, with the trials of `bisect`, and name all damage. Changes nothing."""
    from contexta.store.lifecycle.verify import verify_directory, verify_store

    return verify_directory(workspace.root) if workspace.is_local else verify_store(workspace._opened())


def gc(
    workspace: Workspace,
    *,
    keep_last: int | None = None,
    older_than: str | timedelta | None = None,
    status: str | Sequence[str] = (),
    dry_run: bool = True,
) -> Cleanup:
    """Delete unreferenced objects, ingested journals and files of dead processes.

    keep_last: also delete all but this number of the latest runs of each project. older_than: also delete runs that
    started this long ago, as in ``30d``. status: also delete runs with one of these. Several conditions delete the runs
    that fulfil all of them. Open, deployed and pinned runs, and runs with the tag ``baseline``, stay and are in
    ``kept``. dry_run: only report.
    """
    from contexta.store.lifecycle.gc import gc
    from contexta.store.lifecycle.run_removal import Selection

    if keep_last is not None and not (isinstance(keep_last, int) and keep_last >= 0):
        raise InvalidInput(f"keep_last {shown(keep_last)} is not a number of runs", hint="give 0 or more")
    statuses = [status] if isinstance(status, str) else list(status)
    for wrong in (name for name in statuses if name not in _ENDED):
        raise InvalidInput(f"{shown(wrong)} is not a status of an ended run", hint=f"use {', '.join(_ENDED)}")
    seconds = older_than.total_seconds() if isinstance(older_than, timedelta) else None
    if isinstance(older_than, str):
        seconds = seconds_in(older_than, needs_unit=True)
    selection = Selection(keep_last=keep_last, older_than_seconds=seconds, statuses=statuses)
    finding = gc(workspace._current(), selection, dry_run=dry_run)
    options = [] if keep_last is None else ["--keep-last", str(keep_last)]
    options += (
        [] if older_than is None else ["--older-than", older_than if isinstance(older_than, str) else f"{seconds:.0f}s"]
    )
    options += [word for name in statuses for word in ("--status", name)]
    command = shlex.join(["contexta", "gc", *workspace._option(), *options, "--yes"])
    return finding.model_copy(update={"command": command})


def delete_runs(workspace: Workspace, runs: Sequence[str], *, force: bool = False, dry_run: bool = False) -> Cleanup:
    """Delete runs with their journals and the objects that only they need. Their references stay taken.

    force: also pinned and deployed runs, and runs with the tag ``baseline``. dry_run: only report. Deletes all runs or
    none. Raises InvalidInput for a run that is still open, and without ``force`` for a run that is to stay.
    """
    from contexta.store.lifecycle.gc import delete_runs

    store = workspace._current()
    with store.reading() as connection:
        keys = [workspace._find(connection, run)[0] for run in selectors(runs)]
    finding = delete_runs(store, list(dict.fromkeys(keys)), force=force, dry_run=dry_run)
    if finding.kept:
        is_any_open = any("still open" in reason for reason in finding.kept)
        hint = (
            "leave out the runs that are still open"
            if is_any_open
            else "--force deletes them; `contexta unpin RUN` unpins"
        )
        raise InvalidInput(f"nothing was deleted: {'; '.join(finding.kept)}", hint=hint)
    command = ["contexta", "delete", *workspace._option(), *(ref.value for ref in finding.runs), "--yes"]
    return finding.model_copy(update={"command": shlex.join([*command, *(["--force"] if force else [])])})


def doctor(workspace: Workspace) -> Diagnosis:
    """Check the workspace, its place, and whether this machine can build environments."""
    from contexta.findings import Diagnosis
    from contexta.reproduce import doctor as machine
    from contexta.store.lifecycle import doctor

    address = None if workspace._server is None else workspace_address.checked(workspace._server)
    checks = doctor.checks(workspace.root, address, workspace._objects)
    return Diagnosis(workspace=workspace._shown, checks=(*checks, *machine.checks()))


def export(
    workspace: Workspace,
    path: str | os.PathLike[str] | None,
    runs: Sequence[str] = (),
    *,
    points: bool = False,
    format: Literal["jsonl", "csv", "parquet", "canonical"] | None = None,
) -> Export:
    """Write one row per run, or with ``points`` one row per measurement, to a new file or (None) to stdout.

    runs: by default all, the latest first. format: ``canonical`` writes everything that is stored about the runs, as
    the JSON lines whose sha256 is their ``content_digest``.
    Raises InvalidInput if the file exists or the format is unknown, OSError if stdout is closed.
    """
    from contexta.store.read.export import all_runs, export

    with workspace._reading() as connection:
        keys = [workspace._find(connection, run)[0] for run in runs] if runs else all_runs(connection)
        return export(connection, keys, Path(path) if path is not None else None, format, points=points)


def import_runs(
    workspace: Workspace,
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    kind: str | None = None,
    project: str | None = None,
    dry_run: bool = False,
    include_recorded: bool = False,
    progress: ProgressCallback | None = None,
) -> ImportedRuns:
    """Import the runs of other trackers below files or directories. Importing again changes nothing.

    kind: read only this format, such as ``wandb``; by default all formats are detected. project: of all runs; by
    default that of the tool, else the configured one, else the name of the directory. dry_run: only report.
    include_recorded: also import runs of trackers that Contexta recorded, as runs of their own.

    Reads files only, and executes nothing. Damaged files give their valid prefix and a note. Raises NotFound for a path
    that does not exist, InvalidInput for paths without runs or an unknown kind.
    """
    from contexta.core import settings
    from contexta.importers.import_runs import import_runs
    from contexta.reproduce.environments.progress import no_progress
    from contexta.store.backends.engine import exists

    is_new = dry_run and workspace.is_local and not exists(workspace.root)  # a dry run makes no workspace
    return import_runs(
        [Path(path) for path in ([paths] if isinstance(paths, (str, os.PathLike)) else paths)],
        None if is_new else workspace._current(),
        progress or no_progress,
        kind=kind,
        project=project,
        default_project=workspace.config.project_name or settings.project(),
        dry_run=dry_run,
        include_recorded=include_recorded,
    )


def sync(workspace: Workspace, *, follow: bool = False, again: bool = False) -> Delivery:
    """Deliver the records of this machine to the workspace now. Repeating it is safe: each record arrives once.

    follow: continue until nothing is left, unless another process delivers. again: also deliver what a restored server
    lacks. Raises WorkspaceAway if the server is unreachable; the records stay queued.
    """
    from contexta.store.ingest import delivery

    if follow:
        delivery.follow(workspace.root, workspace._new_store)
    return delivery.deliver(workspace._opened(), again=again)


def upgrade(workspace: Workspace) -> Upgrade:
    """Upgrade the workspace to the schema of this version. The database of a directory is copied before."""
    from contexta.store.backends.engine import upgrade

    return upgrade(workspace.root, workspace._server, workspace._objects)
