"""Whether everything in a workspace reads back as it was written, and if not, what does not.

A directory's database is not opened through the rest of the store, and nothing is written: what is damaged may be what
it would trip over. What a server's is asked beyond that is in ``verify_server.py``.
"""

from __future__ import annotations

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import crc32

from contexta.core.errors import DamagedData, NotFound, WorkspaceError
from contexta.core.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.findings import Damage, Verification
from contexta.recorder.journal.objects import Objects
from contexta.store.backends import row_checksums
from contexta.store.backends.engine import is_newer, too_new
from contexta.store.lifecycle.object_inventory import NEEDED, stored_digests
from contexta.store.lifecycle.verify_files import OtherFiles
from contexta.store.schema import running_checksums, sqlite_ddl, tables

_MOST_TOLD = 100
_CHUNK = 1024 * 1024
UNREADABLE = (sqlite3.Error, TypeError, ValueError, OverflowError)

Rows = Iterable[Sequence[Any]]


def verify(root: Path) -> Verification:
    """Read everything. Costs about a second for each 50 MB. Raises WorkspaceError when there is no workspace."""
    if not (root / DATABASE).exists():
        raise WorkspaceError(f"there is no workspace at {root}", hint="name another place with --workspace")
    return _InDirectory(root).verification()


class Verifying(ABC):
    """One look at one workspace."""

    unreadable: tuple[type[Exception], ...] = UNREADABLE  # what a database raises that holds what it cannot read

    def __init__(self, root: Path, shelves: Sequence[Objects]) -> None:
        self.root = root
        self.shelves = shelves
        self.checked: dict[str, int] = {}
        self.damage: list[Damage] = []
        self.notes: list[str] = []
        self._of_journals: list[Sequence[Any]] = []
        self._needed: list[Sequence[Any]] = []

    def verification(self) -> Verification:
        """All of it: the database in one view of it, the files when that is closed."""
        for part in (self.database, self._journals, self._references, self._objects, self._other_files):
            self.take(part)
        return Verification(checked=self.checked, damage=tuple(self.damage), notes=tuple(self.notes))

    def take(self, part: Callable[[], None]) -> None:
        """What cannot be read at all is damage, and no reason not to look at the rest."""
        try:
            with self.apart():
                part()
        except self.unreadable as error:
            self.say("database", part.__name__.strip("_"), self.words(error))

    def apart(self) -> AbstractContextManager[Any]:
        """What a question that fails takes down with it."""
        return nullcontext()

    def words(self, error: Exception) -> str:
        """What a database said; raises the error itself where it tells of no damage."""
        return str(error)

    def say(self, kind: Any, name: str, detail: str, *runs: str) -> None:
        self.damage.append(Damage(kind=kind, name=name, detail=detail, run_refs=runs))

    def count(self, what: str, amount: int = 1) -> None:
        self.checked[what] = self.checked.get(what, 0) + amount

    # ------------------------------------------------------------------------------------------ the database

    @abstractmethod
    def database(self) -> None:
        """Ask it in one transaction: ``content``, and what this kind of database has of its own."""

    @abstractmethod
    def ask(self, statement: str) -> Rows:
        """What it answers, row by row; within ``database`` only."""

    @abstractmethod
    def users_of(self, digest: str) -> tuple[str, ...]:
        """Whose an object is, as far as that can still be told; outside ``database``."""

    def broken(self, part: str, number: int, there: bool, sealed: bool, runs: Sequence[str]) -> None:
        """A row and its seal do not agree, or one of them is not there."""
        words = ("it is not what was written" if sealed else "nobody wrote it") if there else "it is missing"
        self.say("row", f"{part} {number}", words, *runs)

    def content(self) -> None:
        """What both databases check alike."""
        for part in (self._points, self._records, self._listed):
            self.take(part)

    def _points(self) -> None:
        series = self.ask(
            "SELECT metric_series.id, run.ref, stage_name, metric_key, points, points_check FROM metric_series"
            " JOIN run ON run.id = metric_series.run_id LEFT JOIN stage ON stage.id = stage_id"
        )
        known = {row[0]: row[1:] for row in series}
        rows = self.ask(
            "SELECT series_id, number, step, observed_at, value, exact FROM metric_point ORDER BY series_id, number"
        )
        for series_id, points in groupby(rows, itemgetter(0)):
            run, stage, key, count, check = known.pop(series_id, ("", None, f"series {series_id}", None, None))
            name = key if stage is None else f"{stage}/{key}"
            if not self._same(list(points), running_checksums.POINTS, count, check, "points"):
                self.say("points", name, "its points are not those that were written", *([run] if run else []))
        for run, stage, key, count, _ in known.values():
            if count:
                self.say("points", key if stage is None else f"{stage}/{key}", f"{count} points are missing", run)

    def _records(self) -> None:
        known = {row[0]: row[1:] for row in self.ask("SELECT id, ref, records, records_check FROM run")}
        rows = self.ask(
            "SELECT run_id, number, name, form_id, series_id, point, recorded_at, digest, body FROM record"
            " ORDER BY run_id, number"
        )
        for run_id, records in groupby(rows, itemgetter(0)):
            run, count, check = known.pop(run_id, (f"run {run_id}", None, None))
            mine = list(records)
            self._bodies(mine, run)
            if not self._same([row[:8] for row in mine], running_checksums.RECORDS, count, check, "records"):
                self.say("records", run, "its records are not those that were appended", run)
        for run, count, _ in known.values():
            if count:
                self.say("records", run, f"{count} records are missing", run)

    def _bodies(self, rows: list[Sequence[Any]], run: str) -> None:
        for row in rows:
            if row[8] is not None and sha256(str(row[8]).encode()).digest()[:16] != row[7]:
                self.say("records", f"{run}.{row[2]}", "its content is not what was appended", run)

    def _same(
        self, rows: Sequence[Sequence[Any]], kinds: Any, count: int | None, check: bytes | None, what: str
    ) -> bool:
        """Whether rows of (owner, number, columns...) are those that a running check was made of."""
        self.count(what, len(rows))
        if len(rows) != count or [row[1] for row in rows] != list(range(len(rows))):
            return False
        try:
            return running_checksums.extended(kinds, list(zip(*rows, strict=True))[2:]) == check
        except UNREADABLE:
            return False  # a number that is none any more

    def _listed(self) -> None:
        """What the files are compared with."""
        self._of_journals = list(
            self.ask(
                "SELECT journal.name, position, ended, bytes_check, run.ref FROM journal"
                " LEFT JOIN run ON run.id = run_id ORDER BY journal.id"
            )
        )
        self._needed = list(self.ask(NEEDED))

    # ------------------------------------------------------------------------------------------ files

    def file_of(self, journal: str) -> str | None:
        """The name of a journal's file; None where it lies on another machine."""
        return journal

    def _journals(self) -> None:
        folder = self.root / JOURNALS
        for journal, position, ended, check, run in self._of_journals:
            name = self.file_of(journal)
            if check is None or name is None:
                continue  # removed by gc, or taken in before checks were kept; or not here
            path = next((path for path in (folder / name, folder / ENDED / name) if path.is_file()), None)
            whose = [run] if run else []
            self.count("journals")
            if path is None:
                self.say("journal", name, "it is missing", *whose)
            elif _check_of(path, position, whole=bool(ended)) != check:
                self.say("journal", name, "what was taken in of it does not read as it did then", *whose)

    def _references(self) -> None:
        """Every object that a row needs is there."""
        for digest, owners in groupby(self._needed, itemgetter(0)):
            runs = [str(run) for _, run in owners]
            try:
                missing = not any(shelf.exists(str(digest)) for shelf in self.shelves)
            except NotFound:
                continue  # a digest that is none is a damaged row, which has been told
            if missing:
                self.missing(str(digest), tuple(dict.fromkeys(runs)))

    def missing(self, digest: str, runs: tuple[str, ...]) -> None:
        """An object that runs need lies in none of the directories."""
        self.say("object", digest, "it is missing", *runs)

    def _objects(self) -> None:
        for shelf in self.shelves:
            for digest in stored_digests(Path(shelf.root)):
                self.count("objects")
                try:
                    shelf.check(digest)
                except NotFound:
                    pass  # removed since it was listed: whether somebody needs it has been asked
                except (DamagedData, OSError) as error:
                    words = error.what if isinstance(error, DamagedData) else f"it cannot be read: {error.strerror}"
                    self.say("object", digest, words, *self.users_of(digest))

    def _other_files(self) -> None:
        others = OtherFiles(self.root, self.file_of)
        others.check({str(row[0]): int(row[1]) for row in self._of_journals})
        for what, amount in others.checked.items():
            self.count(what, amount)
        self.damage.extend(others.damage)
        self.notes.extend(others.notes)


