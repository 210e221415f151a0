"""Seals on a server: made by the server itself, whoever writes, from the difference that a statement makes.

The digest of a row is 64 bits of its MD5; the seal of some rows is theirs, XORed. A statement takes the rows as it
finds them out of their seals and puts the rows as it leaves them in. So a row that was damaged before it was written
again leaves the difference behind: what is repaired by halves never looks sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from contexta.store.backends.row_checksums import DAMAGED, PARTS
from contexta.store.schema import tables
from contexta.store.schema.rows import upsert

_FUNCTIONS = (
    "CREATE AGGREGATE contexta_mix (bigint) (SFUNC = int8xor, STYPE = bigint, INITCOND = '0')",
    """CREATE FUNCTION contexta_digest(content jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT ('x' || substr(md5(jsonb_strip_nulls(content)::text), 1, 16))::bit(64)::bigint
    $$""",
    """CREATE FUNCTION contexta_mixed(one bytea, other bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT int8send(('x' || encode(one, 'hex'))::bit(64)::bigint # ('x' || encode(other, 'hex'))::bit(64)::bigint)
    $$""",
)
_AS_TEXT = "SET bytea_output = 'hex' SET extra_float_digits = 1"  # whatever the writer's own settings are


def prepare(connection: Connection) -> None:
    """Teach the server, once, what ``watch`` needs."""
    for statement in _FUNCTIONS:
        connection.exec_driver_sql(statement)


def watch(connection: Connection, parts: Iterable[str]) -> None:
    """Have the server seal what is written to these tables from now on, and what is there."""
    for part in parts:
        connection.exec_driver_sql(
            f"CREATE FUNCTION contexta_seal_{part}() RETURNS trigger LANGUAGE plpgsql {_AS_TEXT} AS $$ BEGIN"
            f" IF TG_OP <> 'INSERT' THEN {_mixing_in(part, 'before')}; END IF;"
            f" IF TG_OP <> 'DELETE' THEN {_mixing_in(part, 'after')}; ELSE {_forgetting(part)}; END IF;"
            " RETURN NULL; END $$"
        )
        for event, rows in (
            ("INSERT", "NEW TABLE AS after"),
            ("UPDATE", "OLD TABLE AS before NEW TABLE AS after"),
            ("DELETE", "OLD TABLE AS before"),
        ):
            connection.exec_driver_sql(
                f"CREATE TRIGGER seal_{part}_{event.lower()} AFTER {event} ON {part} REFERENCING {rows}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION contexta_seal_{part}()"
            )
        connection.exec_driver_sql(_mixing_in(part, part))


def _digests(part: str, rows: str) -> str:
    """(number, digest) of the rows of a table like that of the part."""
    key = PARTS[part]
    return (
        f"SELECT {key} AS number, int8send(contexta_mix(contexta_digest(to_jsonb(each)))) AS digest"
        f" FROM {rows} AS each GROUP BY {key}"
    )


def _mixing_in(part: str, rows: str) -> str:
    return (
        f"INSERT INTO seal (part, number, digest) SELECT '{part}', number, digest FROM ({_digests(part, rows)}) AS new"
        " ON CONFLICT (part, number) DO UPDATE SET digest = contexta_mixed(seal.digest, excluded.digest)"
    )


def _forgetting(part: str) -> str:
    """The seals of which no row is left."""
    key = PARTS[part]
    return (
        f"DELETE FROM seal WHERE part = '{part}' AND number IN (SELECT {key} FROM before)"
        f" AND NOT EXISTS (SELECT 1 FROM {part} AS rest WHERE rest.{key} = seal.number)"
    )


def are_kept(connection: Connection) -> bool:
    """Whether the server seals: one that was set up before it could does not."""
    there = connection.exec_driver_sql("SELECT count(DISTINCT tgname) FROM pg_trigger WHERE tgname LIKE 'seal_%%'")
    return bool(there.scalar() == 3 * len(PARTS))


def damage(connection: Connection, part: str, number: int) -> None:
    """Have a row's seal say that it is not what was written."""
    row = {"part": part, "number": number, "digest": DAMAGED}
    upsert(connection, tables.seal, [row], ["part", "number"])


def broken(connection: Connection, part: str) -> Iterable[Sequence[Any]]:
    """(number, whether a row is there, whether a seal is) where they do not agree."""
    for setting in ("bytea_output = 'hex'", "extra_float_digits = 1"):
        connection.exec_driver_sql(f"SET LOCAL {setting}")
    return connection.exec_driver_sql(
        "SELECT coalesce(sealed.number, found.number), found.number IS NOT NULL, sealed.number IS NOT NULL"
        f" FROM ({_digests(part, part)}) AS found"
        f" FULL JOIN (SELECT number, digest FROM seal WHERE part = '{part}') AS sealed ON sealed.number = found.number"
        " WHERE sealed.digest IS DISTINCT FROM found.digest ORDER BY 1"
    ).all()
