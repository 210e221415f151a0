"""Delete unneeded data: old runs, unreferenced objects, ingested journals, files of dead processes.

Journals that are not ingested stay, and so does everything that is younger than a day: an object is written before the
row that needs it. The reference of a deleted run stays taken: the first journal of each run stays as an empty file.

On a server the runs and the shared objects belong to the team. Of the files on machines, `gc` deletes only those of
this machine. It deletes no trials of studies; of their files only those of dead processes.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, update

from contexta.core.errors import DamagedData, InvalidInput, NotFound
from contexta.core.references import StableRef
from contexta.core.settings import ENDED, OBJECTS
from contexta.findings import Cleanup
from contexta.recorder.journal.objects import Objects, open_plain
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.backends.engine import Store
from contexta.store.entities import shared_facts
from contexta.store.ingest.ingest import is_first
from contexta.store.lifecycle.run_removal import Selection, choose, remove_runs
from contexta.store.lifecycle.workspace_files import kind_of, stored_digests, workspace_files
from contexta.store.schema import tables

FRESH = 24 * 3600.0  # seconds for which a file counts as needed
_HEX = re.compile(rb"[0-9a-f]{64}")
_AT_ONCE = 200
_WITHOUT_OWNER = frozenset(  # tables that name no objects, and tables whose rows many runs share
    {
        *("metric_point", "environment_distribution"),
        *("environment_body", "environment_end", "shared_fact"),
    }
)
_TRASH = ".trash-"


def gc(store: Store, selection: Selection, *, dry_run: bool) -> Cleanup:
    """Delete, or with ``dry_run`` only list. The caller has just ingested all journals.

    Raises WorkspaceError during a backup.
    """
    with store.alone():
        _return_trash(store)
        waiting = _waiting(store)  # before the rows are read: a journal that is ingested meanwhile is in one of them
        with store.reading() as connection:
            runs, kept_runs = choose(connection, selection)
            journals = _journals(connection, store, set(runs))
            used, _ = _used(connection, set(runs))
        objects = list(_unreferenced(store, used, waiting))
        leftovers = list(_leftovers(store))
        size = sum(_size(path) for path in [*journals.values(), *objects, *leftovers])
        if not dry_run:
            remove_runs(store, list(runs))
            _empty_journals(store, journals)
            for path in objects:
                _discard(path)
            for path in leftovers:
                path.unlink(missing_ok=True)
    return Cleanup(
        dry_run=dry_run,
        runs=tuple(StableRef.parse(ref) for ref in runs.values()),
        objects=len(objects),
        journals=len(journals),
        leftovers=len(leftovers),
        size_bytes=size,
        kept=tuple(kept_runs),
    )


def delete_runs(store: Store, keys: Sequence[int], *, force: bool, dry_run: bool) -> Cleanup:
    """Delete runs with their journals and the objects that only they need, or with ``dry_run`` only list.

    Runs that must stay are in ``kept``; then nothing is deleted. Raises WorkspaceError during a backup.
    """
    with store.alone():
        waiting = _waiting(store)
        with store.reading() as connection:
            runs, kept_runs = choose(connection, Selection(keys=keys, force=force))
            journals = _journals(connection, store, set(runs), of_others=False)
            used, only_removed = _used(connection, set(runs))
        paths = [
            Path(directory.path(digest))
            for directory in store.object_directories
            for digest in sorted(only_removed - used - waiting)
            if directory.exists(digest)
        ]
        objects = [path for path in paths if _is_old(path)]
        size = sum(_size(path) for path in [*journals.values(), *objects])
        if not dry_run and not kept_runs:
            remove_runs(store, list(runs))
            _empty_journals(store, journals)
            for path in objects:
                _discard(path)
    return Cleanup(
        dry_run=dry_run,
        runs=tuple(StableRef.parse(ref) for ref in runs.values()),
        objects=len(objects),
        journals=len(journals),
        size_bytes=size,
        young_bytes=sum(map(_size, set(paths) - set(objects))),
        kept=tuple(kept_runs),
    )


# ---------------------------------------------------------------------------------------------- journals


def _journals(connection: Connection, store: Store, removed: set[int], *, of_others: bool = True) -> dict[int, Path]:
    """Key -> file of the completely ingested journals of this machine that have ended.

    of_others: whether to include those of runs that are not removed.
    """
    journal, run, ended = tables.journal, tables.run, store.journals / ENDED
    rows = connection.execute(
        select(journal.c.id, journal.c.name, journal.c.position, journal.c.run_id, run.c.status)
        .join(run, run.c.id == journal.c.run_id)
        .where(journal.c.ended)
    )
    by_name = {row.name: row for row in rows}
    journals = {}
    # From the directory to the rows: a name in a database that came from elsewhere is no path.
    for path in sorted(ended.glob(f"*{SUFFIX}")):
        row = by_name.get(store.origin + path.name)
        if row is None or path.is_symlink():
            continue
        if row.run_id not in removed and (row.status == "open" or not of_others):
            continue
        if 0 < _size(path) <= row.position:
            journals[row.id] = path
    return journals


def _empty_journals(store: Store, journals: dict[int, Path]) -> None:
    """Delete journals, after changing their rows. The first one of a run stays, empty, to reserve its reference."""
    keys = list(journals)
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        with store.writing() as connection:
            connection.execute(update(tables.journal).where(tables.journal.c.id.in_(some)).values(bytes_check=None))
        for key in some:
            if is_first(journals[key].name):
                os.truncate(journals[key], 0)
            else:
                journals[key].unlink(missing_ok=True)


# ---------------------------------------------------------------------------------------------- objects


def _unreferenced(store: Store, used: set[str], waiting: set[str]) -> Iterator[Path]:
    """The objects without a reference, and this machine's copies of shared objects; none that is younger than a day."""
    for directory in store.object_directories:
        for digest in stored_digests(Path(directory.root)):
            path = Path(directory.path(digest))
            if digest in waiting or not _is_old(path):
                continue
            if digest not in used or (directory is not store.objects and _is_whole(store.objects, digest)):
                yield path


