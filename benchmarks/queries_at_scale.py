"""What questions cost in a workspace of thousands of runs, beside mlflow on its SQLite store.

    uv run benchmarks/queries_at_scale.py [RUNS] [POINTS] [--mlflow PYTHON]

Fills a temporary workspace with RUNS runs (20 parameters, 10 final metrics and one of 200 environments of 300 packages
each) and one run of POINTS points, then times single calls on it, warm, in process, medians of processor time, which
other work on the machine disturbs least. With --mlflow, the same runs (without environments, which it does not record)
are put into an mlflow store by that interpreter, which needs mlflow installed, and the same questions are asked there.
Rows go in by bulk; only the questions are timed.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from contexta import Contexta
from contexta.contract import EnvironmentSnapshot, Project, Run
from contexta.scalars import from_microseconds, to_microseconds
from contexta.store.orders import number_of, words_of

BEGAN = to_microseconds("2025-01-01T00:00:00Z")
PARAMS, METRICS, ENVIRONMENTS, PACKAGES = 20, 10, 200, 300


def fill(root: Path, runs: int, points: int) -> None:
    with Contexta(workspace=root) as ctx:
        store = ctx.metadata_store
        store.projects.put_project(Project(project_ref="project:b", name="b", created_at="2025-01-01T00:00:00Z"))
        for kind in range(ENVIRONMENTS):
            at = from_microseconds(BEGAN + kind * 1_000_000)
            fields = {"status": "completed", "started_at": at, "ended_at": at}
            store.runs.put_run(Run(run_ref=f"run:b.r{kind}", project_ref="project:b", name=f"r{kind}", **fields))
            store.environments.put_environment_snapshot(
                EnvironmentSnapshot(
                    environment_snapshot_ref=f"environment:b.r{kind}.s",
                    run_ref=f"run:b.r{kind}",
                    captured_at=at,
                    python_version="3.11.0",
                    platform="linux",
                    packages={"torch": f"2.{kind}.0", **{f"package-{n}": f"1.{n}" for n in range(PACKAGES - 1)}},
                )
            )
        with ctx.run("long", project="b") as run:
            for step in range(points):
                run.metric("loss", step % 1_000 / 7, step=step)
        ctx.list_runs(limit=1)
    with sqlite3.connect(root / "contexta.db") as connection:
        multiply(connection, runs)


def multiply(connection: sqlite3.Connection, runs: int) -> None:
    """The runs beyond those that were put, as rows: as many puts, each on the disk, would take an hour."""
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")  # seals for verify; the questions do not read them
    first = connection.execute("SELECT max(id) + 1 FROM run").fetchone()[0]
    ids = [*range(1, ENVIRONMENTS + 1), *range(first, first + runs - ENVIRONMENTS)]
    later = [(n, f"run:b.x{n}", f"x{n}", BEGAN + n * 1_000_000, n % ENVIRONMENTS + 1) for n in ids[ENVIRONMENTS:]]
    connection.executemany(
        "INSERT INTO run (id, ref, project_id, slug, name, status, started_at, ended_at, tags, metadata,"
        " environment_body_id) VALUES (?1, ?2, 1, ?3, ?3, 'completed', ?4, ?4 + 1000000, '{}', '{}', ?5)",
        later,
    )
    connection.executemany(
        "INSERT INTO environment (ref, run_id, environment_body_id, captured_at) VALUES (?, ?, ?, ?)",
        [(f"environment:b.x{n}.s", n, body, at) for n, _, _, at, body in later],
    )
    connection.executemany(
        "INSERT INTO param (run_id, name, value, number, words) VALUES (?, ?, ?, ?, ?)",
        [
            (n, f"p{p}", json.dumps(value), number_of(value), words_of(value))
            for n in ids
            for p in range(PARAMS)
            for value in [round(n * (p + 1) % 97 / 97, 3)]
        ],
    )
    ends = [(n, f"m{m}", n * (m + 7) % 1_009 / 1_009) for n in ids for m in range(METRICS)]
    connection.executemany("INSERT INTO run_metric (run_id, metric_key, value) VALUES (?, ?, ?)", ends)
    connection.executemany(
        "INSERT INTO metric_series (run_id, metric_key, slice_ref, points, last_step, last_at, last_value)"
        f" VALUES (?, ?, '', 1, 0, {BEGAN}, ?)",
        ends,
    )


def median_ms(call: Callable[[], object], rounds: int = 15) -> float:
    call()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return statistics.median(taken) * 1e3


def ours(root: Path) -> dict[str, float]:
    with Contexta(workspace=root) as ctx:
        ctx.list_runs(limit=1)
        calls: dict[str, Callable[[], object]] = {
            "list 100 latest": lambda: ctx.list_runs(limit=100),
            "page of a metric filter": lambda: ctx.list_runs(where="metrics.m3 > 0.9", limit=20),
            "page of a rare metric filter": lambda: ctx.list_runs(where="metrics.m3 > 0.998", limit=20),
            "page sorted by a metric": lambda: ctx.list_runs(order_by="metrics.m3 desc", limit=20),
            "page of a package filter": lambda: ctx.list_runs(where="packages.torch < 2.10", limit=20),
            "load one run": lambda: ctx.get_run("b.r7"),
            "compare two runs": lambda: ctx.compare_runs("b.r7", "b.r18"),
            "with both environments": lambda: ctx.diff_runs("b.r7", "b.r18"),
            "downsampled series": lambda: ctx.metric_series("b.long", "loss", points=500),
        }
        return {name: median_ms(call) for name, call in calls.items()}


def fresh(root: Path) -> float:
    """The first call of a fresh process, imports included, over a bare interpreter."""
    code = f"from contexta import Contexta\nwith Contexta({str(root)!r}) as c: c.list_runs(limit=100)"
    taken = []
    for program in ("pass", code) * 3:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", program], check=True)
        taken.append(time.perf_counter() - start)
    return (min(taken[1::2]) - min(taken[::2])) * 1e3


MLFLOW = """
import json, sys, time, statistics, random
import mlflow
from mlflow.tracking import MlflowClient
from mlflow.entities import Metric, Param
folder, runs = sys.argv[1], int(sys.argv[2])
client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
experiment = client.create_experiment("b")
ids = []
for n in range(runs):
    run = client.create_run(experiment)
    ids.append(run.info.run_id)
    client.log_batch(run.info.run_id,
        metrics=[Metric(f"m{m}", n * (m + 7) % 1009 / 1009, 0, 0) for m in range(10)],
        params=[Param(f"p{p}", str(round(n * (p + 1) % 97 / 97, 3))) for p in range(20)])
