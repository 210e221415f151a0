"""Check the database of a workspace: its structure, the digests of entities and the checksums of series and records."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from contexta.findings import Damage
from contexta.findings.workspace import DamageKind
from contexta.store.backends.interface import Database
from contexta.store.entities.query_index import current_tags
from contexta.store.integrity import running_checksums
from contexta.store.integrity.canonical_form import (
    ANNOTATION,
    ENTITIES,
    ENVIRONMENT_BODY,
    JOURNAL,
    RUN,
    Entity,
    canonical_forms,
)
from contexta.store.integrity.digests import digest
from contexta.store.lifecycle.needed_objects import NEEDED
from contexta.store.schema import sqlite_ddl, tables
from contexta.store.schema.sort_keys import words_of
from contexta.store.schema.statements import stream
from contexta.store.schema.versions import is_newer, is_older, too_new, unreleased

_ENTITIES_AT_ONCE = 200
UNREADABLE = (sqlite3.Error, DBAPIError, TypeError, ValueError, OverflowError, KeyError)
"""The exceptions that reading a damaged database raises."""


Rows = Iterable[Sequence[Any]]


class Outcome:
    """The progress of a verification: the rows that it checked, and the damage."""

    def __init__(self) -> None:
        self.checked: dict[str, int] = {}
        """Kind of part -> number of checked parts."""
        self.damage: list[Damage] = []
        self.notes: list[str] = []

    def count(self, kind: str, amount: int = 1) -> None:
        self.checked[kind] = self.checked.get(kind, 0) + amount

    def report(self, kind: DamageKind, name: str, detail: str, *runs: str) -> None:
        self.damage.append(Damage(kind=kind, name=name, detail=detail, run_refs=runs))

    def report_unreadable(self, name: str, error: Exception) -> None:
        """Report content that cannot be read. Raises ``error`` again for a busy or unreachable database."""
        if isinstance(error, DBAPIError) and (error.connection_invalidated or not _is_damage(error)):
            raise error
        message = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        self.report("database", name, message.strip().partition("\n")[0])


class DatabaseCheck:
    """The check of one database."""

    def __init__(self, database: Database, outcome: Outcome) -> None:
        self.journals: list[Sequence[Any]] = []
        """(name, ingested bytes, whether it ended, their checksum, run) of every journal."""
        self.needed_objects: list[Sequence[Any]] = []
        """(digest, run) of every object that a row needs."""
        self._database = database
        self._outcome = outcome

    def check(self, connection: Connection) -> None:
        _require_this_version(self._database, connection)
        parts: list[tuple[str, Callable[[], None]]] = [("structure", lambda: self._check_structure(connection))]
        for entity in ENTITIES:
            parts.append((entity.table.name, lambda entity=entity: self._check_entities(connection, entity)))  # type: ignore[misc]  # of a lambda
        parts += [
            ("shared texts", lambda: self._check_shared_texts(connection)),
            ("tags", lambda: self._check_tags(connection)),
            ("points", lambda: self._check_points(connection)),
            ("records", lambda: self._check_records(connection)),
            ("files", lambda: self._list_files(connection)),
        ]
        for name, part in parts:
            try:
                with connection.begin_nested():  # on a server an error ends the transaction, or this part of it
                    part()
            except UNREADABLE as error:
                self._outcome.report_unreadable(name, error)

    def _check_structure(self, connection: Connection) -> None:
        for fault in self._database.faults(connection):
            self._outcome.report(fault.kind, fault.name, fault.detail)

    def _check_entities(self, connection: Connection, entity: Entity) -> None:
        next_rows = (
            f"SELECT id, {entity.name}, content_digest FROM {entity.table.name} WHERE id > {{}}"
            f" ORDER BY id LIMIT {_ENTITIES_AT_ONCE}"
        )
        last, pending = 0, 0
        while some := list(stream(connection, next_rows.format(last))):
            forms = self._forms(connection, entity, [key for key, *_ in some])
            for key, name, stored in some:
                self._outcome.count(entity.plural)
                if stored is None and entity is RUN:
                    pending += 1
                elif key not in forms or digest(forms[key]) != stored:
                    self._report_entity(connection, entity, key, str(name), is_readable=key in forms)
            if some[-1][0] <= last:  # only a damaged table gives these rows, and it would give them for ever
                self._outcome.report("database", entity.table.name, "its rows are not in the order of their keys")
                break
            last = some[-1][0]
        if pending:
            self._outcome.notes.append(f"{pending} runs are being written and have no digest yet: not compared")

    def _forms(self, connection: Connection, entity: Entity, keys: Sequence[int]) -> dict[int, bytes]:
        """The canonical forms of all readable entities. If a batch is damaged, each is read alone."""
        try:
            with connection.begin_nested():
                return canonical_forms(connection, entity, keys[0], keys[-1])
        except UNREADABLE:
            pass
        forms: dict[int, bytes] = {}
        for key in keys:
            try:
                with connection.begin_nested():
                    forms |= canonical_forms(connection, entity, key, key)
            except UNREADABLE:
                pass  # reported as damage of this entity
        return forms

    def _report_entity(self, connection: Connection, entity: Entity, key: int, name: str, *, is_readable: bool) -> None:
        detail = "its content does not match its digest" if is_readable else "it cannot be read"
        if entity is RUN:
            self._outcome.report("run", name, detail, name)
        else:
            self._outcome.report("row", f"{entity.table.name} {name}", detail, *_runs_of(connection, entity, key))

    def _check_shared_texts(self, connection: Connection) -> None:
        for table, runs in (("shared_fact", _RUNS_OF_FACT), ("record_form", _RUNS_OF_FORM)):
            for key, stored, body in stream(connection, f"SELECT id, digest, body FROM {table} ORDER BY id"):
                self._outcome.count("shared texts")
                if _text_digest(body) != stored:
                    refs = [str(ref) for (ref,) in stream(connection, runs.format(int(key)))]
                    self._outcome.report("row", f"{table} {key}", "its content does not match its digest", *refs)

    def _check_tags(self, connection: Connection) -> None:
        """Compare the index of tags with the tags of each run and their changes."""
        indexed: dict[int, dict[str, str]] = {}
        for run_id, name, start in stream(connection, "SELECT run_id, name, words FROM run_tag"):
            indexed.setdefault(run_id, {})[name] = start
        rows = stream(
            connection,
            "SELECT run.id, ref, run.tags, annotation.tags FROM run LEFT JOIN annotation ON run_id = run.id",
        )
        for run_id, ref, recorded, changes in rows:
            tags = current_tags(tables.decode_json(recorded), changes and tables.decode_json(changes))
            if {name: words_of(tag) for name, tag in tags.items()} != indexed.get(run_id, {}):
                self._outcome.report("run", ref, "the index of its tags does not match its tags", ref)

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
                self._outcome.report("points", name, "its points do not match their checksum", *([run] if run else []))
        for run, stage, key, count, _ in series.values():
            if count:
                self._outcome.report(
                    "points", key if stage is None else f"{stage}/{key}", f"{count} points are missing", run
                )

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
                    self._outcome.report("records", f"{run}.{row[2]}", "its content does not match its digest", run)
            is_placed = all(_is_of_series(*triple) for triple in {row[7:10] for row in of_run})
            columns = [row[:6] for row in of_run]
            if not self._matches(columns, running_checksums.RECORDS, count, check, "records") or not is_placed:
                self._outcome.report("records", run, "its records do not match their checksum", run)
        for run, count, _ in runs.values():
            if count:
                self._outcome.report("records", run, f"{count} records are missing", run)

    def _matches(
        self, rows: Sequence[Sequence[Any]], kinds: Any, count: int | None, check: bytes | None, kind: str
    ) -> bool:
        """Whether rows of (owner, number, columns...) match a running checksum."""
        self._outcome.count(kind, len(rows))
        if len(rows) != count or [row[1] for row in rows] != list(range(len(rows))):
            return False
        try:
            return running_checksums.extended(kinds, list(zip(*rows, strict=True))[2:]) == check
        except (TypeError, ValueError, OverflowError):
            return False  # a value has another type

    def _list_files(self, connection: Connection) -> None:
        """Read which files the database refers to; the files are checked outside the transaction."""
        self.journals = list(
            stream(
                connection,
                "SELECT journal.name, position, ended, bytes_check, run.ref FROM journal"
                " LEFT JOIN run ON run.id = run_id ORDER BY journal.id",
            )
        )
        self.needed_objects = list(stream(connection, NEEDED))


def _require_this_version(database: Database, connection: Connection) -> None:
    """Another version is not damage: this Contexta does not know what that version stores."""
    try:
        with connection.begin_nested():
            version = stream(connection, f"SELECT version_num FROM {tables.VERSION_TABLE}")
            ((number,),) = version
            is_changed = not database.is_local or sqlite_ddl.expected_definitions() != {
                tuple(row) for row in connection.exec_driver_sql(sqlite_ddl.DEFINITIONS)
            }
    except UNREADABLE:
        return  # reported by the check of the structure
    if is_newer(number):
        raise too_new(database.name, number)
    if is_older(number) and is_changed:
        raise unreleased(database.name, number)


def _is_damage(error: DBAPIError) -> bool:
    """Whether an error reports unreadable content, not a busy or unreachable database."""
    return not (isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig))


def _is_of_series(form: str | None, metric_key: str | None, slice_ref: str | None) -> bool:
    """Whether a metric record refers to the series that its form describes. form: None for other records."""
    if form is None:
        return metric_key is None
    payload = tables.decode_json(form)["payload"]
    return metric_key == payload["metric_key"] and slice_ref == (payload.get("slice_ref") or "")


def _text_digest(body: object) -> bytes:
    """As ``rows.text_digest``, but also for damaged UTF-8."""
    return sha256(str(body).encode("utf-8", "surrogateescape")).digest()[:16]


_RUNS_OF_FACT = "SELECT ref FROM run WHERE {} IN (command_id, invocation_id, source_id) ORDER BY ref LIMIT 20"
_RUNS_OF_FORM = "SELECT ref FROM run WHERE id IN (SELECT run_id FROM record WHERE form_id = {}) ORDER BY ref LIMIT 20"
_RUNS_OF_ENTITY = {
    ENVIRONMENT_BODY: "SELECT run.ref FROM environment JOIN run ON run.id = run_id"
    " WHERE environment.environment_body_id = {} ORDER BY 1 LIMIT 20",
    ANNOTATION: "SELECT run.ref FROM annotation JOIN run ON run.id = run_id WHERE annotation.id = {}",
    JOURNAL: "SELECT run.ref FROM journal JOIN run ON run.id = run_id WHERE journal.id = {}",
}


def _runs_of(connection: Connection, entity: Entity, key: int) -> tuple[str, ...]:
    """The runs of an entity; none if they cannot be read."""
    if entity not in _RUNS_OF_ENTITY:
        return ()
    try:
        with connection.begin_nested():
            return tuple(str(ref) for (ref,) in stream(connection, _RUNS_OF_ENTITY[entity].format(int(key))))
    except UNREADABLE:
        return ()