def _is_whole(objects: Objects, digest: str) -> bool:
    try:
        objects.check(digest)
    except (NotFound, DamagedData, OSError):  # then the other one is needed
        return False
    return True


def _used(connection: Connection, removed: set[int]) -> tuple[set[str], set[str]]:
    """The digests in rows of runs that stay, and of removed runs. Any text that looks like a digest counts."""
    used: set[str] = set()
    of_removed: set[str] = set()
    for table in tables.metadata.sorted_tables:
        if table.name in _WITHOUT_OWNER:
            continue
        rows = connection.exec_driver_sql(f"SELECT * FROM {table.name}", execution_options={"yield_per": 10_000})
        owner = "id" if table is tables.run else "run_id"
        for row in rows.mappings():
            digests = of_removed if row.get(owner) in removed else used
            for value in row.values():
                if isinstance(value, str) and len(value) >= 64:
                    digests.update(_digests_in(value.encode("utf-8", "replace")))
    environment, body, run = tables.environment, tables.environment_body, tables.run
    of_snapshots = select(body.c.digest, environment.c.run_id).join_from(environment, body)
    of_runs = select(body.c.digest, run.c.id.label("run_id")).join(run, run.c.environment_body_id == body.c.id)
    end, fact = tables.environment_end, tables.shared_fact
    of_ends = select(end.c.digest, environment.c.run_id).join(environment, environment.c.end_id == end.c.id)
    for statement in (of_snapshots, of_runs, of_ends):
        for digest, run_id in connection.execute(statement):
            (of_removed if run_id in removed else used).add(digest)
    keys_of_runs = connection.execute(select(run.c.id, *(run.c[key] for key in shared_facts.IDS)))
    kept_facts = {key for run_id, *keys in keys_of_runs if run_id not in removed for key in keys}
    for key, body_text in connection.execute(select(fact.c.id, fact.c.body)):
        (used if key in kept_facts else of_removed).update(_digests_in(body_text.encode("utf-8", "replace")))
    return used, of_removed


def _waiting(store: Store) -> set[str]:
    """The digests in journals that are not ingested yet."""
    waiting: set[str] = set()
    for path in store.journals.glob(f"*{SUFFIX}"):
        try:
            with open_plain(os.fspath(path)) as file:
                waiting.update(_digests_in(file.read()))
        except (FileNotFoundError, InvalidInput):
            pass  # ingested meanwhile, so that rows name its objects; or no regular file
    return waiting


def _digests_in(data: bytes) -> set[str]:
    return {digest.decode() for digest in _HEX.findall(data)}


def _discard(path: Path) -> None:
    """Delete an object, unless a process stores it again at this moment, which makes it new."""
    trash = path.parent.parent / f"{_TRASH}{path.parent.name}{path.name}"
    try:
        path.rename(trash)
    except FileNotFoundError:
        return
    if _is_old(trash):
        trash.unlink()
    else:
        _put_back(trash, path)


def _return_trash(store: Store) -> None:
    """Put back the objects that a killed `gc` was deleting. This one decides about them again."""
    for root in (Path(directory.root) for directory in store.object_directories):
        for trash in root.glob(f"{_TRASH}*"):
            digest = trash.name.removeprefix(_TRASH)
            _put_back(trash, root / digest[:2] / digest[2:])


def _put_back(trash: Path, path: Path) -> None:
    if path.exists():
        trash.unlink()
    else:
        trash.rename(path)


# ---------------------------------------------------------------------------------------------- leftovers


def _leftovers(store: Store) -> Iterator[Path]:
    """Temporary files of dead processes, and claims of runs whose `contexta run` was killed."""
    paths = [store.root / name for name, kind in workspace_files(store.root) if kind is not None and kind.is_leftover]
    for directory in map(Path, {directory.root for directory in store.object_directories}):
        if not directory.is_relative_to(store.root) and directory.is_dir():  # shared with the team
            for path in directory.iterdir():
                kind = kind_of(f"{OBJECTS}/{path.name}")
                if kind is not None and kind.is_leftover:
                    paths.append(path)
    yield from (path for path in paths if path.is_file() and _is_old(path))


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > FRESH
    except FileNotFoundError:
        return False


def _size(path: Any) -> int:
    try:
        return int(path.lstat().st_size)
    except FileNotFoundError:
        return 0
