"""Checks of `contexta doctor` for a workspace in a directory. They change nothing."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from contexta.core.settings import DATABASE, JOURNALS, OBJECTS
from contexta.findings import Check
from contexta.store.backends.file_systems import nearest
from contexta.store.schema import tables
from contexta.store.schema.versions import version_failure

MAX_DRIFT = 60.0  # seconds


def library(version: tuple[int, ...]) -> Check:
    """SQLite before 3.51.3 may damage a database in WAL mode when two processes write and checkpoint at once.

    3.50.7 and 3.44.6 have the correction too. Source: sqlite.org/wal.html, "the WAL-reset bug".
    """
    release = ".".join(map(str, version))
    corrected = version >= (3, 51, 3) or (version[:2] == (3, 50) and version >= (3, 50, 7))
    if corrected or (version[:2] == (3, 44) and version >= (3, 44, 6)):
        return Check(name="sqlite", status="pass", detail=f"SQLite {release}")
    return Check(
        name="sqlite",
        status="warn",
        detail=f"SQLite {release} has a rare fault: two processes that write and checkpoint a database at the same "
        "moment may damage it",
        fix="use a Python whose sqlite3 is 3.51.3 or newer, and back up before that: `contexta backup FILE`",
    )


def permissions(root: Path) -> Check:
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
    paths = [root, root / JOURNALS, root / OBJECTS, root / DATABASE]
    refused = [str(path) for path in paths if path.exists() and not os.access(path, os.R_OK | os.W_OK)]
    if refused:
        detail = f"cannot be read and written: {', '.join(refused)}"
        return Check(name="permissions", status="fail", detail=detail, fix="make them yours, or writable for you")
    return Check(name="permissions", status="pass", detail="database, journals and objects can be read and written")


def clock(root: Path) -> Check:
    """Compare this machine's clock with that of the file system and with the latest run."""
    place = nearest(root)
    now = time.time()
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".contexta-doctor-") as file:
            drift = os.fstat(file.fileno()).st_mtime - now
    except OSError as error:
        return Check(name="clock", status="unknown", detail=f"no file can be made in {place}: {error.strerror}")
    ahead = _latest_start(root) - now
    if abs(drift) > MAX_DRIFT:
        detail = f"the file system's clock is {drift:+.0f} seconds off this machine's"
    elif ahead > MAX_DRIFT:
        detail = f"a run began {ahead:.0f} seconds in this machine's future"
    else:
        return Check(name="clock", status="pass", detail="agrees with the file system and with the latest run")
    fix = "set the clocks by NTP: Contexta uses them to decide whether a silent run is dead"
    return Check(name="clock", status="warn", detail=detail, fix=fix)


def _latest_start(root: Path) -> float:
    """When the latest run started, in seconds since 1970; 0 when that is unknown."""
    try:
        with closing(_opened(root)) as raw:
            return float((raw.execute("SELECT max(started_at) FROM run").fetchone()[0] or 0) / 1e6)
    except (sqlite3.Error, TypeError):
        return 0.0


def _opened(root: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(os.fspath(root / DATABASE))}?mode=ro", uri=True)


def database(root: Path) -> Check:
    if not (root / DATABASE).exists():
        return Check(name="database", status="unknown", detail="there is none yet: the first query creates it")
    try:
        with closing(_opened(root)) as raw:
            (version,) = raw.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchone()
            (mode,) = raw.execute("PRAGMA journal_mode").fetchone()
    except (sqlite3.Error, TypeError) as error:
        fix = "`contexta verify` lists the damage; restore a backup"
        return Check(name="database", status="fail", detail=f"it cannot be read: {error}", fix=fix)
    failure = version_failure(version)
    return failure or Check(name="database", status="pass", detail=f"schema {version}, journal mode {mode}")
