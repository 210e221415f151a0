"""Checks of `contexta doctor` for a PostgreSQL server. They change nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy import Connection

from contexta.findings import Check
from contexta.store.backends.sqlite_checks import MAX_DRIFT
from contexta.store.schema import tables
from contexta.store.schema.versions import version_failure

_SLOW_SECONDS = 0.1  # for one query
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")


def checks(connection: Connection) -> Iterator[Check]:
    """Costs a few queries."""
    began = time.time()
    server_time = float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
    ended = time.time()
    yield _server(connection, ended - began)
    yield _durability(connection)
    yield clock(server_time - (began + ended) / 2, (ended - began) / 2)
    has_tables = connection.exec_driver_sql(f"SELECT to_regclass('{tables.VERSION_TABLE}')").scalar() is not None
    permissions = _permissions(connection, has_tables)
    yield permissions
    if permissions.status == "pass":
        yield _database(connection, has_tables)


def _setting(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())


def _server(connection: Connection, seconds: float) -> Check:
    version, encoding = _setting(connection, "server_version"), _setting(connection, "server_encoding")
    detail = f"PostgreSQL {version.split()[0]}, {1000 * seconds:.1f} ms per query"
    if encoding != "UTF8":
        detail = f"{detail}; its encoding is {encoding}, which cannot store every name"
        fix = "create the database again: createdb --encoding UTF8 --template template0 contexta"
        return Check(name="server", status="warn", detail=detail, fix=fix)
    if seconds > _SLOW_SECONDS:
        fix = "use a server that is nearer: queries wait for it, runs do not"
        return Check(name="server", status="warn", detail=detail, fix=fix)
    return Check(name="server", status="pass", detail=detail)


def _durability(connection: Connection) -> Check:
    """Whether the settings of the server allow it to lose commits when its machine fails."""
    off = [
        f"{name} = off"
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if _setting(connection, name) == "off"
    ]
    if off:
        detail = f"{', '.join(off)}: commits may be lost when its machine fails"
        fix = "as its superuser: ALTER SYSTEM SET fsync = on, and likewise the others; then reload it"
        return Check(name="durability", status="warn", detail=detail, fix=fix)
    checksums = _setting(connection, "data_checksums")
    return Check(name="durability", status="pass", detail=f"commits reach its disk; data checksums {checksums}")


def clock(ahead: float, uncertainty: float) -> Check:
    """ahead: of the server's clock, in seconds; uncertainty: half the round trip, in seconds."""
    detail = f"the server's clock is {abs(ahead):.1f} seconds {'ahead of' if ahead > 0 else 'behind'} this machine's"
    if abs(ahead) - uncertainty > MAX_DRIFT:
        fix = "set the clocks by NTP: they order the runs of several machines"
        return Check(name="clock", status="warn", detail=detail, fix=fix)
    return Check(name="clock", status="pass", detail=detail)


def _database(connection: Connection, has_tables: bool) -> Check:
    if not has_tables:
        detail = "it has no tables of Contexta yet: the first query creates them"
        return Check(name="database", status="unknown", detail=detail)
    version = connection.exec_driver_sql(f"SELECT version_num FROM {tables.VERSION_TABLE}").scalar()
    return version_failure(version) or Check(name="database", status="pass", detail=f"schema {version}")


def _permissions(connection: Connection, has_tables: bool) -> Check:
    if not has_tables:
        may_create = connection.exec_driver_sql("SELECT has_schema_privilege(current_schema(), 'CREATE')").scalar()
        if may_create:
            return Check(name="permissions", status="pass", detail="tables can be created")
        fix = "as its owner: GRANT ALL ON SCHEMA public TO that user"
        return Check(name="permissions", status="fail", detail="this user may not create tables", fix=fix)
    names = sorted([tables.VERSION_TABLE, *tables.metadata.tables])
    values = ", ".join(f"('{name}')" for name in names)
    missing = connection.exec_driver_sql(
        f"SELECT name, privilege FROM (VALUES {values}) AS expected (name), unnest(ARRAY{list(_RIGHTS)}) AS privilege"
        " WHERE to_regclass(name) IS NULL OR NOT has_table_privilege(to_regclass(name), privilege) ORDER BY 1, 2"
    ).all()
    if missing:
        some = ", ".join(f"{right} on {name}" for name, right in missing[:4])
        detail = f"this user may not: {some}{' ...' if len(missing) > 4 else ''}"
        fix = "as its owner: GRANT ALL ON ALL TABLES IN SCHEMA public TO that user, and on ALL SEQUENCES"
        return Check(name="permissions", status="fail", detail=detail, fix=fix)
    return Check(name="permissions", status="pass", detail="every table can be read and written")
