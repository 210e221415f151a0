"""Check that everything in a workspace reads back as it was written, and name the runs that do not.

Each entity has a digest of its canonical form, each series and each run a running checksum of its points or records,
each object and each shared text is named by its digest, and each journal has a checksum of its ingested bytes. All of
them are computed again and compared. Nothing is written, and a local database is opened read-only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from contexta.core.errors import DamagedData, NotFound, WorkspaceError
from contexta.core.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.findings import Damage, Verification
from contexta.recorder.journal.objects import Objects
from contexta.store.backends.engine import Store
from contexta.store.backends.interface import Database
from contexta.store.backends.sqlite import Sqlite
from contexta.store.integrity import running_checksums
from contexta.store.integrity.canonical_form import ENTITIES, ENVIRONMENT_BODY, JOURNAL, RUN, Entity, canonical_forms
from contexta.store.integrity.digests import digest
from contexta.store.lifecycle.object_inventory import NEEDED, runs_with_object, stored_digests
from contexta.store.lifecycle.verify_files import OtherFiles
from contexta.store.schema import sqlite_ddl, tables
from contexta.store.schema.statements import stream
from contexta.store.schema.versions import is_newer, is_older, too_new, unreleased

_CHUNK = 1024 * 1024
_ENTITIES_AT_ONCE = 200
_UNREADABLE = (sqlite3.Error, DBAPIError, TypeError, ValueError, OverflowError, KeyError)
"""What reading a damaged database raises."""

Rows = Iterable[Sequence[Any]]


def verify_directory(root: Path) -> Verification:
    """Verify a local workspace. Takes about a second per 50 MB. Raises WorkspaceError when there is none."""
    if not (root / DATABASE).exists():
        raise WorkspaceError(f"there is no workspace at {root}", hint="name another place with --workspace")
    database = Sqlite(root, read_only=True)
    try:
        return _Verifier(database, root, [Objects(root / OBJECTS)]).verification()
    finally:
        database.close()


def verify_store(store: Store) -> Verification:
    """Verify a server, and the files of its workspace on this machine. Raises WorkspaceAway when it cannot be
    reached."""
    verifier = _Verifier(
        store.database, store.root, store.object_directories, store.origin, has_all_objects=store.has_all_objects
    )
    try:
        return verifier.verification()
    except DBAPIError as error:
        raise store.database.translated(error) from error


class _Verifier:
    """One verification of one workspace."""

    def __init__(
        self,
        database: Database,
        root: Path,
        object_directories: Sequence[Objects],
        origin: str = "",
        *,
        has_all_objects: bool = True,
    ) -> None:
        self.checked: dict[str, int] = {}
        self.damage: list[Damage] = []
        self.notes: list[str] = []
        self._database = database
        self._root = root
        self._object_directories = object_directories
        self._origin = origin
        self._has_all_objects = has_all_objects
        self._journals: list[Sequence[Any]] = []
        self._needed_objects: list[Sequence[Any]] = []
        self._objects_elsewhere = 0

    def verification(self) -> Verification:
        try:
            with self._database.transaction(writing=False) as connection:
                self._check_database(connection)
        except _UNREADABLE as error:
            self._report_unreadable("database", error)
        for part in (self._check_journals, self._check_needed_objects, self._check_objects, self._check_other_files):
            try:
                part()
            except _UNREADABLE as error:
                self._report_unreadable(part.__name__.removeprefix("_check_"), error)
        if self._objects_elsewhere:
            self.notes.append(f"{self._objects_elsewhere} objects are on the machines that recorded them: not checked")
        return Verification(checked=self.checked, damage=tuple(self.damage), notes=tuple(self.notes))

    def _report(self, kind: Any, name: str, detail: str, *runs: str) -> None:
        self.damage.append(Damage(kind=kind, name=name, detail=detail, run_refs=runs))

    def _report_unreadable(self, name: str, error: Exception) -> None:
        if isinstance(error, DBAPIError) and (error.connection_invalidated or not _is_damage(error)):
            raise error
        message = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        self._report("database", name, message.strip().partition("\n")[0])

    def _count(self, what: str, amount: int = 1) -> None:
        self.checked[what] = self.checked.get(what, 0) + amount

    # ------------------------------------------------------------------------------------------ the database

    def _check_database(self, connection: Connection) -> None:
        self._require_this_version(connection)
        parts: list[tuple[str, Callable[[], None]]] = [("structure", lambda: self._check_structure(connection))]
        for entity in ENTITIES:
            parts.append((entity.table.name, lambda entity=entity: self._check_entities(connection, entity)))  # type: ignore[misc]  # of a lambda
        parts += [
            ("shared texts", lambda: self._check_shared_texts(connection)),
            ("points", lambda: self._check_points(connection)),
            ("records", lambda: self._check_records(connection)),
            ("files", lambda: self._list_files(connection)),
        ]
        for name, part in parts:
            try:
                with connection.begin_nested():  # on a server an error ends the transaction, or this part of it
                    part()
            except _UNREADABLE as error:
                self._report_unreadable(name, error)

    def _require_this_version(self, connection: Connection) -> None:
        """Another version is not damage: this Contexta does not know what that version stores."""
        try:
            with connection.begin_nested():
                version = stream(connection, f"SELECT version_num FROM {tables.VERSION_TABLE}")
                ((number,),) = version
                is_changed = not self._database.is_local or sqlite_ddl.expected_definitions() != {
                    tuple(row) for row in connection.exec_driver_sql(sqlite_ddl.DEFINITIONS)
                }
        except _UNREADABLE:
            return  # reported by the check of the structure
        if is_newer(number):
            raise too_new(self._database.name, number)
        if is_older(number) and is_changed:
            raise unreleased(self._database.name, number)

    def _check_structure(self, connection: Connection) -> None:
        for fault in self._database.faults(connection):
            self._report(fault.kind, fault.name, fault.detail)

    def _check_entities(self, connection: Connection, entity: Entity) -> None:
        next_rows = (
            f"SELECT id, {entity.name}, content_digest FROM {entity.table.name} WHERE id > {{}}"
            f" ORDER BY id LIMIT {_ENTITIES_AT_ONCE}"
        )
        last, pending = 0, 0
        while some := list(stream(connection, next_rows.format(last))):
            forms = self._forms(connection, entity, [key for key, *_ in some])
            for key, name, stored in some:
                self._count(entity.plural)
                if stored is None and entity is RUN:
                    pending += 1
                elif key not in forms or digest(forms[key]) != stored:
                    self._report_entity(connection, entity, key, str(name), is_readable=key in forms)
            last = some[-1][0]
        if pending:
            self.notes.append(f"{pending} runs are being written and have no digest yet: not compared")

    def _forms(self, connection: Connection, entity: Entity, keys: Sequence[int]) -> dict[int, bytes]:
        """The canonical forms of all that can be read; of a damaged batch each is read alone."""
        try:
            with connection.begin_nested():
                return canonical_forms(connection, entity, keys[0], keys[-1])
        except _UNREADABLE:
            pass
        forms: dict[int, bytes] = {}
        for key in keys:
            try:
                with connection.begin_nested():
                    forms |= canonical_forms(connection, entity, key, key)
            except _UNREADABLE:
                pass  # reported as damage of this entity
        return forms

    def _report_entity(self, connection: Connection, entity: Entity, key: int, name: str, *, is_readable: bool) -> None:
        detail = "its content does not match its digest" if is_readable else "it cannot be read"
        if entity is RUN:
            self._report("run", name, detail, name)
        else:
            self._report("row", f"{entity.table.name} {name}", detail, *_runs_of(connection, entity, key))

    def _check_shared_texts(self, connection: Connection) -> None:
        for table, runs in (("shared_fact", _RUNS_OF_FACT), ("record_form", _RUNS_OF_FORM)):
            for key, stored, body in stream(connection, f"SELECT id, digest, body FROM {table} ORDER BY id"):
                self._count("shared texts")
                if _text_digest(body) != stored:
                    refs = [str(ref) for (ref,) in stream(connection, runs.format(int(key)))]
                    self._report("row", f"{table} {key}", "its content does not match its digest", *refs)

    def _check_points(self, connection: Connection) -> None:
        series = {
            row[0]: row[1:]
            for row in stream(
                connection,
                "SELECT metric_series.id, run.ref, stage_name, metric_key, points, points_check FROM metric_series"
                " JOIN run ON run.id = metric_series.run_id LEFT JOIN stage ON stage.id = stage_id",
            )
        }
        rows = stream(
            connection,
            "SELECT series_id, number, step, observed_at, value, exact FROM metric_point ORDER BY series_id, number",
        )
        for series_id, points in groupby(rows, itemgetter(0)):
            run, stage, key, count, check = series.pop(series_id, ("", None, f"series {series_id}", None, None))
            if not self._matches(list(points), running_checksums.POINTS, count, check, "points"):
                name = key if stage is None else f"{stage}/{key}"
                self._report("points", name, "its points do not match their checksum", *([run] if run else []))
        for run, stage, key, count, _ in series.values():
            if count:
                self._report("points", key if stage is None else f"{stage}/{key}", f"{count} points are missing", run)

    def _check_records(self, connection: Connection) -> None:
        runs = {row[0]: row[1:] for row in stream(connection, "SELECT id, ref, records, records_check FROM run")}
        rows = stream(
            connection,
            "SELECT record.run_id, number, name, coalesce(record.digest, form.digest), point, recorded_at, record.body,"
            " form.body, metric_key, slice_ref FROM record LEFT JOIN record_form AS form ON form.id = form_id"
            " LEFT JOIN metric_series ON metric_series.id = series_id AND metric_series.run_id = record.run_id"
            " ORDER BY record.run_id, number",
        )
        for run_id, records in groupby(rows, itemgetter(0)):
            run, count, check = runs.pop(run_id, (f"run {run_id}", None, None))
            of_run = list(records)
            for row in of_run:
                if row[6] is not None and _text_digest(row[6]) != row[3]:
                    self._report("records", f"{run}.{row[2]}", "its content does not match its digest", run)
            is_placed = all(_is_of_series(*triple) for triple in {row[7:10] for row in of_run})
            columns = [row[:6] for row in of_run]
            if not self._matches(columns, running_checksums.RECORDS, count, check, "records") or not is_placed:
                self._report("records", run, "its records do not match their checksum", run)
        for run, count, _ in runs.values():
            if count:
                self._report("records", run, f"{count} records are missing", run)

    def _matches(
        self, rows: Sequence[Sequence[Any]], kinds: Any, count: int | None, check: bytes | None, what: str
    ) -> bool:
        """Whether rows of (owner, number, columns...) match a running checksum."""
        self._count(what, len(rows))
        if len(rows) != count or [row[1] for row in rows] != list(range(len(rows))):
            return False
        try:
            return running_checksums.extended(kinds, list(zip(*rows, strict=True))[2:]) == check
        except (TypeError, ValueError, OverflowError):
            return False  # a value has another type

    def _list_files(self, connection: Connection) -> None:
        """Read which files the database refers to; the files are checked outside the transaction."""
        self._journals = list(
            stream(
                connection,
                "SELECT journal.name, position, ended, bytes_check, run.ref FROM journal"
                " LEFT JOIN run ON run.id = run_id ORDER BY journal.id",
            )
        )
        self._needed_objects = list(stream(connection, NEEDED))

    # ------------------------------------------------------------------------------------------ files

    def _file_name(self, journal: str) -> str | None:
        """The file name of a journal; None when it is on another machine."""
        return journal.removeprefix(self._origin) if journal.startswith(self._origin) else None

    def _check_journals(self) -> None:
        folder = self._root / JOURNALS
        for journal, position, ended, check, run in self._journals:
            name = self._file_name(journal)
            if check is None or name is None:
                continue  # removed by gc, or on another machine
            path = next((path for path in (folder / name, folder / ENDED / name) if path.is_file()), None)
            runs = [run] if run else []
            self._count("journals")
            if path is None:
                self._report("journal", name, "it is missing", *runs)
            elif _checksum_of(path, position, is_whole=bool(ended)) != check:
                self._report("journal", name, "its ingested lines do not match their checksum", *runs)

    def _check_needed_objects(self) -> None:
        for name, rows in groupby(self._needed_objects, itemgetter(0)):
            runs = [str(run) for _, run in rows]
            try:
                is_missing = not any(directory.exists(str(name)) for directory in self._object_directories)
            except NotFound:
                continue  # not a digest: the row is damaged, and was reported
            if is_missing and self._has_all_objects:
                self._report("object", str(name), "it is missing", *dict.fromkeys(runs))
            elif is_missing:
                self._objects_elsewhere += 1

    def _check_objects(self) -> None:
        for directory in self._object_directories:
            for name in stored_digests(Path(directory.root)):
                self._count("objects")
                try:
                    directory.check(name)
                except NotFound:
                    pass  # removed since it was listed
                except (DamagedData, OSError) as error:
                    detail = error.what if isinstance(error, DamagedData) else f"it cannot be read: {error.strerror}"
                    self._report("object", name, detail, *self._runs_with(name))

    def _runs_with(self, name: str) -> tuple[str, ...]:
        try:
            with self._database.transaction(writing=False) as connection:
                return tuple(str(ref) for (ref,) in stream(connection, runs_with_object(name)))
        except _UNREADABLE:
            return ()

    def _check_other_files(self) -> None:
        others = OtherFiles(self._root, self._file_name)
        others.check({str(row[0]): int(row[1]) for row in self._journals})
        for what, amount in others.checked.items():
            self._count(what, amount)
        self.damage.extend(others.damage)
        self.notes.extend(others.notes)


def _is_damage(error: DBAPIError) -> bool:
    """Whether a database says that it cannot read its content; a busy or unreachable one says something else."""
    return not (isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig))


def _is_of_series(form: str | None, metric_key: str | None, slice_ref: str | None) -> bool:
    """Whether a metric record refers to the series that its form describes. form: None for other records."""
    if form is None:
        return metric_key is None
    payload = tables.decode_json(form)["payload"]
    return metric_key == payload["metric_key"] and slice_ref == (payload.get("slice_ref") or "")


def _text_digest(body: object) -> bytes:
    """As ``rows.text_digest``, also of a text that is no UTF-8 any more."""
    return sha256(str(body).encode("utf-8", "surrogateescape")).digest()[:16]


_RUNS_OF_FACT = "SELECT ref FROM run WHERE {} IN (command_id, invocation_id, source_id) ORDER BY ref LIMIT 20"
_RUNS_OF_FORM = "SELECT ref FROM run WHERE id IN (SELECT run_id FROM record WHERE form_id = {}) ORDER BY ref LIMIT 20"
_RUNS_OF_ENTITY = {
    ENVIRONMENT_BODY: "SELECT run.ref FROM environment JOIN run ON run.id = run_id"
    " WHERE environment.environment_body_id = {} ORDER BY 1 LIMIT 20",
    JOURNAL: "SELECT run.ref FROM journal JOIN run ON run.id = run_id WHERE journal.id = {}",
}


def _runs_of(connection: Connection, entity: Entity, key: int) -> tuple[str, ...]:
    """The runs that an entity belongs to, as far as that can be read."""
    if entity not in _RUNS_OF_ENTITY:
        return ()
    try:
        with connection.begin_nested():
            return tuple(str(ref) for (ref,) in stream(connection, _RUNS_OF_ENTITY[entity].format(int(key))))
    except _UNREADABLE:
        return ()


def _checksum_of(path: Path, size: int, *, is_whole: bool) -> int | None:
    """The CRC-32 of the first bytes of a file; None when it has fewer, or more although it is complete."""
    check, there = 0, path.stat().st_size
    if there < size or (is_whole and there != size):
        return None
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(_CHUNK, size))):
            check = crc32(chunk, check)
            size -= len(chunk)
    return check