def users_statement(digest: str) -> str:
    """The question for the runs that an object belongs to, in either database's words. digest: one, not any text."""
    return (
        "SELECT DISTINCT run.ref FROM run LEFT JOIN environment ON environment.run_id = run.id LEFT JOIN"
        " environment_body ON environment_body.id = environment.environment_body_id"
        " LEFT JOIN environment_end ON environment_end.id = end_id"
        " LEFT JOIN shared_fact ON shared_fact.id IN (command_id, invocation_id, source_id)"
        f" LEFT JOIN artifact ON artifact.run_id = run.id AND location_ref = 'object:{digest}'"
        f" WHERE '{digest}' IN (environment_body.digest, environment_end.digest) OR location_ref IS NOT NULL"
        f" OR replace(run.metadata, '{digest}', '') <> run.metadata"
        f" OR replace(shared_fact.body, '{digest}', '') <> shared_fact.body ORDER BY 1 LIMIT 20"
    )


def runs_statement(part: str, number: Any) -> str | None:
    """The question for the runs that a row belongs to, in either database's words; None where it is of none."""
    if part == "run":
        return f"SELECT ref FROM run WHERE id = {int(number)}"
    if "run_id" in tables.metadata.tables[part].c:
        mine = f"SELECT run_id FROM {part} WHERE {row_checksums.PARTS[part]} = {int(number)}"
        return f"SELECT ref FROM run WHERE id IN ({mine}) LIMIT 20"
    if part in ("environment_body", "environment_distribution"):
        return (
            "SELECT run.ref FROM environment JOIN run ON run.id = run_id"
            f" WHERE environment.environment_body_id = {int(number)} LIMIT 20"
        )
    if part == "environment_end":
        return f"SELECT run.ref FROM environment JOIN run ON run.id = run_id WHERE end_id = {int(number)} LIMIT 20"
    if part == "shared_fact":
        return f"SELECT ref FROM run WHERE {int(number)} IN (command_id, invocation_id, source_id) LIMIT 20"
    return None


