"""Whether a server can be relied on from here, and what waits on this machine for it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contexta.core import workspace_address
from contexta.core.errors import ContextaError
from contexta.core.settings import JOURNALS
from contexta.findings import Check
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.backends.file_systems import kind_of
from contexta.store.backends.postgres import Postgres
from contexta.store.lifecycle import doctor
from contexta.store.schema import tables

_SLOW = 0.1  # seconds for a question and its answer
_LONG = 600.0  # seconds after which something should have been delivered
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


def checks(root: Path, url: str, objects: Path | None) -> Iterator[Check]:
    """root: this machine's directory for what is on its way there. Costs some questions; changes nothing."""
    address, shared = workspace_address.split(url)
    try:
        database = Postgres(address)
        try:
            with database.transaction(writing=False) as connection:
                yield from _answers(connection)
        except (DBAPIError, PoolTimeout) as error:
            raise database.fault(error) from None
        finally:
            database.close()
    except ContextaError as error:
        yield Check(name="server", status="fail", detail=error.what, fix=error.hint)
    yield waiting(root)
    place = doctor.nearest(root)
    yield doctor.file_system(kind_of(place), place)
    yield doctor.space(place)
    yield _objects(objects or (Path(shared) if shared else None))


def _answers(connection: Connection) -> Iterator[Check]:
    began = time.time()
    theirs = float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
    ended = time.time()
    yield _server(connection, ended - began)
    yield _durability(connection)
    yield clock(theirs - (began + ended) / 2, (ended - began) / 2)
    is_made = connection.exec_driver_sql(f"SELECT to_regclass('{tables.VERSION_TABLE}')").scalar() is not None
    permissions = _permissions(connection, is_made)
    yield permissions
    if permissions.status == "pass":
        yield _database(_schema(connection) if is_made else None)


def _setting(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())


def _server(connection: Connection, seconds: float) -> Check:
    version, encoding = _setting(connection, "server_version"), _setting(connection, "server_encoding")
    detail = f"PostgreSQL {version.split()[0]}, {1000 * seconds:.1f} ms for a question"
    if encoding != "UTF8":
        words = f"{detail}; its texts are {encoding}, which cannot hold every name"
        fix = "make the database anew: createdb --encoding UTF8 --template template0 contexta"
        return Check(name="server", status="warn", detail=words, fix=fix)
    if seconds > _SLOW:
        fix = "use a server that is nearer; runs do not wait for it, questions do"
        return Check(name="server", status="warn", detail=detail, fix=fix)
    return Check(name="server", status="pass", detail=detail)


def _durability(connection: Connection) -> Check:
    """What it promises when its machine dies is no more than its settings let it keep."""
    off = [
        f"{name} = off"
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if _setting(connection, name) == "off"
    ]
    if off:
        detail = f"{', '.join(off)}: what it acknowledged may be lost when its machine dies"
        fix = "as its superuser: ALTER SYSTEM SET fsync = on, and likewise the others; then reload it"
        return Check(name="durability", status="warn", detail=detail, fix=fix)
    checksums = _setting(connection, "data_checksums")
    return Check(name="durability", status="pass", detail=f"commits reach its disk; checksums of its pages {checksums}")


def clock(ahead: float, uncertain: float) -> Check:
    detail = f"the server's is {abs(ahead):.1f} seconds {'ahead of' if ahead > 0 else 'behind'} this machine's"
    if abs(ahead) - uncertain > doctor.DRIFT:
        fix = "set the clocks by NTP: runs of several machines are ordered by them"
        return Check(name="clock", status="warn", detail=detail, fix=fix)
    return Check(name="clock", status="pass", detail=detail)


def _schema(connection: Connection) -> str | None:
    found: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalar()
    return found


