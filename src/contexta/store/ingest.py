"""Taking journals into the database: incrementally, exactly once.

How far a file has been read moves on in the same transaction as the rows that came from it, so a reader that dies
leaves the old state or the new one, and two readers at once wait for each other instead of doing it twice. A last
line without its newline is still being written and waits for the next time. Files of ended runs that are taken in
whole move to ``ended/``, so that looking for news costs by what is live, not by what was ever recorded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from contexta.errors import ContextaError
from contexta.recorder.journal import SUFFIX
from contexta.refs import StableRef
from contexta.scalars import from_microseconds, number
from contexta.store import tables
from contexta.store.engine import Store
from contexta.store.environments import put_captured
from contexta.store.metadata import find_id, insert_missing, upsert
from contexta.store.records import Point, SeriesKey, add_points, encode_number

ENDED = "ended"
_CHUNK = 16 * 1024 * 1024  # bytes taken in by one transaction


def take_in(store: Store) -> None:
    """Bring everything that live runs have said so far into the database. Costs one directory listing when there is
    nothing new. Raises WorkspaceError when the database stays busy."""
    sizes = dict(_journal_sizes(store.journals))
    if not sizes:
        return
    with store.reading() as connection:
        known = _positions(connection, sizes)
    for name, size in sorted(sizes.items()):
        position, ended = known.get(name, (0, False))
        while position < size:
            advanced, ended = _take_chunk(store, name)
            if advanced <= position:
                break
            position = advanced
        if ended and position >= size:
            _set_aside(store.journals / name)


def _journal_sizes(folder: Path) -> Iterator[tuple[str, int]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                    yield entry.name, entry.stat().st_size
    except FileNotFoundError:
        return


def _positions(connection: Connection, sizes: dict[str, int]) -> dict[str, tuple[int, bool]]:
    table = tables.journal
    rows = connection.execute(
        select(table.c.name, table.c.position, table.c.ended).where(table.c.name.in_(sizes)).limit(len(sizes))
    )
    return {row.name: (row.position, row.ended) for row in rows}


def _set_aside(path: Path) -> None:
    try:
        (path.parent / ENDED).mkdir(exist_ok=True)
        path.rename(path.parent / ENDED / path.name)
    except OSError:
        pass  # another reader did it, or it cannot be moved: it is looked at again next time, at the cost of a stat


def _take_chunk(store: Store, name: str) -> tuple[int, bool]:
    """Take in what follows the recorded position, up to a limit, in one transaction. Returns (position, ended)."""
    with store.writing() as connection:
        table = tables.journal
        insert_missing(connection, table, [{"name": name, "run_id": None, "position": 0, "ended": False}])
        row = connection.execute(select(table).where(table.c.name == name)).one()
        data = _read(store.journals / name, row.position)
        if not data:
            return row.position, row.ended
        reading = _Reading(connection, store, name, row.run_id, row.ended)
        for record in _records(data, reading.report):
            reading.take(record)
        reading.finish()
        position = row.position + len(data)
        connection.execute(
            update(table)
            .where(table.c.id == row.id)
            .values(position=position, run_id=reading.run_id, ended=reading.ended)
        )
        return position, reading.ended


def _read(path: Path, position: int) -> bytes:
    """Whole lines from ``position`` on; empty when there is none yet, or the file was set aside meanwhile."""
    try:
        with path.open("rb") as file:
            file.seek(position)
            data = file.read(_CHUNK)
            if data and b"\n" not in data:
                data += file.readline()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def _records(data: bytes, report: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """The records of whole lines; a line that is no record is reported and skipped."""
    lines = data.split(b"\n")[:-1]
    try:
        records = json.loads(b"[" + b",".join(lines) + b"]")  # one call for all: several times faster than one each
        if len(records) != len(lines):
            raise ValueError("a line holds several values")
    except ValueError:
        records = [_parsed(line) for line in lines]
    for line, record in zip(lines, records, strict=True):
        if isinstance(record, dict) and isinstance(record.get("t"), str) and isinstance(record.get("at"), int):
            yield record
        else:
            report(f"a line of the journal is no record and was skipped: {line[:80]!r}")


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


@dataclass
class _Reading:
    """One journal being taken in: what its records do to the database."""

    connection: Connection
    store: Store
    name: str
    run_id: int | None
    ended: bool
    points: dict[SeriesKey, list[Point]] = field(default_factory=dict)
    stages: dict[str, int] = field(default_factory=dict)
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    at: int = 0

    @property
    def run_ref(self) -> StableRef:
        """Journals are named after their run."""
        return StableRef("run", ".".join(self.name[: -len(SUFFIX)].split(".")[:2]))

    def take(self, record: dict[str, Any]) -> None:
        self.at = record["at"]
        if self.run_id is None and record["t"] != "run":
            self.report(f"a {record['t']} record stands before the run's first record and was skipped")
            return
        try:
            if record["t"] == "metric":  # first, as most records are
                self._metric(record)
            else:
                getattr(self, _TAKERS[record["t"]])(record)
        except KeyError as error:
            self.report(f"a {record['t']} record was skipped: it lacks or has an unknown {error}")
        except (ContextaError, TypeError, ValueError) as error:
            words = error.what if isinstance(error, ContextaError) else str(error)
            self.report(f"a {record['t']} record was skipped: {words}")

    def report(self, words: str) -> None:
        self.notes.append((self.at, "journal", f"{self.name}: {words}"))

    def finish(self) -> None:
        """Write what was gathered."""
        add_points(self.connection, self.points)
        if self.run_id is not None and self.notes:
            rows = [
                {"run_id": self.run_id, "noted_at": from_microseconds(at), "topic": topic, "text": words}
                for at, topic, words in self.notes
            ]
            self.connection.execute(insert(tables.note), rows)

    def _run(self, record: dict[str, Any]) -> None:
        ref = StableRef("run", record["run"])
        at = from_microseconds(record["at"])
        project = {
            "ref": ref.project,
            "name": record["project_name"],
            "created_at": at,
            "description": None,
            "tags": {},
        }
        insert_missing(self.connection, tables.project, [project])
        project_id = find_id(self.connection, tables.project, ref.project)
        run = {
            "ref": ref,
            "project_id": project_id,
            "slug": ref.name,
            "name": record["name"],
            "status": "open",
            "started_at": at,
            "ended_at": None,
            "description": None,
            "tags": {},
            "metadata": {},
        }
        insert_missing(self.connection, tables.run, [run])
        self.run_id = find_id(self.connection, tables.run, ref)

    def _environment(self, record: dict[str, Any]) -> None:
        ref = self.run_ref.child("environment", record["name"])
        put_captured(self.connection, self.store.objects, ref, from_microseconds(record["at"]), record["digest"])

    def _stage(self, record: dict[str, Any]) -> None:
        row = {
            "ref": self.run_ref.child("stage", record["stage"]),
            "run_id": self.run_id,
            "stage_name": record["name"],
            "status": "open",
            "started_at": from_microseconds(record["at"]),
            "ended_at": None,
            "order_index": record["order"],
        }
        insert_missing(self.connection, tables.stage, [row])

    def _stage_end(self, record: dict[str, Any]) -> None:
        stage_id = self._stage_id(record["stage"])
        self.connection.execute(
            update(tables.stage)
            .where(tables.stage.c.id == stage_id)
            .values(status=record["status"], ended_at=from_microseconds(record["at"]))
        )

    def _stage_id(self, component: str) -> int:
        known = self.stages.get(component)
        if known is None:
            known = find_id(self.connection, tables.stage, self.run_ref.child("stage", component))
            if known is None:
                raise ValueError(f"stage {component} was never begun")
            self.stages[component] = known
        return known

    def _metric(self, record: dict[str, Any]) -> None:
        stage = record.get("g")
        assert self.run_id is not None  # take() has seen to it
        key = (self.run_id, None if stage is None else self._stage_id(stage), record["k"], "")
        given = record["x"]
        plain = type(given) is float and given == given and given != 0  # what encode_number leaves as it is
        value, exact = (given, None) if plain else encode_number(number(given))
        self.points.setdefault(key, []).append(Point(record.get("i"), record["at"], value, exact))

    def _param(self, record: dict[str, Any]) -> None:
        row = {"run_id": self.run_id, "name": record["k"], "value": record["x"]}
        upsert(self.connection, tables.param, [row], ("run_id", "name"))

    def _tag(self, record: dict[str, Any]) -> None:
        self._change_run("tags", record["k"], record["x"])

    def _note(self, record: dict[str, Any]) -> None:
        self.notes.append((record["at"], record["topic"], record["text"]))

    def _end(self, record: dict[str, Any]) -> None:
        run = tables.run
        if "failure" in record:
            self._change_run("metadata", "failure", record["failure"])
        self.connection.execute(
            update(run)
            .where(run.c.id == self.run_id)
            .values(status=record["status"], ended_at=from_microseconds(record["at"]))
        )
        stage = tables.stage
        self.connection.execute(  # a stage left open ends with its run
            update(stage)
            .where(stage.c.run_id == self.run_id, stage.c.status == "open")
            .values(status=record["status"], ended_at=from_microseconds(record["at"]))
        )
        self.ended = True

    def _change_run(self, column: str, key: str, value: Any) -> None:
        run = tables.run
        before = self.connection.execute(select(run.c[column]).where(run.c.id == self.run_id)).scalar_one()
        self.connection.execute(update(run).where(run.c.id == self.run_id).values({column: {**before, key: value}}))


_TAKERS = {
    "run": "_run",
    "environment": "_environment",
    "stage": "_stage",
    "stage-end": "_stage_end",
    "metric": "_metric",
    "param": "_param",
    "tag": "_tag",
    "note": "_note",
    "end": "_end",
}
