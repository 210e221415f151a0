"""Ingest journals into the database: incrementally, each line exactly once.

The position in a file is stored in the same transaction as the rows of its lines. So a process that dies leaves the old
state or the new one, and a second process waits instead of ingesting the same lines. A last line without a newline is
still being written, and waits. Complete files move to ``ended/`` when they are ingested, so looking for new lines costs
in proportion to the live runs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from contexta.core.settings import ENDED
from contexta.core.validation import from_microseconds
from contexta.recorder.journal.processes import alive
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.backends.engine import Store
from contexta.store.backends.outbox import deliver_objects
from contexta.store.entities.environments import choose_own
from contexta.store.integrity.canonical_form import JOURNAL, RUN
from contexta.store.integrity.digests import after_change, before_change
from contexta.store.schema import sql, tables
from contexta.store.schema.rows import insert_missing
from contexta.store.schema.statements import no_garbage_collection

if TYPE_CHECKING:
    from sqlalchemy import Connection

STALE = 600.0  # seconds without a heartbeat after which a process on another machine counts as dead
_CHUNK = 8 * 1024 * 1024  # bytes that one transaction ingests
_LACKS_LAST_FACTS = (
    "process {} was killed or called os._exit: its last imports and native libraries may be missing; "
    "GPUs and the commits of editable installs are unknown"
)


class _File(NamedTuple):
    """A journal as the directory lists it."""

    size: int
    changed: float  # seconds since 1970


def ingest_journals(store: Store) -> None:
    """Ingest the new lines of all journals. Costs one directory listing if there are none. Raises WorkspaceError when
    the database stays busy."""
    store.store_digests()
    files = _listed(store.journals)
    if not files:
        return
    with store.reading() as connection:
        ingested = positions(connection, files, store.origin)
    open_runs: dict[str, list[str]] = {}
    for name in sorted(files, key=lambda name: (not is_first(name), name)):
        if not _ingest_file(store, name, files[name].size, *ingested.get(name, (0, False))):
            open_runs.setdefault(run_of(name), []).append(name)
    for run, names in open_runs.items():
        _settle_dead_writers(store, run, names, files)


def run_of(name: str) -> str:
    """``project.run`` from the file name of a journal."""
    return ".".join(name[: -len(SUFFIX)].split(".")[:2])


def is_first(name: str) -> bool:
    """Whether a file is the first journal of its run."""
    return name == run_of(name) + SUFFIX


def _listed(folder: Path) -> dict[str, _File]:
    files = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                    stat = entry.stat()
                    files[entry.name] = _File(stat.st_size, stat.st_mtime)
    except FileNotFoundError:
        pass  # no journals yet, or another reader has just moved one: the next query finds it
    return files


def positions(connection: Connection, files: Iterable[str], origin: str) -> dict[str, tuple[int, bool]]:
    """Journal -> (number of ingested bytes, whether the journal is complete), for the journals in the database."""
    table = tables.journal
    names, positions_by_name = [origin + name for name in files], {}
    for start in range(0, len(names), 1_000):
        some = names[start : start + 1_000]
        rows = connection.execute(
            sql.select(table.c.name, table.c.position, table.c.ended).where(table.c.name.in_(some))
        )
        positions_by_name.update({row.name[len(origin) :]: (row.position, row.ended) for row in rows})
    return positions_by_name


def _ingest_file(store: Store, name: str, size: int, position: int = 0, ended: bool = False) -> bool:
    """Ingest the new lines of one file. Returns whether the file is complete; then it is moved to ``ended/``."""
    while position < size:
        advanced, ended = _ingest_chunk(store, name)
        if advanced <= position:
            break
        position = advanced
    if ended:
        _set_aside(store.journals / name)
    return ended


def _set_aside(path: Path) -> None:
    target = path.parent / ENDED / path.name
    try:
        target.parent.mkdir(exist_ok=True)
        if not target.exists():  # else another process is just reserving this reference
            path.rename(target)
    except OSError:
        pass  # another reader moved it, or it cannot be moved: the next query reads its size again


def _ingest_chunk(store: Store, name: str) -> tuple[int, bool]:
    """Ingest the lines after the recorded position, up to a limit, in one transaction. Returns (position, ended)."""
    from contexta.store.ingest.apply import Reading  # takes 10 ms, which a query without new lines saves

    table = tables.journal
    with store.writing() as connection, no_garbage_collection():
        row = _row(connection, store.origin + name)
        data = _read(store.journals / name, row.position)
        if not data or (
            row.run_id is None and not is_first(name) and _run_id(connection, store.origin + run_of(name)) is None
        ):
            return row.position, row.ended  # other processes of a run wait for its first record
        run_id = _run_id(connection, store.origin + run_of(name))
        before_change(connection, JOURNAL, row.id)
        before_change(connection, RUN, run_id)
        reading = Reading(connection, store, row, run_id)
        deliver_objects(store.objects, data)
        reading.take(data)
        position = row.position + len(data)
        values = reading.finish()
        values |= {"position": position, "bytes_check": _check(row, data)}
        connection.execute(sql.update(table).where(table.c.id == row.id).values(values))
        if not is_first(name) and (values["points"] or values["environment_id"]):
            choose_own(connection, values["run_id"])
        after_change(connection, JOURNAL, row.id)
        after_change(connection, RUN, values["run_id"])
        return position, reading.ended


def _row(connection: Connection, name: str) -> Any:
    table = tables.journal
    statement = sql.select(table).where(table.c.name == name)
    row = connection.execute(statement).first()
    if row is None:
        new: dict[str, Any] = {"name": name, "run_id": None, "position": 0, "ended": False, "process": {}, "points": 0}
        insert_missing(connection, table, [new])
        row = connection.execute(statement).one()
        after_change(connection, JOURNAL, row.id)
    return row


def _run_id(connection: Connection, run: str) -> int | None:
    """The key of the run whose first journal has that name. Another machine may have a run with the same reference."""
    table = tables.journal
    run_id: int | None = connection.execute(sql.select(table.c.run_id).where(table.c.name == run + SUFFIX)).scalar()
    return run_id


def _check(row: Any, data: bytes) -> int | None:
    """The checksum of a journal up to the end of ``data``; None if the checksum of the earlier bytes is unknown."""
    return None if row.bytes_check is None and row.position else crc32(data, row.bytes_check or 0)


def _bytes(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def _read(path: Path, position: int) -> bytes:
    """The complete lines from ``position`` on; empty if there are none, or the file was moved meanwhile."""
    try:
        with path.open("rb") as file:
            file.seek(position)
            data = file.read(_CHUNK)
            if data and b"\n" not in data:
                data += file.readline()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


# ---------------------------------------------------------------------------------------------- dead processes


def _settle_dead_writers(store: Store, run: str, names: list[str], files: dict[str, _File]) -> None:
    """Detect which processes of a run have died. If all have, and none recorded the end of the run, it crashed."""
    with store.reading() as connection:
        rows = _processes(connection, names, store.origin)
    now = time.time()
    dead = {name: _is_dead(rows.get(name), now - files[name].changed) for name in names}
    if not any(dead.values()):
        return
    # Check the processes first and read their files afterwards. So no line is missed that a process wrote just before
    # its end.
    for name in [name for name in names if dead[name]]:
        size = _size(store.journals / name)
        if size is None or _ingest_file(store, name, size):  # None: another reader has moved it
            names.remove(name)
    if all(dead[name] for name in names):
        _end_journals(store, run, names, [name for name in names if dead[name] == "certain"])
    else:
        _end_journals(store, run, [], [name for name in names if dead[name] == "certain" and not is_first(name)])


def _processes(connection: Connection, names: list[str], origin: str) -> dict[str, dict[str, Any]]:
    table = tables.journal
    rows = connection.execute(
        sql.select(table.c.name, table.c.process).where(table.c.name.in_([origin + name for name in names[:10_000]]))
    )
    return {row.name[len(origin) :]: row.process for row in rows}


def _is_dead(process: dict[str, Any] | None, silent: float) -> str:
    """``certain``; ``likely`` if it is only silent for a long time; empty if it is or may be alive."""
    lives = alive(process) if process else None
    if lives is None:
        return "likely" if silent > STALE else ""
    return "" if lives else "certain"


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _end_journals(store: Store, run: str, crashed: list[str], finished: list[str]) -> None:
    """End a run whose processes have all died, and complete journals. crashed: the open files of that run. finished:
    the files that no process can write again. A later record opens the run again if the death was only likely."""
    table = tables.journal
    with store.writing() as connection:
        run_id = _run_id(connection, store.origin + run)
        before_change(connection, RUN, run_id)
        for name in finished:
            row = _row(connection, store.origin + name)
            size = _size(store.journals / name)
            if size is None or row.ended:
                continue  # another reader was first
            if row.run_id is not None and size > row.position:
                pid = row.process.get("pid", "unknown")
                words = f"{name}: its last line was cut short when process {pid} died, and skipped"
                _note(connection, row, "journal", words)
            if not is_first(name) and _lacks_last_facts(connection, row):
                _note(connection, row, "process", _LACKS_LAST_FACTS.format(row.process.get("pid", "unknown")))
            before_change(connection, JOURNAL, row.id)
            check = _check(row, _bytes(store.journals / name, row.position, size))
            connection.execute(
                sql.update(table).where(table.c.id == row.id).values(ended=True, position=size, bytes_check=check)
            )
            after_change(connection, JOURNAL, row.id)
        if crashed and run_id is not None:
            from contexta.store.ingest.run_end import end_run  # slow to import, as above

            last = connection.execute(sql.select(table.c.last_at).where(table.c.run_id == run_id)).scalars()
            end_run(connection, run_id, "crashed", max(at for at in last if at is not None))
        after_change(connection, RUN, run_id)
    for name in finished:
        _set_aside(store.journals / name)


def _lacks_last_facts(connection: Connection, row: Any) -> bool:
    """Whether a dead process did not record the facts that are collected at its end. A process that became another
    program by ``exec`` lacks nothing: the other program has a journal of its own."""
    if row.run_id is None or row.environment_id is None:
        return False
    table = tables.journal
    others = sql.select(table.c.process).where(table.c.run_id == row.run_id, table.c.id != row.id)
    return all(other.get("pid") != row.process.get("pid") for other in connection.execute(others).scalars())


def _note(connection: Connection, row: Any, topic: str, words: str) -> None:
    at = from_microseconds(row.last_at)
    connection.execute(sql.insert(tables.note), {"run_id": row.run_id, "noted_at": at, "topic": topic, "text": words})


def bytes_waiting(store: Store) -> int:
    """The bytes of the journals that are not ingested yet, such as lines that are still being written."""
    files = _listed(store.journals)
    with store.reading() as connection:
        ingested = positions(connection, files, store.origin)
    return sum(max(0, file.size - ingested.get(name, (0, False))[0]) for name, file in files.items())
