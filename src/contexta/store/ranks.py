"""Whether the ranks of one run ran in the same environment. Which machine each of them ran on is no difference."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from contexta.recorder.environment import encode, without_builds
from contexta.recorder.objects import Objects
from contexta.store import tables

_WHICH = "host"  # of what is known about a machine that which tells it from others of its kind


class Rank(NamedTuple):
    """A process of a distributed run, and the objects that tell its environment."""

    number: int
    environment_id: int
    digest: str
    end: str | None = None  # what is known only after the start; None as long as the process runs


def others_of(connection: Connection, run_id: int, journal_name: str) -> list[Rank]:
    """The ranks of a run but the one that writes that journal, the lowest first."""
    journal, environment, body = tables.journal, tables.environment, tables.environment_body
    end = tables.environment_end
    rows = connection.execute(
        select(journal.c.process, environment.c.id, body.c.digest, end.c.digest.label("end"))
        .join(environment, environment.c.id == journal.c.environment_id)
        .join(body, body.c.id == environment.c.environment_body_id)
        .outerjoin(end, end.c.id == environment.c.end_id)
        .where(journal.c.run_id == run_id, journal.c.name != journal_name)
    )
    return sorted(
        Rank(row.process["rank"], row.id, row.digest, row.end) for row in rows if row.process.get("rank") is not None
    )


def differing_start(objects: Objects, mine: Rank, others: list[Rank]) -> str | None:
    """What there is to note when a rank has begun: that no other rank began in such an environment."""
    if not others or any(_began_alike(objects, mine, other) for other in others):
        return None
    return f"the environments of rank {others[0].number} and rank {mine.number} differ"


def differing_gpus(objects: Objects, mine: Rank, others: list[Rank]) -> str | None:
    """The same when a rank has ended: only then its GPUs are known."""
    known = {
        other: gpus
        for other in others
        if _began_alike(objects, mine, other) and (gpus := _gpus(objects, other.end)) is not None
    }
    found = _gpus(objects, mine.end)
    if not known or found is None or found in known.values():
        return None
    return f"the GPUs of rank {next(iter(known)).number} and rank {mine.number} differ"


def _began_alike(objects: Objects, one: Rank, other: Rank) -> bool:
    return one.environment_id == other.environment_id or _start(objects, one.digest) == _start(objects, other.digest)


@lru_cache(maxsize=1_024)  # a rank is compared with each of the others
def _start(objects: Objects, digest: str) -> bytes:
    """What an environment was at its start, as bytes to compare."""
    body = without_builds(json.loads(objects.get(digest)))
    machine = {name: fact for name, fact in body.get("machine", {}).items() if name != _WHICH}
    return encode({**body, "machine": machine})


@lru_cache(maxsize=1_024)
def _gpus(objects: Objects, end: str | None) -> bytes | None:
    """The GPUs of a process, as bytes to compare; None as long as nobody has asked for them."""
    told: dict[str, Any] = json.loads(objects.get(end)) if end is not None else {}
    return encode(told.get("gpus", {})) if "native_libraries" in told else None  # they are asked for together
