"""Whether a workspace can be relied on where it lies, and what would make it so."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from contexta.core.settings import DATABASE, JOURNALS, OBJECTS
from contexta.findings import Check
from contexta.store.backends.file_systems import is_network, kind_of
from contexta.store.schema import tables

_LITTLE = 1_000_000_000  # bytes
DRIFT = 60.0  # seconds


def checks(root: Path) -> Iterator[Check]:
    """Costs some milliseconds, and one small file that is written and removed. Changes nothing."""
    yield database_library(sqlite3.sqlite_version_info[:3])
    place = nearest(root)
    yield file_system(kind_of(place), place)
    yield space(place)
    yield _permissions(root)
    yield _clock(root, place)
    yield _database(root)


def nearest(path: Path) -> Path:
    """The path itself, or what it would be made in."""
    return next(each for each in (path, *path.parents) if each.exists())


def database_library(version: tuple[int, ...]) -> Check:
    """SQLite before 3.51.3 may damage a database in WAL mode when two processes write and checkpoint in the very same
    moment; 3.50.7 and 3.44.6 have the correction as well. Source: sqlite.org/wal.html, "the WAL-reset bug"."""
    words = ".".join(map(str, version))
    corrected = version >= (3, 51, 3) or (version[:2] == (3, 50) and version >= (3, 50, 7))
    if corrected or (version[:2] == (3, 44) and version >= (3, 44, 6)):
        return Check(name="sqlite", status="pass", detail=f"SQLite {words}")
    return Check(
        name="sqlite",
        status="warn",
        detail=f"SQLite {words} has a rare fault: two processes that write and checkpoint a database at the very same "
        "moment may damage it",
        fix="use a Python whose sqlite3 is 3.51.3 or newer, and back up before that: `contexta backup FILE`",
    )


def file_system(kind: str | None, place: Path) -> Check:
    if kind is None:
        return Check(name="file system", status="unknown", detail=f"the system does not tell what {place} lies on")
    if is_network(kind):
        return Check(
            name="file system",
            status="warn",
            detail=f"{place} lies on {kind}, which machines share: the database is used without its write-ahead log, "
            "and is only as reliable as the locks of that file system",
            fix="keep the workspace on a local disk, or use a PostgreSQL workspace",
        )
    return Check(name="file system", status="pass", detail=f"{kind}: write-ahead log")


def space(place: Path) -> Check:
    usage = shutil.disk_usage(place)
    detail = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB free"
    if usage.free < _LITTLE:
        return Check(name="free space", status="warn", detail=detail, fix="free some space, e.g. `contexta gc`")
    return Check(name="free space", status="pass", detail=detail)


def _permissions(root: Path) -> Check:
    if not root.exists():
        return Check(
            name="permissions",
            status="unknown",
            detail=f"there is no workspace at {root} yet",
            fix="record a run first",
        )
    if not root.is_dir():
        fix = "name a directory, e.g. .contexta"
        return Check(name="permissions", status="fail", detail=f"workspace {root} is a file", fix=fix)
    wanted = [root, root / JOURNALS, root / OBJECTS, root / DATABASE]
    refused = [str(path) for path in wanted if path.exists() and not os.access(path, os.R_OK | os.W_OK)]
    if refused:
        detail = f"cannot be read and written: {', '.join(refused)}"
        return Check(name="permissions", status="fail", detail=detail, fix="make them yours, or writable for you")
    return Check(name="permissions", status="pass", detail="database, journals and objects can be read and written")


def _clock(root: Path, place: Path) -> Check:
    """Against the file system's own clock, and against what runs have recorded."""
    now = time.time()
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".contexta-doctor-") as file:
            drift = os.fstat(file.fileno()).st_mtime - now
    except OSError as error:
        return Check(name="clock", status="unknown", detail=f"no file can be made in {place}: {error.strerror}")
    ahead = _latest(root) - now
    if abs(drift) > DRIFT:
        detail = f"the file system's clock is {drift:+.0f} seconds off this machine's"
    elif ahead > DRIFT:
        detail = f"a run began {ahead:.0f} seconds in this machine's future"
    else:
        return Check(name="clock", status="pass", detail="agrees with the file system and with the latest run")
    fix = "set the clocks by NTP: whether a silent run is dead is told by them"
    return Check(name="clock", status="warn", detail=detail, fix=fix)


def _latest(root: Path) -> float:
    """When the latest run began, in seconds since 1970; 0 when nothing tells."""
    try:
        with closing(_opened(root)) as raw:
            return float((raw.execute("SELECT max(started_at) FROM run").fetchone()[0] or 0) / 1e6)
    except (sqlite3.Error, TypeError):
        return 0.0


def _opened(root: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(os.fspath(root / DATABASE))}?mode=ro", uri=True)


def _database(root: Path) -> Check:
    if not (root / DATABASE).exists():
        return Check(name="database", status="unknown", detail="there is none yet: it is made by the first question")
    try:
        with closing(_opened(root)) as raw:
            (version,) = raw.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchone()
            (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
    except (sqlite3.Error, TypeError) as error:
        fix = "`contexta verify` says what is damaged; restore a backup"
        return Check(name="database", status="fail", detail=f"it cannot be read: {error}", fix=fix)
    if version > tables.SCHEMA_VERSION:
        fix = "upgrade with `uv pip install --upgrade contexta`"
        return Check(name="database", status="fail", detail=f"schema {version} is of a newer Contexta", fix=fix)
    return Check(name="database", status="pass", detail=f"schema {version}, journal mode {mode}")