def median(call):
    call(); taken = []
    for _ in range(15):
        start = time.process_time(); call(); taken.append(time.process_time() - start)
    return statistics.median(taken) * 1e3
search = lambda **k: client.search_runs([experiment], **k)
print(json.dumps({
    "list 100 latest": median(lambda: search(max_results=100)),
    "page of a metric filter": median(lambda: search(filter_string="metrics.m3 > 0.9", max_results=20)),
    "page of a rare metric filter": median(lambda: search(filter_string="metrics.m3 > 0.998", max_results=20)),
    "page sorted by a metric": median(lambda: search(order_by=["metrics.m3 DESC"], max_results=20)),
    "load one run": median(lambda: client.get_run(ids[7])),
    "compare two runs": median(lambda: (client.get_run(ids[7]), client.get_run(ids[18]))),
}))
"""


def main(runs: int, points: int, mlflow: str | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "ws"
        fill(root, runs, points)
        found = {**ours(root), "first call of a fresh process": fresh(root)}
        beside: dict[str, float] = {}
        if mlflow is not None:
            done = subprocess.run([mlflow, "-c", MLFLOW, folder, str(runs)], check=True, capture_output=True, text=True)
            beside = json.loads(done.stdout.splitlines()[-1])
        print(f"{runs} runs, a series of {points} points; milliseconds")
        for name, taken in found.items():
            other = beside.get(name)
            print(f"{name:<32}{taken:9.2f}" + (f"{other:9.1f}  {other / taken:6.1f}x" if other else ""))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=int, nargs="?", default=10_000)
    parser.add_argument("points", type=int, nargs="?", default=1_000_000)
    parser.add_argument("--mlflow", help="an interpreter that has mlflow")
    given = parser.parse_args()
    main(given.runs, given.points, given.mlflow)
