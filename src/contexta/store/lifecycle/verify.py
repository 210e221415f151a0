"""Check all content of a workspace against its digests, and name the damaged runs.

Each entity has a digest of its canonical form, each series and each run a running checksum of its points or records,
each object and each shared text is named by its digest, and each journal has a checksum of its ingested bytes.
`verify` computes all of them again. It writes nothing, and opens a local database read-only. The trials of studies are
in a workspace below, which it verifies too.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy.exc import DBAPIError

from contexta.core.errors import DamagedData, NotFound, WorkspaceError
from contexta.core.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.findings import Verification
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.backends.engine import Store, exists
from contexta.store.backends.interface import Database
from contexta.store.backends.sqlite import Sqlite
from contexta.store.lifecycle.needed_objects import runs_with_object
from contexta.store.lifecycle.verify_database import UNREADABLE, DatabaseCheck, Outcome
from contexta.store.lifecycle.verify_files import OtherFiles
from contexta.store.lifecycle.workspace_files import BISECT, stored_digests
from contexta.store.schema.statements import stream

_CHUNK = 1024 * 1024


def verify_directory(root: Path) -> Verification:
    """Verify a local workspace. Takes about a second per 50 MB. Raises WorkspaceError if there is none."""
    if not exists(root) and not (root / BISECT).is_dir():
        raise WorkspaceError(f"there is no workspace at {root}", hint="name another place with --workspace")
    return _with_trials(_verify_one(root), root)


def _verify_one(root: Path) -> Verification:
    database = Sqlite(root, read_only=True) if (root / DATABASE).exists() else None
    try:
        return _Verifier(database, root, [Objects(root / OBJECTS)]).verification()
    finally:
        if database is not None:
            database.close()


def verify_store(store: Store) -> Verification:
    """Verify a server, and the files of its workspace on this machine. Raises WorkspaceAway without a connection."""
    verifier = _Verifier(
        store.database, store.root, store.object_directories, store.origin, has_all_objects=store.has_all_objects
    )
    try:
        finding = verifier.verification()
    except DBAPIError as error:
        raise store.database.translated(error) from error
    return _with_trials(finding, store.root)


def _with_trials(finding: Verification, root: Path) -> Verification:
    """Add the verification of the workspace of trials. The names of its damaged parts begin with its directory."""
    if not (root / BISECT).is_dir():
        return finding
    trials = _verify_one(root / BISECT)
    checked = dict(finding.checked)
    for kind, number in trials.checked.items():
        key = "trials" if kind == "runs" else kind
        checked[key] = checked.get(key, 0) + number
    damage = [part.model_copy(update={"name": f"{BISECT}/{part.name}"}) for part in trials.damage]
    notes = [f"{BISECT}: {note}" for note in trials.notes]
    return Verification(checked=checked, damage=(*finding.damage, *damage), notes=(*finding.notes, *notes))


class _Verifier:
    """One verification of one workspace."""

    def __init__(
        self,
        database: Database | None,
        root: Path,
        object_directories: Sequence[Objects],
        origin: str = "",
        *,
        has_all_objects: bool = True,
    ) -> None:
        """database: None for journals that no query has ingested yet. origin: prefix of this machine's journals."""
        self._outcome = Outcome()
        self._database = database
        self._root = root
        self._object_directories = object_directories
        self._origin = origin
        self._has_all_objects = has_all_objects
        self._journals: Sequence[Sequence[Any]] = ()
        self._needed_objects: Sequence[Sequence[Any]] = ()

    def verification(self) -> Verification:
        parts = (self._check_database, self._check_journals, self._check_needed_objects, self._check_objects)
        for part in (*parts, self._check_other_files):
            try:
                part()
            except UNREADABLE as error:
                self._outcome.report_unreadable(part.__name__.removeprefix("_check_"), error)
        outcome = self._outcome
        return Verification(checked=outcome.checked, damage=tuple(outcome.damage), notes=tuple(outcome.notes))

    def _check_database(self) -> None:
        if self._database is None:
            self._check_missing_database()
            return
        check = DatabaseCheck(self._database, self._outcome)
        try:
            with self._database.transaction(writing=False) as connection:
                check.check(connection)
        finally:  # what could be read of a damaged database
            self._journals, self._needed_objects = check.journals, check.needed_objects

    def _check_missing_database(self) -> None:
        """The first query makes the database. A journal that was ingested proves that there was one."""
        if any((self._root / JOURNALS / ENDED).glob(f"*{SUFFIX}")):
            self._outcome.report("database", DATABASE, "it is missing, although journals were ingested into it")
        elif (self._root / JOURNALS).is_dir():
            self._outcome.notes.append("no query has ingested the journals yet: there is no database to check")

    def _file_name(self, journal: str) -> str | None:
        """The file name of a journal; None when it is on another machine."""
        return journal.removeprefix(self._origin) if journal.startswith(self._origin) else None

    def _check_journals(self) -> None:
        folder = self._root / JOURNALS
        for journal, position, ended, check, run in self._journals:
            if not isinstance(journal, str) or not isinstance(position, int):
                self._outcome.report("row", f"journal {journal}", "it cannot be read", *([run] if run else []))
                continue
            name = self._file_name(journal)
            if check is None or name is None:
                continue  # removed by gc, or on another machine
            path = next((path for path in (folder / name, folder / ENDED / name) if path.is_file()), None)
            runs = [run] if run else []
            self._outcome.count("journals")
            if path is None:
                self._outcome.report("journal", name, "it is missing", *runs)
            elif _checksum_of(path, position, is_whole=bool(ended)) != check:
                self._outcome.report("journal", name, "its ingested lines do not match their checksum", *runs)

    def _check_needed_objects(self) -> None:
        elsewhere = 0
        for name, rows in groupby(self._needed_objects, itemgetter(0)):
            runs = [str(run) for _, run in rows]
            try:
                is_missing = not any(directory.exists(str(name)) for directory in self._object_directories)
            except NotFound:
                continue  # not a digest: the row is damaged, and was reported
            if is_missing and self._has_all_objects:
                self._outcome.report("object", str(name), "it is missing", *dict.fromkeys(runs))
            elif is_missing:
                elsewhere += 1
        if elsewhere:
            self._outcome.notes.append(f"{elsewhere} objects are on the machines that recorded them: not checked")

    def _check_objects(self) -> None:
        for directory in self._object_directories:
            for name in stored_digests(Path(directory.root)):
                self._outcome.count("objects")
                try:
                    directory.check(name)
                except NotFound:
                    pass  # removed since it was listed
                except (DamagedData, OSError) as error:
                    detail = error.what if isinstance(error, DamagedData) else f"it cannot be read: {error.strerror}"
                    self._outcome.report("object", name, detail, *self._runs_with(name))

    def _runs_with(self, name: str) -> tuple[str, ...]:
        if self._database is None:
            return ()
        try:
            with self._database.transaction(writing=False) as connection:
                return tuple(str(ref) for (ref,) in stream(connection, runs_with_object(name)))
        except UNREADABLE:
            return ()

    def _check_other_files(self) -> None:
        positions = {self._file_name(str(row[0])): int(row[1]) for row in self._journals}
        ingested = {name: position for name, position in positions.items() if name is not None}
        OtherFiles(self._root, self._outcome).check(ingested)


def _checksum_of(path: Path, size: int, *, is_whole: bool) -> int | None:
    """The CRC-32 of the first bytes of a file. None if it has fewer, or if a complete file has more."""
    check, file_size = 0, path.stat().st_size
    if file_size < size or (is_whole and file_size != size):
        return None
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(_CHUNK, size))):
            check = crc32(chunk, check)
            size -= len(chunk)
    return check
