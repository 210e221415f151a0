"""Whether everything in a workspace reads back as it was written, and if not, what does not.

Nothing is opened through the rest of the store, and nothing is written: what is damaged may be what it would trip over.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zlib import crc32

from contexta.errors import DamagedData, NotFound, WorkspaceError
from contexta.findings import Damage, Verification
from contexta.recorder.objects import Objects
from contexta.recorder.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.store import checks, seals, tables
from contexta.store.shelves import NEEDED, stored_digests

_MOST_TOLD = 100
_CHUNK = 1024 * 1024
_UNREADABLE = (sqlite3.Error, TypeError, ValueError, OverflowError)


def verify(root: Path) -> Verification:
    """Read everything. Costs about a second for each 50 MB. Raises WorkspaceError when there is no workspace."""
    if not (root / DATABASE).exists():
        raise WorkspaceError(f"there is no workspace at {root}", hint="name another place with --workspace")
    found = _Verifying(root)
    found.take(found.database)
    found.take(found.objects)
    return Verification(checked=found.checked, damage=tuple(found.damage), notes=tuple(found.notes))


@cache
def _expected_schema() -> frozenset[tuple[Any, ...]]:
    """The schema as the migrations make it, in SQLite's own words."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    from contexta.store.migrate import upgrade

    engine = create_engine("sqlite://", poolclass=StaticPool)
    upgrade(engine)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(_SCHEMA).all()
    engine.dispose()
    return frozenset(tuple(row) for row in rows)


_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%'"


