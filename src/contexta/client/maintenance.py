"""Back up, verify, clean up, export and upgrade a workspace. Each function is a method of ``Contexta``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from contexta.client.workspace import Workspace
from contexta.core import workspace_address
from contexta.core.errors import InvalidInput, shown

if TYPE_CHECKING:
    from contexta.findings import Backup, Cleanup, Delivery, Diagnosis, Export, Upgrade, Verification


def backup(workspace: Workspace, path: str | os.PathLike[str], *, with_salt: bool = True) -> Backup:
    """Write the complete workspace, with the studies of `bisect`, to a new file that only its owner can read.

    Live runs may continue. Built environments are in a cache outside the workspace and are not included.

    with_salt: False for a file to share. Nobody can then guess hidden values from their hashes, and hidden values of
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


def gc(workspace: Workspace, *, keep_last: int | None = None, dry_run: bool = True) -> Cleanup:
    """Delete unreferenced objects, ingested journals and files of dead processes.

    keep_last: also delete all but this number of the latest runs of each project. dry_run: only report.
    """
    from contexta.store.lifecycle.gc import gc

    if keep_last is not None and not (isinstance(keep_last, int) and keep_last >= 0):
        raise InvalidInput(f"keep_last {shown(keep_last)} is not a number of runs", hint="give 0 or more")
    finding = gc(workspace._current(), keep_last=keep_last, dry_run=dry_run)
    options = [] if keep_last is None else ["--keep-last", str(keep_last)]
    command = shlex.join(["contexta", "gc", *workspace._option(), *options, "--yes"])
    return finding.model_copy(update={"command": command})


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
