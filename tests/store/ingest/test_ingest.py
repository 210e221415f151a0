"""Journals reach the database exactly once, and a run whose processes died is found crashed, never a live one."""

from __future__ import annotations

import json
import math
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.builders import put_run
from support.statements import observed_statements

from contexta import Contexta
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.processes import identity
from contexta.recorder.journal.writer import Journal
from contexta.recorder.session import environment
from contexta.store.ingest import ingest

DEAD = {"pid": 2**22 + 1, "began": 1}  # no process has that id
linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told apart by /proc")


class Written:
    """A run as its processes write it, record by record."""

    def __init__(self, ctx: Contexta, name: str = "p.r", **process: Any) -> None:
        self.folder = ctx.root / "journal"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.process = process or {key: value for key, value in identity().items() if key != "parent"}
        self.first = self.file(f"{name}.jsonl")
        self.write(self.first, "run", run=name, name=name.partition(".")[2], project_name="p", **self.process)

    def file(self, name: str) -> Path:
        return self.folder / name

    def join(self, number: int, **process: Any) -> Path:
        path = self.file(f"{self.name}.{number}-ab.jsonl")
        self.write(path, "join", run=self.name, **{**self.process, **process})
        return path

    def write(self, path: Path, type_: str, **fields: Any) -> None:
        at = fields.pop("at", time.time_ns() // 1000)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"s": 0, "t": type_, "at": at, **fields}, separators=(",", ":")) + "\n")

    def metric(self, path: Path, key: str = "loss", value: float = 0.5, **fields: Any) -> None:
        rank = {"r": fields.pop("r")} if "r" in fields else {}
        self.write(path, "metric", k=key, **rank, x=value, **fields)


def dead() -> dict[str, Any]:
    return {**identity(), **DEAD}


def body(version: str = "3.11.0") -> bytes:
    return environment.encode({"python_version": version, "platform": "linux", "distributions": []})


# ---------------------------------------------------------------------------------------------- exactly once


def test_every_number_and_name_is_read_as_it_was_written(ctx: Contexta) -> None:
    values = {
        "plain": 0.1, "small": 1e-05, "big": 1e300, "zero": 0.0, "negative zero": -0.0, "one": 1, "huge": 10**30,
        "nan": math.nan, "inf": math.inf, "-inf": -math.inf, 'quote " and \\': 0.25, "tab é \U0001f600": 0.75,
    }  # fmt: skip
    with ctx.run("r", project="p") as run, run.stage("train") as stage:
        run.metrics(values)
        stage.metrics(values, step=3)
    details = ctx.get_run("r")
    for result in details.stages:
        assert {metric.metric_key: repr(metric.value) for metric in result.metrics} == {
            key: repr(value) for key, value in values.items()
        }
        assert {metric.step for metric in result.metrics} == {3 if result.stage_name == "train" else None}
    assert [note for note in details.notes if note.topic != "source"] == []


def test_concurrent_readers_ingest_each_record_once(tmp_path: Path) -> None:
    with Contexta(workspace=tmp_path / "ws") as ctx:
        written = Written(ctx)
        for step in range(20_000):
            written.metric(written.first, i=step)
    readers = [
        subprocess.Popen(
            [sys.executable, "-m", "contexta.cli", "--workspace", os.fspath(tmp_path / "ws"), "--json", "show", "r"],
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for reader in readers:
        out, _ = reader.communicate(timeout=120)
        assert reader.returncode == 0
        (stage,) = json.loads(out)["stages"]
        assert [metric["points"] for metric in stage["metrics"]] == [20_000]


def test_journals_without_a_database_are_a_workspace(tmp_path: Path) -> None:
    journal = Journal(os.fspath(tmp_path), "p.r", first=False)
    (tmp_path / "ws" / "journal").mkdir(parents=True)
    journal = Journal(os.fspath(tmp_path / "ws" / "journal"), "p.r", first=True)
    journal.write("run", run="p.r", name="r", project_name="p", **identity())
    journal.close(status="completed")
    shown = subprocess.run(
        [sys.executable, "-m", "contexta.cli", "--workspace", os.fspath(tmp_path / "ws"), "show", "r"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Run p.r\ncompleted" in shown.stdout


def test_line_that_is_still_being_written_waits(ctx: Contexta) -> None:
    written = Written(ctx)
    written.metric(written.first)
    with written.first.open("a") as file:
        file.write('{"s":2,"t":"metric","at":1,"k":"loss"')
    assert ctx.get_run("r").stages[0].metrics[0].points == 1
    with written.first.open("a") as file:
        file.write(f',"x":0.25,"at":{time.time_ns() // 1000}}}\n')
    assert ctx.get_run("r").status == "open"


def test_line_that_is_no_record_is_skipped_and_noted(ctx: Contexta) -> None:
    written = Written(ctx)
    with written.first.open("a") as file:
        file.write('{"s":1,"t":"met\n[1]\n')
    written.metric(written.first)
    details = ctx.get_run("r")
    assert [metric.points for metric in details.stages[0].metrics] == [1]
    assert [note.text for note in details.notes] == [
        'p.r.jsonl: a line of the journal is no record and was skipped: b\'{"s":1,"t":"met\'',
        "p.r.jsonl: a line of the journal is no record and was skipped: b'[1]'",
    ]


def test_files_of_which_nothing_follows_are_set_aside(ctx: Contexta) -> None:
    written = Written(ctx)
    other = written.join(7)
    written.write(written.first, "end", status="completed")
    assert ctx.get_run("r").status == "completed"
    assert [path.name for path in written.folder.glob("*.jsonl")] == [other.name]
    written.metric(other)
    written.write(other, "close")
    assert ctx.get_run("r").stages[0].metrics[0].points == 1
    assert list(written.folder.glob("*.jsonl")) == []


def test_run_that_is_already_stored_under_the_reference_stays_another_run(ctx: Contexta) -> None:
    put_run(ctx, "r", metrics={"loss": 1})
    written = Written(ctx)
    written.metric(written.first)
    written.metric(written.join(7), "there")
    assert ctx.get_run("run:p.r").metrics == {"loss": 1}
    assert ctx.get_run("run:p.r-2").metrics == {"loss": 0.5, "there": 0.5}


def test_later_name_selects_the_run(ctx: Contexta) -> None:
    written = Written(ctx)
    written.write(written.join(7), "name", name="this month")
    assert ctx.get_run("this month").run_ref == "run:p.r"


# ---------------------------------------------------------------------------------------------- processes


def test_other_process_waits_for_the_first_record_of_its_run(ctx: Contexta) -> None:
    written = Written(ctx)
    first = written.first.read_bytes()
    written.first.unlink()
    written.metric(written.join(7))
    assert ctx.list_runs() == ()
    written.first.write_bytes(first)
    assert ctx.get_run("r").metrics == {"loss": 0.5}


def test_stage_keeps_its_name_if_another_process_logs_to_it_first(ctx: Contexta) -> None:
    written = Written(ctx)
    written.metric(written.join(7), g="my-stage")
    assert [stage.stage_name for stage in ctx.get_run("r").stages] == ["my-stage"]
    written.write(written.first, "stage", stage="my-stage", name="My stage", order=0)
    assert [stage.stage_name for stage in ctx.get_run("r").stages] == ["My stage"]


def test_ranks_are_distinguished(ctx: Contexta) -> None:
    written = Written(ctx)
    for rank in (0, 1):
        written.metric(written.join(rank, rank=rank), "loss", rank + 0.5, r=rank)
    (stage,) = ctx.get_run("r").stages
    assert [(metric.slice_ref, metric.value) for metric in stage.metrics] == [(None, 0.5), ("rank-1", 1.5)]


def test_environment_that_differs_between_ranks_is_noted_once(ctx: Contexta) -> None:
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    for rank in range(4):
        digest = objects.put(body("3.11.0" if rank < 2 else "3.12.0"))
        written.write(written.join(rank, rank=rank), "environment", digest=digest)
    assert [note.text for note in ctx.get_run("r").notes] == [
        "the environments of rank 0 and rank 2 differ: python version: 3.11.0 and 3.12.0"
    ]
    assert len(ctx.metadata_store.environments.list_environment_snapshots("run:p.r")) == 2


def on(host: str, **facts: Any) -> dict[str, Any]:
    return {**json.loads(body()), "machine": {"host": host, "cpu": "x", **facts}}


def test_ranks_on_several_machines_of_one_kind_do_not_differ(ctx: Contexta) -> None:
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    for rank, host in enumerate(("a", "b", "c")):
        digest = objects.put(environment.encode(on(host)))
        written.write(written.join(rank, rank=rank), "environment", digest=digest)
    assert ctx.get_run("r").notes == ()
    assert len(ctx.metadata_store.environments.list_environment_snapshots("run:p.r")) == 3
    digest = objects.put(environment.encode(on("d", cpu="y")))
    written.write(written.join(3, rank=3), "environment", digest=digest)
    assert [note.text for note in ctx.get_run("r").notes] == [
        "the environments of rank 0 and rank 3 differ: cpu: x and y"
    ]


def test_gpus_that_differ_between_ranks_are_noted_once_for_each_kind(ctx: Contexta) -> None:
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    paths = []
    for rank in range(4):
        paths.append(written.join(rank, rank=rank))
        written.write(paths[-1], "environment", digest=objects.put(environment.encode(on(f"host-{rank}"))))
        looked = objects.put(environment.encode({"imports": {}}))  # updates do not query GPUs
        written.write(paths[-1], "environment", end=looked)
        assert ctx.get_run("r").notes == ()
    for path, device in zip(paths, ("A100", "A100", "V100", "V100"), strict=True):
        end = {"imports": {}, "native_libraries": [], "gpus": {"devices": [{"name": device}]}}
        written.write(path, "environment", end=objects.put(environment.encode(end)))
        written.write(path, "close")
    assert [note.text for note in ctx.get_run("r").notes] == ["the GPUs of rank 0 and rank 2 differ: A100 and V100"]


DEVICES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", "KMP_AFFINITY", "TRITON_CACHE_DIR")


@pytest.mark.parametrize("name", DEVICES)
def test_devices_and_caches_of_each_rank_are_no_difference(ctx: Contexta, name: str) -> None:
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    for rank in range(3):
        report = {**json.loads(body()), "environment_variables": {name: str(rank), "OMP_NUM_THREADS": "4"}}
        digest = objects.put(environment.encode(report))
        written.write(written.join(rank, rank=rank), "environment", digest=digest)
    assert ctx.get_run("r").notes == ()


def test_differences_between_ranks_are_named(ctx: Contexta) -> None:
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    sides = [
        ("1.26.0", {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "0"}, ["six"]),
        ("1.25.0", {"OMP_NUM_THREADS": "8", "CUDA_VISIBLE_DEVICES": "1"}, []),
    ]
    for rank, (numpy, variables, others) in enumerate(sides):
        packages = [{"name": "numpy", "version": numpy}, *({"name": name, "version": "1.0"} for name in others)]
        report = {**json.loads(body()), "environment_variables": variables, "distributions": packages}
        digest = objects.put(environment.encode(report))
        written.write(written.join(rank, rank=rank), "environment", digest=digest)
    (note,) = ctx.get_run("r").notes
    assert note.text == (
        "the environments of rank 0 and rank 1 differ: numpy: 1.26.0 and 1.25.0, six: 1.0 and none, "
        "OMP_NUM_THREADS: 4 and 8"
    )


def test_environment_of_the_run_is_that_of_the_process_that_measured(ctx: Contexta) -> None:
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    launcher, worker = written.join(1), written.join(2)
    written.write(launcher, "environment", digest=objects.put(body("3.11.0")))
    written.write(worker, "environment", digest=objects.put(body("3.12.0")))
    written.metric(worker)
    written.write(worker, "close")
    time.sleep(0.002)
    written.write(launcher, "close")
    result = ctx.get_run("r").environment
    assert result is not None
    assert result.python_version == "3.12.0"


def test_environment_of_the_run_is_else_that_of_the_process_that_lived_longest(ctx: Contexta) -> None:
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    for number, version in ((1, "3.11.0"), (2, "3.12.0")):
        path = written.join(number)
        written.write(path, "environment", digest=objects.put(body(version)))
        written.write(path, "close", at=time.time_ns() // 1000 + number * 3_600_000_000)
    result = ctx.get_run("r").environment
    assert result is not None
    assert result.python_version == "3.12.0"


def test_end_of_an_environment_completes_its_beginning(ctx: Contexta) -> None:
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    start = objects.put(body())
    full = json.loads(body())
    full["distributions"] = [{"name": "numpy", "version": "2.0"}]
    written.write(written.first, "environment", digest=start)
    written.write(written.first, "environment", digest=objects.put(environment.encode(full)), of=start)
    (snapshot,) = ctx.metadata_store.environments.list_environment_snapshots("run:p.r")
    assert dict(snapshot.packages) == {"numpy": "2.0"}
    assert snapshot.environment_snapshot_ref.name == f"start-{start[:12]}"


def test_end_of_an_environment_names_only_what_changed(ctx: Contexta) -> None:
    """Journals written before repeat what did not; see the test above."""
    written = Written(ctx)
    objects = Objects(ctx.root / "objects")
    digest = objects.put(environment.encode({**json.loads(body()), "distributions": [{"name": "a", "version": "1"}]}))
    imported = objects.put(environment.encode({"imports": {"distributions": ["a"], "own": []}}))
    written.write(written.first, "environment", digest=digest, of="0123456789ab")
    assert ctx.get_run("r").status == "open"  # taken in up to here
    written.write(written.first, "environment", end=imported)
    (snapshot,) = ctx.metadata_store.environments.list_environment_snapshots("run:p.r")
    assert snapshot.environment_snapshot_ref.name == "start-0123456789ab"
    assert dict(snapshot.packages) == {"a": "1"}
    assert list((snapshot.imports or {})["distributions"]) == ["a"]


def test_end_of_an_environment_whose_beginning_was_lost_is_skipped_with_its_reason(ctx: Contexta) -> None:
    written = Written(ctx)
    written.write(written.first, "environment", end="0" * 64)
    (note,) = ctx.get_run("r").notes
    assert note.text == "p.r.jsonl: a environment record was skipped: it lacks or has an unknown 'digest'"


def test_facts_are_ingested_singly_and_in_groups(ctx: Contexta) -> None:
    written = Written(ctx)
    written.write(written.first, "fact", name="command", value=["a"])
    written.write(written.first, "fact", facts={"source": {"commit": "1"}, "seeds": {"torch": "3"}})
    written.write(written.join(1), "fact", facts={"command": ["b"], "extra": 1})  # of another process: only new lines
    written.write(written.join(2), "fact", facts=[1])
    details = ctx.get_run("r")
    assert dict(details.metadata) == {
        "command": ("a",), "extra": 1, "seeds": {"torch": "3"}, "source": {"commit": "1"},
        "lost_records": {"count": 1, "first": "fact", "reasons": {"[1] is not a mapping": 1}},
    }  # fmt: skip
    assert [note.text for note in details.notes] == ["p.r.2-ab.jsonl: a fact record was skipped: [1] is not a mapping"]


# ---------------------------------------------------------------------------------------------- the dead


@linux
def test_run_whose_process_died_is_crashed_at_its_last_record(ctx: Contexta) -> None:
    written = Written(ctx, **dead())
    written.write(written.first, "stage", stage="train", name="train", order=0)
    written.metric(written.first, g="train")
    with written.first.open("a") as file:
        file.write('{"s":3,"t":"metr')
    details = ctx.get_run("r")
    assert details.status == "crashed"
    assert details.ended_at == details.stages[0].metrics[0].observed_at
    assert details.stages[0].status == "crashed"
    (note,) = details.notes
    assert "its last line was cut short" in note.text
    assert list(written.folder.glob("*.jsonl")) == []


def test_run_of_a_living_process_stays_open(ctx: Contexta) -> None:
    written = Written(ctx)
    os.utime(written.first, (0, 0))  # silent since 1970, but its state can be read
    assert ctx.get_run("r").status == ("open" if "boot" in identity() else "crashed")


@linux
def test_reused_process_id_is_another_process(ctx: Contexta) -> None:
    process = identity()
    Written(ctx, **{**process, "began": process["began"] - 1})
    assert ctx.get_run("r").status == "crashed"


@linux
def test_run_lives_while_any_of_its_processes_lives(ctx: Contexta) -> None:
    written = Written(ctx, **dead())
    other = written.join(7, **identity())
    assert ctx.get_run("r").status == "open"
    written.write(other, "close")
    assert ctx.get_run("r").status == "crashed"


@linux
def test_journal_of_a_dead_process_of_a_live_run_is_ingested_completely(ctx: Contexta) -> None:
    written = Written(ctx)
    other = written.join(7, **dead())
    written.metric(other)
    details = ctx.get_run("r")
    assert (details.status, details.metrics) == ("open", {"loss": 0.5})
    assert not other.exists()
    assert written.first.exists()


@pytest.mark.parametrize("elsewhere", [{"boot": "another machine"}, {"space": "pid:[1]"}, {"pid": 1, "began": None}])
def test_unknown_process_counts_as_dead_only_after_long_silence(ctx: Contexta, elsewhere: dict[str, Any]) -> None:
    written = Written(ctx, **{**identity(), **elsewhere})
    written.metric(written.first)
    assert ctx.get_run("r").status == "open"
    before = time.time() - ingest.STALE - 1
    os.utime(written.first, (before, before))
    assert ctx.get_run("r").status == "crashed"
    assert written.first.exists()  # it may still record


def test_run_with_a_later_record_is_open_again(ctx: Contexta) -> None:
    written = Written(ctx, **{**identity(), "boot": "another machine"})
    os.utime(written.first, (0, 0))
    assert ctx.get_run("r").status == "crashed"
    written.metric(written.first)
    details = ctx.get_run("r")
    assert (details.status, details.ended_at) == ("open", None)
    written.write(written.first, "end", status="completed")
    assert ctx.get_run("r").status == "completed"


@linux
def test_end_written_between_reading_and_asking_is_not_missed(ctx: Contexta, monkeypatch: pytest.MonkeyPatch) -> None:
    written = Written(ctx)

    def dies_now(process: dict[str, Any]) -> bool:
        written.write(written.first, "end", status="completed")
        return False

    monkeypatch.setattr(ingest, "alive", dies_now)  # the moment cannot be met otherwise
    assert ctx.get_run("r").status == "completed"


# ---------------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize("what", ["metric", "stage metric", "ranks", "tag", "note"])
def test_many_names_cost_a_few_statements(ctx: Contexta, what: str) -> None:
    scopes: dict[str, dict[str, Any]] = {"stage metric": {"g": "train"}, "ranks": {"r": 3}}

    def cost(run: str, names: int) -> int:
        written = Written(ctx, run)
        if what == "stage metric":
            written.write(written.first, "stage", stage="train", name="train", order=0)
        for number in range(names):
            if what == "tag":
                written.write(written.first, "tag", k=f"name-{number}", x="x")
            elif what == "note":
                written.write(written.first, "note", topic="t", text=f"{number}")
            else:
                of = scopes.get(what, {})
                written.write(written.first, "metric", k=f"name-{number}", **of, x=number / 3)
        with observed_statements(ctx) as met:
            ctx.list_runs()
        return len(met)

    few, many = cost("p.few", 200), cost("p.many", 2_000)
    assert many <= few + 20


def test_series_are_selected_by_their_index(ctx: Contexta) -> None:
    written = Written(ctx)
    written.metric(written.first)
    with observed_statements(ctx) as met:
        ctx.list_runs()
    statement, values = next(item for item in met if item[0].startswith("SELECT metric_key"))
    with closing(sqlite3.connect(ctx.root / "contexta.db")) as raw:
        plan = raw.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    assert "uq_metric_series (run_id=? AND <expr>=? AND metric_key=? AND slice_ref=?)" in plan[0][-1]