class _Verifying:
    """One look at one workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = Objects(root / OBJECTS)
        self.checked: dict[str, int] = {}
        self.damage: list[Damage] = []
        self.notes: list[str] = []

    def take(self, part: Callable[[], None]) -> None:
        try:
            part()
        except _UNREADABLE as error:
            self._say("database", part.__name__.strip("_"), str(error))

    def _say(self, kind: Any, name: str, detail: str, *runs: str) -> None:
        self.damage.append(Damage(kind=kind, name=name, detail=detail, run_refs=runs))

    # ------------------------------------------------------------------------------------------ the database

    def database(self) -> None:
        address = f"file:{quote(os.fspath(self.root / DATABASE))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as self.raw:
            # A damaged text is no text any more; it is compared all the same.
            self.raw.text_factory = lambda data: data.decode("utf-8", "replace")
            self.raw.execute("PRAGMA trusted_schema = OFF")
            self.raw.execute("BEGIN")
            for part in (self._pages, self._schema, self._rows, self._points, self._records, self._journals):
                self.take(part)
            self.take(self._references)

    def _pages(self) -> None:
        for (words,) in self.raw.execute(f"PRAGMA integrity_check({_MOST_TOLD})"):
            if words != "ok":
                self._say("database", "pages", words)
        for table, row, parent, _ in self.raw.execute("PRAGMA foreign_key_check"):
            self._say("row", f"{table} {row}", f"what it belongs to in {parent} is not there")

    def _schema(self) -> None:
        there = frozenset(self.raw.execute(_SCHEMA))
        for kind, name, _, _ in sorted(there ^ _expected_schema(), key=repr)[:_MOST_TOLD]:
            self._say("database", f"{kind} {name}", "its definition is not that of this version")
        version = self.raw.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchall()
        if version != [(tables.SCHEMA_VERSION,)]:
            self._say("database", tables.VERSION_TABLE, f"it says {version}, not {tables.SCHEMA_VERSION}")

    def _rows(self) -> None:
        waiting = set(self.raw.execute("SELECT part, number FROM unsealed"))
        if waiting:
            self.notes.append(f"{len(waiting)} rows are not sealed yet and were not compared")
        for part in seals.PARTS:
            try:
                self._rows_of(part, waiting)
            except _UNREADABLE as error:
                self._say("database", part, str(error))

    def _rows_of(self, part: str, waiting: set[Any]) -> None:
        known = dict(self.raw.execute("SELECT number, digest FROM seal WHERE part = ?", (part,)))
        for number, digest in seals.digests(self.raw, part):
            self._count("rows")
            sealed = known.pop(number, None)
            if sealed != digest and (part, number) not in waiting:
                words = "it is not what was written" if sealed is not None else "nobody wrote it"
                self._say("row", f"{part} {number}", words, *self._runs_of(part, number))
        for number in known:
            if (part, number) not in waiting:
                self._say("row", f"{part} {number}", "it is missing", *self._runs_of(part, number))

    def _runs_of(self, part: str, number: Any) -> tuple[str, ...]:
        """Whose a row is, as far as that can still be told."""
        table = tables.metadata.tables[part]
        if part == "run":
            wanted = "SELECT ref FROM run WHERE id = ?"
        elif "run_id" in table.c:
            wanted = f"SELECT ref FROM run WHERE id IN (SELECT run_id FROM {part} WHERE {seals.PARTS[part]} = ?)"
        elif part in ("environment_body", "environment_distribution"):
            wanted = (
                "SELECT run.ref FROM environment JOIN run ON run.id = run_id WHERE environment.environment_body_id = ?"
            )
        else:
            return ()
        try:
            return tuple(str(ref) for (ref,) in self.raw.execute(f"{wanted} LIMIT 20", (number,)))
        except sqlite3.Error:
            return ()

    def _count(self, what: str, amount: int = 1) -> None:
        self.checked[what] = self.checked.get(what, 0) + amount

    def _points(self) -> None:
        rows = self.raw.execute(
            "SELECT series_id, number, step, observed_at, value, exact FROM metric_point ORDER BY series_id, number"
        )
        series = self.raw.cursor().execute(
            "SELECT metric_series.id, run.ref, stage_name, metric_key, points, points_check FROM metric_series"
            " JOIN run ON run.id = metric_series.run_id LEFT JOIN stage ON stage.id = stage_id"
        )
        known = {row[0]: row[1:] for row in series.fetchall()}
        for series_id, points in groupby(_joined(rows), itemgetter(0)):
            run, stage, key, count, check = known.pop(series_id, ("", None, f"series {series_id}", None, None))
            name = key if stage is None else f"{stage}/{key}"
            if not self._same(list(points), checks.POINTS, count, check, "points"):
                self._say("points", name, "its points are not those that were written", *([run] if run else []))
        for run, stage, key, count, _ in known.values():
            if count:
                self._say("points", key if stage is None else f"{stage}/{key}", f"{count} points are missing", run)

    def _records(self) -> None:
        rows = self.raw.execute(
            "SELECT run_id, number, name, form_id, series_id, point, recorded_at, digest, body FROM record"
            " ORDER BY run_id, number"
        )
        known = {row[0]: row[1:] for row in self.raw.execute("SELECT id, ref, records, records_check FROM run")}
        for run_id, records in groupby(_joined(rows), itemgetter(0)):
            run, count, check = known.pop(run_id, (f"run {run_id}", None, None))
            mine = list(records)
            self._bodies(mine, run)
            if not self._same([row[:8] for row in mine], checks.RECORDS, count, check, "records"):
                self._say("records", run, "its records are not those that were appended", run)
        for run, count, _ in known.values():
            if count:
                self._say("records", run, f"{count} records are missing", run)

    def _bodies(self, rows: list[tuple[Any, ...]], run: str) -> None:
        from hashlib import sha256

        for row in rows:
            if row[8] is not None and sha256(str(row[8]).encode()).digest()[:16] != row[7]:
                self._say("records", f"{run}.{row[2]}", "its content is not what was appended", run)

    def _same(self, rows: list[tuple[Any, ...]], kinds: Any, count: int | None, check: bytes | None, what: str) -> bool:
        """Whether rows of (owner, number, columns...) are those that a running check was made of."""
        self._count(what, len(rows))
        if len(rows) != count or [row[1] for row in rows] != list(range(len(rows))):
            return False
        try:
            return checks.extended(kinds, list(zip(*rows, strict=True))[2:]) == check
        except _UNREADABLE:
            return False  # a number that is none any more

    # ------------------------------------------------------------------------------------------ files

    def _journals(self) -> None:
        folder = self.root / JOURNALS
        rows = self.raw.execute(
            "SELECT journal.name, position, ended, bytes_check, run.ref FROM journal LEFT JOIN run ON run.id = run_id"
            " ORDER BY journal.id"
        )
        for name, position, ended, check, run in rows.fetchall():
            path = next((path for path in (folder / name, folder / ENDED / name) if path.is_file()), None)
            whose = [run] if run else []
            if check is None:
                continue  # removed by gc, or taken in before checks were kept
            self._count("journals")
            if path is None:
                self._say("journal", name, "it is missing", *whose)
            elif _check_of(path, position, whole=bool(ended)) != check:
                self._say("journal", name, "what was taken in of it does not read as it did then", *whose)

    def _references(self) -> None:
        """Every object that a row needs is there."""
        rows = self.raw.execute(NEEDED)
        for digest, owners in groupby(rows.fetchall(), itemgetter(0)):
            runs = [str(run) for _, run in owners]
            try:
                missing = not self.store.exists(str(digest))
            except NotFound:
                continue  # a digest that is none is a damaged row, which has been told
            if missing:
                self._say("object", str(digest), "it is missing", *dict.fromkeys(runs))

    def objects(self) -> None:
        for digest in stored_digests(Path(self.store.root)):
            self._count("objects")
            try:
                self.store.check(digest)
            except (DamagedData, OSError) as error:
                words = error.what if isinstance(error, DamagedData) else f"it cannot be read: {error.strerror}"
                self._say("object", digest, words, *self._users_of(digest))

    def _users_of(self, digest: str) -> tuple[str, ...]:
        wanted = (
            "SELECT DISTINCT run.ref FROM run LEFT JOIN environment ON environment.run_id = run.id LEFT JOIN"
            " environment_body ON environment_body.id = environment.environment_body_id"
            " LEFT JOIN artifact ON artifact.run_id = run.id AND location_ref = 'object:' || ?1"
            " WHERE ?1 IN (environment_body.digest, end_digest) OR instr(run.metadata, ?1) OR location_ref NOTNULL"
            " LIMIT 20"
        )
        address = f"file:{quote(os.fspath(self.root / DATABASE))}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True)) as raw:
                return tuple(str(ref) for (ref,) in raw.execute(wanted, (digest,)))
        except sqlite3.Error:
            return ()


def _joined(rows: sqlite3.Cursor) -> Iterator[tuple[Any, ...]]:
    while some := rows.fetchmany(10_000):
        yield from some


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