def _database(version: str | None) -> Check:
    if version is None:
        detail = "it has no tables of Contexta yet: they are made by the first question"
        return Check(name="database", status="unknown", detail=detail)
    if version > tables.SCHEMA_VERSION:
        detail = f"schema {version} is of a newer Contexta, this one knows up to {tables.SCHEMA_VERSION}"
        fix = "upgrade with `uv pip install --upgrade contexta`"
        return Check(name="database", status="fail", detail=detail, fix=fix)
    if version < tables.SCHEMA_VERSION:
        detail = f"schema {version} is of an older Contexta, this one needs {tables.SCHEMA_VERSION}"
        fix = "when the whole team can use this version: `contexta upgrade`"
        return Check(name="database", status="fail", detail=detail, fix=fix)
    return Check(name="database", status="pass", detail=f"schema {version}")


def _permissions(connection: Connection, is_made: bool) -> Check:
    if not is_made:
        may = connection.exec_driver_sql("SELECT has_schema_privilege(current_schema(), 'CREATE')").scalar()
        if may:
            return Check(name="permissions", status="pass", detail="tables can be made")
        fix = "as its owner: GRANT ALL ON SCHEMA public TO that user"
        return Check(name="permissions", status="fail", detail="this user may make no tables", fix=fix)
    names = sorted([tables.VERSION_TABLE, *tables.metadata.tables])
    wanted = ", ".join(f"('{name}')" for name in names)
    lacking = connection.exec_driver_sql(
        f"SELECT each, wanted FROM (VALUES {wanted}) AS known (each), unnest(ARRAY{list(_RIGHTS)}) AS wanted"
        " WHERE to_regclass(each) IS NULL OR NOT has_table_privilege(to_regclass(each), wanted) ORDER BY 1, 2"
    ).all()
    if lacking:
        some = ", ".join(f"{right} on {name}" for name, right in lacking[:4])
        detail = f"this user may not: {some}{' ...' if len(lacking) > 4 else ''}"
        fix = "as its owner: GRANT ALL ON ALL TABLES IN SCHEMA public TO that user, and on ALL SEQUENCES"
        return Check(name="permissions", status="fail", detail=detail, fix=fix)
    return Check(name="permissions", status="pass", detail="every table can be read and written")


def waiting(root: Path) -> Check:
    """What runs on this machine have said that is not set aside: it may be delivered in part."""
    now, found = time.time(), []
    for path in (root / JOURNALS).glob(f"*{SUFFIX}"):
        try:
            found.append(path.stat())
        except FileNotFoundError:
            pass  # set aside in this moment: delivered
    if root.exists() and not os.access(root, os.R_OK | os.W_OK):
        detail = f"{root} cannot be read and written: runs on this machine cannot be recorded"
        return Check(name="outbox", status="fail", detail=detail, fix="make it yours, or name another: CONTEXTA_LOCAL")
    if not found:
        return Check(name="outbox", status="pass", detail=f"nothing waits in {root}")
    silent = now - min(each.st_mtime for each in found)
    size = sum(each.st_size for each in found)
    journals = "1 journal" if len(found) == 1 else f"{len(found)} journals"
    detail = f"{journals} of {size} bytes in {root}, the oldest silent for {silent:.0f} seconds"
    if silent > _LONG:
        return Check(name="outbox", status="warn", detail=detail, fix="deliver what waits: `contexta sync`")
    return Check(name="outbox", status="pass", detail=detail)


def _objects(shared: Path | None) -> Check:
    if shared is None:
        detail = "environment bodies, patches and logs stay on the machines that recorded them"
        fix = "name a directory that everyone reaches: postgresql://...?objects=DIR"
        return Check(name="objects", status="warn", detail=detail, fix=fix)
    if not shared.is_dir():
        detail = f"there is no directory {shared}: it is made when the first object is delivered"
        return Check(name="objects", status="unknown", detail=detail, fix="mount it, if it should be there")
    if not os.access(shared, os.R_OK | os.W_OK):
        fix = "make it writable for the team"
        return Check(name="objects", status="fail", detail=f"{shared} cannot be read and written", fix=fix)
    return Check(name="objects", status="pass", detail=f"the team's are in {shared}")
