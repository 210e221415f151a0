"""Compare the environments of the ranks of one run. The name of the machine is no difference."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from contexta.core.errors import shown
from contexta.recorder.journal.objects import Objects
from contexta.recorder.session.environment import encode, without_builds
from contexta.store.schema import tables

# Variables in which launchers and schedulers give each rank its devices, cores and caches.
_OF_ONE_RANK = re.compile(
    r"(?:VISIBLE_(?:DEVICES|CHIPS)|DEVICE_ORDINAL|AFFINITY(?:_MASK)?|OMP_PLACES|NET_DEVICES|_HCA|_CACHE_DIR)\Z"
)
_MOST_DIFFERENCES = 5  # differences that a note names
_MACHINE_NAME = "host"  # fact that differs between equal machines


class Rank(NamedTuple):
    """A process of a distributed run, and the digests of its environment."""

    number: int
    environment_id: int
    digest: str
    end: str | None = None  # facts that are collected at the end; None while the process runs


def others_of(connection: Connection, run_id: int, journal_name: str) -> list[Rank]:
    """The ranks of a run except the one with this journal, the lowest first."""
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
    """A note for a rank that has begun in another environment than all other ranks; else None."""
    if not others or any(_has_equal_start(objects, mine, other) for other in others):
        return None
    differences = _differences(_body(objects, others[0].digest), _body(objects, mine.digest))
    return f"the environments of rank {others[0].number} and rank {mine.number} differ: {_some(differences)}"


def differing_gpus(objects: Objects, mine: Rank, others: list[Rank]) -> str | None:
    """A note for a rank that has ended with other GPUs than all other ranks; else None."""
    gpus_of_others = {
        other: gpus
        for other in others
        if _has_equal_start(objects, mine, other) and (gpus := _gpus(objects, other.end)) is not None
    }
    gpus = _gpus(objects, mine.end)
    if not gpus_of_others or gpus is None or gpus in gpus_of_others.values():
        return None
    other, theirs = next(iter(gpus_of_others.items()))
    devices = f"{_devices(theirs)} and {_devices(gpus)}"
    return f"the GPUs of rank {other.number} and rank {mine.number} differ: {devices}"


def _devices(gpus: bytes) -> str:
    """The names of GPUs and their driver."""
    facts = json.loads(gpus)
    names = [str(device.get("name")) for device in facts.get("devices", ())]
    return (
        ", ".join([*names[:_MOST_DIFFERENCES], *([f"driver {facts['driver']}"] if facts.get("driver") else [])])
        or "none"
    )


def _has_equal_start(objects: Objects, first: Rank, second: Rank) -> bool:
    return first.environment_id == second.environment_id or _start(objects, first.digest) == _start(
        objects, second.digest
    )


@lru_cache(maxsize=1_024)  # a rank is compared with all others
def _start(objects: Objects, digest: str) -> bytes:
    """The environment at the start of a process, as bytes to compare."""
    return encode(_body(objects, digest))


def _body(objects: Objects, digest: str) -> dict[str, Any]:
    """The environment at the start of a process, without the facts that differ between all ranks."""
    body = without_builds(json.loads(objects.get(digest)))
    machine = {name: fact for name, fact in body.get("machine", {}).items() if name != _MACHINE_NAME}
    variables = body.get("environment_variables", {})
    shared = {name: value for name, value in variables.items() if not _OF_ONE_RANK.search(name)}
    return {**body, "machine": machine, "environment_variables": shared}


def _differences(first: dict[str, Any], second: dict[str, Any]) -> Iterator[str]:
    """The differences between two bodies, the most informative first, each as ``name: first and second``."""
    for part in ("python_version", "platform"):
        if first.get(part) != second.get(part):
            yield f"{part.replace('_', ' ')}: {first.get(part)} and {second.get(part)}"
    packages = [
        {distribution["name"]: distribution for distribution in body.get("distributions", ())}
        for body in (first, second)
    ]
    for name in sorted({*packages[0], *packages[1]}):
        sides = [side.get(name) for side in packages]
        if sides[0] != sides[1]:
            versions = ["none" if side is None else side.get("version") for side in sides]
            yield f"{name}: {_pair(*versions)}" if versions[0] != versions[1] else f"{name}: installed from elsewhere"
    for part in ("environment_variables", "interpreter", "machine"):
        facts = [body.get(part) or {} for body in (first, second)]
        for name in sorted({*facts[0], *facts[1]}):
            if facts[0].get(name) != facts[1].get(name):
                yield f"{name}: {_pair(facts[0].get(name, 'none'), facts[1].get(name, 'none'))}"
    if first.get("notes") != second.get("notes"):
        yield "notes about missing facts"


def _pair(first: Any, second: Any) -> str:
    return (
        f"{shown(first)} and {shown(second)}" if not isinstance(first, str) else f"{first[:80]} and {str(second)[:80]}"
    )


def _some(differences: Iterator[str]) -> str:
    texts = list(differences)
    rest = f" and {len(texts) - _MOST_DIFFERENCES} more" if len(texts) > _MOST_DIFFERENCES else ""
    return ", ".join(texts[:_MOST_DIFFERENCES]) + rest


@lru_cache(maxsize=1_024)
def _gpus(objects: Objects, end: str | None) -> bytes | None:
    """The GPUs of a process, as bytes to compare; None before they are collected."""
    facts: dict[str, Any] = json.loads(objects.get(end)) if end is not None else {}
    return encode(facts.get("gpus", {})) if "native_libraries" in facts else None  # both are collected together
