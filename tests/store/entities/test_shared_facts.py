"""Facts that many runs share are stored once, and are read, kept and checked for each run."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from support.builders import a_run, change_unseen, put_run
from support.servers import Server

from contexta import Contexta
from contexta.contract import Run
from contexta.core.errors import DamagedData
from contexta.recorder.journal.objects import Objects
from contexta.store.backends.engine import open_store
from contexta.store.entities.shared_facts import NUMBER

CALLED = {"argv": ("train.py", "ü"), "parent": None}
TOLD: dict[str, dict[str, Any]] = {
    "one": {"invocation": CALLED, "source": {"commit": "8fa7"}},
    "two": {"note": "mine", "invocation": CALLED, "source": {"commit": "8fa7"}, "a": (1, 0.1)},
    "three": {"source": "any text", "invocation": None, "command": 3},
    "four": {},
}


def bodies(ctx: Contexta) -> list[str]:
    store = open_store(ctx.root, str(ctx._server) if ctx._server else None)
    with store.reading() as connection:
        result = list(connection.exec_driver_sql("SELECT body FROM shared_fact ORDER BY body").scalars())
    store.close()
    return result


def put_all(ctx: Contexta) -> None:
    for name, metadata in TOLD.items():
        put_run(ctx, name, metadata=metadata)


def test_metadata_reads_back_as_it_was_put(anywhere: Contexta) -> None:
    put_all(anywhere)
    for name, metadata in TOLD.items():
        assert anywhere.get_run(name).metadata == metadata
        assert list(anywhere.get_run(name).metadata) == sorted(metadata)
    assert {run.name: run.metadata for run in anywhere.list_runs()} == TOLD
    listed: tuple[Run, ...] = anywhere.metadata_store.runs.list_runs("project:p")
    assert {run.name: run.metadata for run in listed} == TOLD
    called = '{"argv":["train.py","\\u00fc"],"parent":null}'
    assert bodies(anywhere) == sorted(["null", "3", '"any text"', called, '{"commit":"8fa7"}'])


def test_metadata_is_replaced_completely(anywhere: Contexta) -> None:
    put_all(anywhere)
    anywhere.metadata_store.runs.put_run(a_run("p", "one", metadata={"source": {"commit": "new"}}))
    assert anywhere.get_run("one").metadata == {"source": {"commit": "new"}}
    assert anywhere.get_run("two").metadata == TOLD["two"]


def test_live_runs_of_one_program_share_equal_facts(anywhere: Contexta) -> None:
    for _ in range(3):
        with anywhere.run("live", project="p"):
            pass
    answer = [dict(run.metadata) for run in anywhere.list_runs()]
    assert (
        len({run.pop(NUMBER, 1) for run in answer}) == 3
    )  # only the number of the run in its process distinguishes them
    first, *others = answer
    assert first["invocation"]
    assert others == [first, first]
    assert len(bodies(anywhere)) == len({"command", "invocation", "source"} & set(first))


def test_facts_without_a_run_are_deleted(anywhere: Contexta) -> None:
    put_all(anywhere)
    for name, day in (("one", 4), ("two", 3), ("three", 2), ("four", 1)):
        at = f"2025-02-0{day}T08:00:00Z"
        anywhere.metadata_store.runs.put_run(a_run("p", name, metadata=TOLD[name], started_at=at, ended_at=at))
    anywhere.gc(keep_last=1, dry_run=False)
    assert anywhere.get_run("one").metadata == TOLD["one"]
    assert len(bodies(anywhere)) == 2
    assert anywhere.verify().sound


def test_patch_is_deleted_with_the_last_run_that_names_it(ctx: Contexta) -> None:
    objects = Objects(ctx.root / "objects")
    patches = [objects.put(b"diff 1"), objects.put(b"diff 2")]
    for number, digest in enumerate([patches[0], patches[1], patches[1]], 1):
        at = f"2025-02-0{number}T08:00:00Z"
        put_run(ctx, f"r{number}", metadata={"source": {"patch": digest}}, started_at=at, ended_at=at)
    old = time.time() - 48 * 3600
    for digest in patches:
        os.utime(objects.path(digest), (old, old))
    ctx.gc(keep_last=1, dry_run=False)
    assert [objects.exists(digest) for digest in patches] == [False, True]


@pytest.mark.parametrize(
    "change", ["UPDATE shared_fact SET body = replace(body, '8fa7', '8fa6')", "DELETE FROM shared_fact"]
)
def test_changed_fact_is_reported_with_its_runs(ctx: Contexta, server: Server, database: str, change: str) -> None:
    for place in (ctx, Contexta(database)):
        with place:
            put_all(place)
            place.list_runs()
            assert place.verify().sound
            if place is ctx:
                change_unseen(ctx.root, change)
            else:
                server.ask(database, f"SET session_replication_role = replica; {change}")
            refs = {ref for damage in place.verify().damage for ref in damage.run_refs}
            assert refs >= {"run:p.one", "run:p.two"}
            if "DELETE" in change:
                with pytest.raises(DamagedData, match="of a run is missing"):
                    place.get_run("one")
