"""Check whether a workspace is reliable: its database, file system, free space, clock and undelivered journals."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contexta.core import workspace_address
from contexta.core.errors import ContextaError
from contexta.core.settings import JOURNALS
from contexta.findings import Check
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.backends import postgres_checks, sqlite_checks
from contexta.store.backends.file_systems import is_network, kind_of, nearest
from contexta.store.backends.postgres import Postgres

_LITTLE_BYTES = 1_000_000_000
_LONG_SECONDS = 600.0  # seconds after which a journal should have been delivered


def checks(root: Path, url: str | None = None, objects: Path | None = None) -> Iterator[Check]:
    """Takes some milliseconds, or a few queries to a server. Changes nothing but one small file, which it removes.

    root: the workspace, or the directory of this machine's undelivered journals. objects: as for ``open_store``.
    """
    if url is None:
        yield sqlite_checks.library(sqlite3.sqlite_version_info[:3])
        yield from _disk(root)
        yield sqlite_checks.permissions(root)
        yield sqlite_checks.clock(root)
        yield sqlite_checks.database(root)
    else:
        address, shared = workspace_address.split(url)
        yield from _server(address)
        yield _outbox(root)
        yield from _disk(root)
        yield _objects(objects or (Path(shared) if shared else None))


def _server(address: str) -> Iterator[Check]:
    try:
        database = Postgres(address)
        try:
            with database.transaction(writing=False) as connection:
                yield from postgres_checks.checks(connection)
        except (DBAPIError, PoolTimeout) as error:
            raise database.translated(error) from None
        finally:
            database.close()
    except ContextaError as error:
        yield Check(name="server", status="fail", detail=error.what, fix=error.hint)


def _disk(root: Path) -> Iterator[Check]:
    place = nearest(root)
    yield _file_system(kind_of(place), place)
    yield _space(place)


def _file_system(kind: str | None, place: Path) -> Check:
    if kind is None:
        return Check(name="file system", status="unknown", detail=f"the kind of the file system of {place} is unknown")
    if is_network(kind):
        return Check(
            name="file system",
            status="warn",
            detail=f"{place} is on {kind}, a network file system: the database has no write-ahead log "
            "and is only as reliable as the locks of that file system",
            fix="keep the workspace on a local disk, or use a PostgreSQL workspace",
        )
    return Check(name="file system", status="pass", detail=f"{kind}: write-ahead log")


def _space(place: Path) -> Check:
    usage = shutil.disk_usage(place)
    detail = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB free"
    if usage.free < _LITTLE_BYTES:
        return Check(name="free space", status="warn", detail=detail, fix="free some space, e.g. `contexta gc`")
    return Check(name="free space", status="pass", detail=detail)


def _outbox(root: Path) -> Check:
    """The journals on this machine that are not delivered completely."""
    now, waiting = time.time(), []
    for path in (root / JOURNALS).glob(f"*{SUFFIX}"):
        try:
            waiting.append(path.stat())
        except FileNotFoundError:
            pass  # delivered at this moment
    if root.exists() and not os.access(root, os.R_OK | os.W_OK):
        detail = f"{root} cannot be read and written: runs on this machine cannot be recorded"
        return Check(name="outbox", status="fail", detail=detail, fix="make it writable for you, or set CONTEXTA_LOCAL")
    if not waiting:
        return Check(name="outbox", status="pass", detail=f"nothing waits in {root}")
    silent = now - min(status.st_mtime for status in waiting)
    size = sum(status.st_size for status in waiting)
    journals = "1 journal" if len(waiting) == 1 else f"{len(waiting)} journals"
    detail = f"{journals} of {size} bytes in {root}, the oldest silent for {silent:.0f} seconds"
    if silent > _LONG_SECONDS:
        return Check(name="outbox", status="warn", detail=detail, fix="deliver what waits: `contexta sync`")
    return Check(name="outbox", status="pass", detail=detail)


def _objects(shared: Path | None) -> Check:
    if shared is None:
        detail = "environment bodies, patches and logs stay on the machines that recorded them"
        fix = "give a directory that all members reach: postgresql://...?objects=DIR"
        return Check(name="objects", status="warn", detail=detail, fix=fix)
    if not shared.is_dir():
        detail = f"there is no directory {shared}: the first delivered object creates it"
        return Check(name="objects", status="unknown", detail=detail, fix="mount it, if it should be there")
    if not os.access(shared, os.R_OK | os.W_OK):
        fix = "make it writable for the team"
        return Check(name="objects", status="fail", detail=f"{shared} cannot be read and written", fix=fix)
    return Check(name="objects", status="pass", detail=f"shared in {shared}")