def _check_of(path: Path, size: int, *, whole: bool) -> int | None:
    """The check of a file's first bytes; None when it has fewer, or more although nothing was to follow."""
    check, there = 0, path.stat().st_size
    if there < size or (whole and there != size):
        return None
    with path.open("rb") as file:
        while size > 0 and (chunk := file.read(min(_CHUNK, size))):
            check = crc32(chunk, check)
            size -= len(chunk)
    return check


# ---------------------------------------------------------------------------------------------- a directory


def _unchanging(root: Path) -> str:
    """What SQLite needs to be told where it may not make the index of the write-ahead log that a reader needs, too."""
    if os.access(root, os.W_OK):
        return ""
    log = root / f"{DATABASE}-wal"
    if log.exists() and log.stat().st_size:
        raise WorkspaceError(
            f"{root} may not be written, and its database cannot be read without: something waits in {log.name}",
            hint="ask somebody who may write it to run `contexta verify`",
        )
    return "&immutable=1"


class _InDirectory(Verifying):
    def __init__(self, root: Path) -> None:
        super().__init__(root, [Objects(root / OBJECTS)])
        self._address = f"file:{quote(os.fspath(root / DATABASE))}?mode=ro{_unchanging(root)}"

    def database(self) -> None:
        with closing(sqlite3.connect(self._address, uri=True, isolation_level=None)) as self.raw:
            # A damaged text is no text any more; it is compared all the same.
            self.raw.text_factory = lambda data: data.decode("utf-8", "replace")
            self.raw.execute("PRAGMA trusted_schema = OFF")
            self.raw.execute("BEGIN")
            self._require_this_version()
            for part in (self._pages, self._schema, self._rows):
                self.take(part)
            self.content()

    def _require_this_version(self) -> None:
        """Another version is not damage: this version cannot judge what another one wrote."""
        try:
            there = frozenset(self.ask(sqlite_ddl.ASKED))
            ((version,),) = self.ask(f"SELECT version_num FROM {tables.VERSION_TABLE}")
        except UNREADABLE:
            return  # told below, part by part
        if sqlite_ddl.known(version) and version < tables.SCHEMA_VERSION and there == sqlite_ddl.expected(version):
            raise WorkspaceError(
                f"{self.root} has schema {version}, and what tells its damage came with {tables.SCHEMA_VERSION}",
                hint="bring it up to date first, which keeps a copy: `contexta upgrade`",
            )
        if is_newer(version):
            raise too_new(f"workspace {self.root}", version)

    def ask(self, statement: str) -> Iterator[tuple[Any, ...]]:
        rows = self.raw.cursor().execute(statement)
        while some := rows.fetchmany(10_000):
            yield from some

    def _pages(self) -> None:
        for (words,) in self.ask(f"PRAGMA integrity_check({_MOST_TOLD})"):
            if words != "ok":
                self.say("database", "pages", words)
        for table, row, parent, _ in self.ask("PRAGMA foreign_key_check"):
            self.say("row", f"{table} {row}", f"what it belongs to in {parent} is not there")

    def _schema(self) -> None:
        there = frozenset(self.ask(sqlite_ddl.ASKED))
        for kind, name, _, _ in sorted(there ^ sqlite_ddl.expected(), key=repr)[:_MOST_TOLD]:
            self.say("database", f"{kind} {name}", "its definition is not that of this version")
        version = list(self.ask(f"SELECT version_num FROM {tables.VERSION_TABLE}"))
        if version != [(tables.SCHEMA_VERSION,)]:
            self.say("database", tables.VERSION_TABLE, f"it says {version}, not {tables.SCHEMA_VERSION}")

    def _rows(self) -> None:
        waiting = set(self.ask("SELECT part, number FROM unsealed"))
        if waiting:
            self.notes.append(f"{len(waiting)} rows are not sealed yet and were not compared")
        for part in row_checksums.PARTS:
            try:
                self._rows_of(part, waiting)
            except UNREADABLE as error:
                self.say("database", part, str(error))

    def _rows_of(self, part: str, waiting: set[Any]) -> None:
        ((amount,),) = self.ask(f"SELECT count(*) FROM {part}")
        self.count("rows", amount)
        for number, there, sealed in row_checksums.broken(self.raw, part):
            if (part, number) not in waiting:
                self.broken(part, number, there, sealed, self._runs_of(part, number))

    def _runs_of(self, part: str, number: Any) -> tuple[str, ...]:
        """Whose a row is, as far as that can still be told."""
        try:
            wanted = runs_statement(part, number)
            return () if wanted is None else tuple(str(ref) for (ref,) in self.ask(wanted))
        except UNREADABLE:
            return ()

    def users_of(self, digest: str) -> tuple[str, ...]:
        try:
            with closing(sqlite3.connect(self._address, uri=True)) as raw:
                return tuple(str(ref) for (ref,) in raw.execute(users_statement(digest)))
        except sqlite3.Error:
            return ()
