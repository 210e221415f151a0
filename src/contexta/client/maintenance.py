"""How a workspace is looked after: a part of ``Contexta``, cut off for its length."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from contexta.client.workspace import Workspace
from contexta.core import workspace_address
from contexta.core.errors import InvalidInput, shown

if TYPE_CHECKING:
    from contexta.findings import Backup, Cleanup, Delivery, Diagnosis, Export, Upgrade, Verification


class Upkeep(Workspace):
    """What is done to a workspace as a whole."""

    def backup(self, path: str | os.PathLike[str], *, with_salt: bool = True) -> Backup:
        """Write the whole workspace to a new file, also while runs are live: it holds what had been recorded when this
        was called, and only its owner can read it.

        with_salt: False for a file that others shall read: without the salt nobody can guess hidden values from their
        hashes. Hidden values of runs recorded after restoring such a file cannot be compared with earlier ones.
        Raises InvalidInput when the file exists.
        """
        from contexta.store.lifecycle.backup import backup

        return backup(self._current(), Path(path), with_salt=with_salt)

    @staticmethod
    def restore(path: str | os.PathLike[str], into: str | os.PathLike[str]) -> Backup:
        """Make the workspace ``into``, which is new or empty, of a backup; a directory or a server's address, whichever
        it was made of. All of it is checked before anything is written; raises DamagedData when something is not as it
        was backed up."""
        from pydantic import SecretStr

        from contexta.config import WorkspaceConfig
        from contexta.store.backends.engine import open_store
        from contexta.store.lifecycle.restore import restore, restore_to_server

        if not (isinstance(into, str) and workspace_address.is_server(into)):
            return restore(Path(path), Path(into))
        root = WorkspaceConfig(url=SecretStr(into)).directory
        return restore_to_server(Path(path), lambda: open_store(root, into))

    def verify(self) -> Verification:
        """Whether everything stored reads back as it was written; what does not is named. Reads the whole workspace and
        changes nothing in it."""
        from contexta.store.lifecycle.verify import verify_directory, verify_store

        return verify_directory(self.root) if self.is_local else verify_store(self._opened())

    def gc(self, *, keep_last: int | None = None, dry_run: bool = True) -> Cleanup:
        """Give back what nobody needs: forgotten objects, journals taken in whole, files of dead processes; with
        ``keep_last`` also all but so many of the latest runs of each project. By default only says what it would do."""
        from contexta.store.lifecycle.gc import gc

        if keep_last is not None and not (isinstance(keep_last, int) and keep_last >= 0):
            raise InvalidInput(f"keep_last {shown(keep_last)} is no number of runs", hint="give 0 or more")
        return gc(self._current(), keep_last=keep_last, dry_run=dry_run)

    def doctor(self) -> Diagnosis:
        """Whether the workspace can be relied on where it lies, and whether environments can be built here."""
        from contexta.findings import Diagnosis
        from contexta.reproduce import doctor as machine
        from contexta.store.lifecycle import doctor

        url = None if self._server is None else workspace_address.checked(self._server)
        checks = doctor.checks(self.root, url, self._objects)
        return Diagnosis(workspace=self._shown, checks=(*checks, *machine.checks()))

    def export(
        self,
        path: str | os.PathLike[str] | None,
        runs: Sequence[str] = (),
        *,
        points: bool = False,
        format: Literal["jsonl", "csv", "parquet", "canonical"] | None = None,
    ) -> Export:
        """Write a row for each run, or with ``points`` for each measurement, to a new file; None is stdout.
        runs: by default all, the latest first. format: ``canonical`` writes everything stored about the runs, as the
        JSON lines that their ``content_digest`` is the sha256 of. Raises InvalidInput when the file exists or its
        format is unknown, OSError when stdout cannot be written."""
        from contexta.store.read.export import all_runs, export

        with self._reading() as connection:
            keys = [self._find(connection, run)[0] for run in runs] if runs else all_runs(connection)
            return export(connection, keys, Path(path) if path is not None else None, format, points=points)

    # ------------------------------------------------------------------------------------------ a server

    def sync(self, *, follow: bool = False, again: bool = False) -> Delivery:
        """Bring what runs on this machine have recorded into the workspace, now. Safe to repeat: everything arrives
        exactly once. follow: go on until nothing is left, unless another process is at it. again: also what was
        delivered before and is there no more, after a server was restored from a backup.
        Raises WorkspaceAway when the server cannot be reached; what was recorded goes on waiting."""
        from contexta.store.ingest import delivery

        if follow:
            delivery.follow(self.root, self._freshly_opened)
        return delivery.deliver(self._opened(), again=again)

    def upgrade(self) -> Upgrade:
        """Bring the workspace to the schema of this version. A directory's database is copied beside itself before."""
        from contexta.store.backends.engine import upgrade

        return upgrade(self.root, self._server, self._objects)
