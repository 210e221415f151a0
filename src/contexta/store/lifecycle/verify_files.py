"""Check the files of a workspace that no row of its database describes: salt, caches, studies, new journal lines."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from contexta.core.errors import DamagedData
from contexta.core.files import digested_files
from contexta.core.settings import ENDED, OBJECTS
from contexta.findings.bisect import digest_of
from contexta.findings.workspace import DamageKind
from contexta.recorder.journal.objects import Objects
from contexta.recorder.session.salt import NAME as SALT
from contexta.recorder.session.salt import salt_is_intact
from contexta.store.ingest.journal_parsing import records
from contexta.store.lifecycle import workspace_files as kinds
from contexta.store.lifecycle.verify_database import Outcome
from contexta.store.lifecycle.workspace_files import BISECT, FileKind, workspace_files

_ORIGIN = re.compile(rb"[0-9a-f]{16}\n?\Z")
_MOST_NAMED = 5


class OtherFiles:
    """One pass over the files of a workspace, without those of the workspace of trials below it."""

    def __init__(self, root: Path, outcome: Outcome) -> None:
        self._root = root
        self._outcome = outcome
        self._ingested: Mapping[str, int] = {}
        self._checks: dict[FileKind, Callable[[Path], None]] = {
            kinds.JOURNAL: self._check_new_lines,
            kinds.CACHE_ENTRY: self._check_cache_entry,
            kinds.DATABASE_COPY: self._check_database_copy,
            kinds.ORIGIN_FILE: self._check_origin,
            kinds.STUDY: self._check_study,
            kinds.REPORT: self._check_report,
        }

    def check(self, ingested: Mapping[str, int]) -> None:
        """ingested: file name of a journal -> its ingested bytes, which the database has a checksum of."""
        self._ingested = ingested
        temporary, foreign = 0, []
        for name, kind in workspace_files(self._root):
            if name.startswith(f"{BISECT}/"):
                continue  # the workspace of trials is verified like this one
            if kind is None:
                foreign.append(name)
            elif kind in (kinds.TEMPORARY, kinds.TRASH):
                temporary += 1
            elif kind in self._checks:
                self._checks[kind](self._root / name)
        self._check_salt()
        if temporary:
            self._outcome.notes.append(f"{temporary} temporary files were not checked; `contexta gc` deletes old ones")
        if foreign:
            names = ", ".join(foreign[:_MOST_NAMED]) + (", ..." if len(foreign) > _MOST_NAMED else "")
            self._outcome.notes.append(f"{len(foreign)} files that Contexta did not write were not checked: {names}")

    def _report(self, kind: DamageKind, path: Path, detail: str) -> None:
        name = path.name if kind in ("journal", "database") else path.relative_to(self._root).as_posix()
        self._outcome.report(kind, name, detail)

    def _check_cache_entry(self, path: Path) -> None:
        self._outcome.count("cache entries")
        self._check_digest("cache", path, "no recording uses it, and the next one replaces it")

    def _check_study(self, path: Path) -> None:
        self._outcome.count("study files")
        self._check_digest("study", path, "this study cannot be resumed; its trials are not affected")

    def _check_digest(self, kind: DamageKind, path: Path, consequence: str) -> None:
        try:
            digested_files.read(os.fspath(path))
        except FileNotFoundError:
            pass  # replaced or deleted since it was listed
        except DamagedData:
            self._report(kind, path, f"its content does not match its digest; {consequence}")
        except OSError as error:
            self._report(kind, path, f"it cannot be read: {error.strerror}")

    def _check_report(self, path: Path) -> None:
        """The report of a study contains the digest of its own content."""
        self._outcome.count("study files")
        try:
            body = json.loads(path.read_bytes())
            is_sound = isinstance(body, dict) and body.get("digest") == digest_of(body)
        except FileNotFoundError:
            return  # replaced or deleted since it was listed
        except ValueError:
            is_sound = False
        if not is_sound:
            hint = "`contexta bisect --resume` writes it again from the trials"
            self._report("study", path, f"its content does not match its digest; {hint}")

    def _check_new_lines(self, path: Path) -> None:
        """Parse the lines that no query has ingested yet. They have no digest."""
        if path.parent.name == ENDED:
            return  # ingested completely
        faults: list[str] = []
        try:
            with path.open("rb") as file:
                file.seek(self._ingested.get(path.name, 0))
                for _ in records(file.read(), faults.append):
                    self._outcome.count("new journal lines")
        except FileNotFoundError:
            return  # ended since it was listed
        except OSError as error:
            faults.append(f"it cannot be read: {error.strerror}")
        for fault in faults:
            self._report("journal", path, fault)

    def _check_database_copy(self, path: Path) -> None:
        """Check the pages of a copy that an upgrade kept; its content has an older schema."""
        self._outcome.count("kept copies of the database")
        try:
            with closing(sqlite3.connect(f"file:{quote(os.fspath(path))}?mode=ro&immutable=1", uri=True)) as raw:
                words = [str(word) for (word,) in raw.execute("PRAGMA integrity_check(1)")]
        except sqlite3.Error as error:
            words = [str(error)]
        if words != ["ok"]:
            self._report("database", path, words[0])

    def _check_origin(self, path: Path) -> None:
        """The name of this machine on a server, with which the names of its journals begin there."""
        self._outcome.count("origin")
        if not _ORIGIN.match(path.read_bytes()):
            self._report("journal", path, "it is not the name of a machine: journals of this machine may arrive twice")

    def _check_salt(self) -> None:
        path = self._root / OBJECTS / SALT
        is_intact = salt_is_intact(Objects(self._root / OBJECTS))
        if is_intact is False:
            self._report("salt", path, "it has changed: values hidden from now on cannot be compared with earlier ones")
        elif is_intact is True:
            self._outcome.count("salt")
        elif path.exists():
            self._outcome.notes.append(f"{OBJECTS}/{SALT} has no digest (an earlier version wrote it): not checked")
