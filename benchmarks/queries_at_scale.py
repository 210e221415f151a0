"""Measure queries in workspaces of thousands of runs, on SQLite and PostgreSQL, and compare with mlflow and aim.

    uv run benchmarks/queries_at_scale.py [RUNS ...] [--points N] [--postgres URL] [--mlflow PYTHON] [--aim PYTHON]

For each number of runs it fills a temporary workspace with that many runs (20 parameters, 10 final metrics and one of
200 environments of 300 packages each) and one run of POINTS points. Then it measures single warm calls in this process:
the median and the minimum of the processor time of 15 to 300 rounds.
--postgres: the same in an empty database there, for the first number of runs, as wall time, because the server is
another process. SQLite is then measured as wall time too. --mlflow: the same runs (without environments, which it does
not record) and the same queries in an mlflow store, by an interpreter that has mlflow. Rows are inserted in bulk; only
queries are measured. --aim: the same by an interpreter that has aim, which has no bulk insertion: it logs the first
thousand runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from contexta import Contexta
from contexta.contract import EnvironmentSnapshot, Project, Run
from contexta.core.validation import from_microseconds, to_microseconds
from contexta.store.schema import tables
from contexta.store.schema.sort_keys import number_of, words_of
from contexta.store.schema.statements import insert_rows

BEGAN = to_microseconds("2025-01-01T00:00:00Z")
PARAMS, METRICS, ENVIRONMENTS, PACKAGES = 20, 10, 200, 300
ROUNDS, SHORT = 15, 0.3  # at least so many, and of what is short as many as take so many seconds
RUN = (
    "id",
    "ref",
    "project_id",
    "slug",
    "name",
    "status",
    "started_at",
    "ended_at",
    "tags",
    "metadata",
    "content_digest",
)


def fill(ctx: Contexta, runs: int, points: int) -> None:
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
    with ctx._opened().writing() as connection:
        multiply(connection, runs)


def multiply(connection: Connection, runs: int) -> None:
    """The runs beyond those that were put, as rows: as many puts, each on the disk, would take an hour."""
    first = connection.exec_driver_sql("SELECT max(id) + 1 FROM run").scalar_one()
    last = first + runs - ENVIRONMENTS
    of = {n: n % ENVIRONMENTS + 1 for n in range(first, last)}  # the environment of each
    at = {n: BEGAN + n * 1_000_000 for n in of}
    rows = [
        (n, f"run:b.x{n}", 1, f"x{n}", f"x{n}", "completed", at[n], at[n] + 1_000_000, "{}", "{}", "none", of[n])
        for n in of
    ]
    insert_rows(connection, tables.run, (*RUN, "environment_body_id"), len(rows), rows)
    columns = ("ref", "run_id", "environment_body_id", "captured_at")
    snapshots = [(f"environment:b.x{n}.s", n, of[n], at[n]) for n in of]
    insert_rows(connection, tables.environment, columns, len(snapshots), snapshots)
    ids = [*range(1, ENVIRONMENTS + 1), *of]
    for start in range(0, len(ids), 1_000):
        some = ids[start : start + 1_000]
        values = [(n, f"p{p}", round(n * (p + 1) % 97 / 97, 3)) for n in some for p in range(PARAMS)]
        params = [(n, name, json.dumps(value), number_of(value), words_of(value)) for n, name, value in values]
        insert_rows(connection, tables.param, ("run_id", "name", "value", "number", "words"), len(params), params)
        ends = [(n, f"m{m}", n * (m + 7) % 1_009 / 1_009) for n in some for m in range(METRICS)]
        ended = ("run_id", "metric_key", "slice_ref", "points", "last_step", "last_at", "last_value", "is_last")
        series = [(n, key, "", 1, 0, BEGAN + n * 1_000_000, value, True) for n, key, value in ends]
        insert_rows(connection, tables.metric_series, ended, len(series), series)
    connection.exec_driver_sql(  # each series has the one point that it counts
        "INSERT INTO metric_point (series_id, number, step, observed_at, value) "
        "SELECT id, 0, last_step, last_at, last_value FROM metric_series "
        "WHERE id NOT IN (SELECT series_id FROM metric_point)"
    )


def timed_ms(call: Callable[[], object], clock: Callable[[], float]) -> tuple[float, float]:
    """(median, least)"""
    call()
    start = clock()
    call()
    taken = [clock() - start]
    while len(taken) < ROUNDS or (sum(taken) < SHORT and len(taken) < 300):
        start = clock()
        call()
        taken.append(clock() - start)
    return statistics.median(taken) * 1e3, min(taken) * 1e3


Timed = dict[str, tuple[float, float]]


def ours(ctx: Contexta, clock: Callable[[], float]) -> Timed:
    ctx.list_runs(limit=1)
    calls: dict[str, Callable[[], object]] = {
        "list 100 latest": lambda: ctx.list_runs(limit=100),
        "page of a metric filter": lambda: ctx.list_runs(where="metrics.m3 > 0.9", limit=20),
        "page of a rare metric filter": lambda: ctx.list_runs(where="metrics.m3 > 0.998", limit=20),
        "page sorted by a metric": lambda: ctx.list_runs(order_by="metrics.m3 desc", limit=20),
        "page of a package filter": lambda: ctx.list_runs(where="packages.torch < 2.10", limit=20),
        "load one run": lambda: ctx.get_run("b.r7"),
        "compare two runs": lambda: ctx.compare_runs("b.r7", "b.r18"),
        "every difference": lambda: ctx.diff_runs("b.r7", "b.r18"),
        "downsampled series": lambda: ctx.metric_series("b.long", "loss", points=500),
    }
    return {name: timed_ms(call, clock) for name, call in calls.items()}


def on_postgres(url: str, runs: int, points: int) -> Timed:
    with Contexta(workspace=url) as ctx:
        fill(ctx, runs, points)
        with ctx._opened().writing() as connection:
            connection.exec_driver_sql("ANALYZE")  # as the server does by itself, a minute later
        return ours(ctx, time.perf_counter)


def fresh(root: Path) -> tuple[float, float]:
    """The first call of a fresh process, imports included, over a bare interpreter; bytecode is cached, as it is on
    users' machines."""
    code = f"from contexta import Contexta\nwith Contexta({str(root)!r}) as c: c.list_runs(limit=100)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken = []
    with tempfile.TemporaryDirectory() as cache:
        environment["PYTHONPYCACHEPREFIX"] = cache
        for program in ("pass", code) * 10:
            start = os.times()
            subprocess.run([sys.executable, "-c", program], check=True, env=environment)
            end = os.times()
            taken.append(end.children_user + end.children_system - start.children_user - start.children_system)
    bare, answer = taken[2::2], taken[3::2]  # the first round fills the cache
    return (statistics.median(answer) - statistics.median(bare)) * 1e3, (min(answer) - min(bare)) * 1e3


MLFLOW = """
import json, sqlite3, sys, time, statistics
from mlflow.tracking import MlflowClient
from mlflow.entities import Metric, Param
folder, runs = sys.argv[1], int(sys.argv[2])
client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
experiment = client.create_experiment("b")
first = client.create_run(experiment).info.run_id
client.log_batch(first, metrics=[Metric(f"m{m}", 0.5, 0, 0) for m in range(10)],
    params=[Param(f"p{p}", "0.5") for p in range(20)])
connection = sqlite3.connect(f"{folder}/mlflow.db")
ids = [first]
def like(table, count, changed):
    cursor = connection.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (first,))
    names, rows = [column[0] for column in cursor.description], cursor.fetchall()
    marks = ", ".join("?" * len(names))
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})",
        (tuple(changed(n, dict(zip(names, row))).values()) for n in range(1, count) for row in rows))
def a_run(n, row):
    ids.append(f"{n:032x}")
    return {**row, "run_uuid": ids[n], "start_time": row["start_time"] + n}
def a_metric(n, row):
    return {**row, "run_uuid": ids[n], "value": n * (int(row["key"][1:]) + 7) % 1009 / 1009}
def a_param(n, row):
    return {**row, "run_uuid": ids[n], "value": str(round(n * (int(row["key"][1:]) + 1) % 97 / 97, 3))}
like("runs", runs, a_run)
for table in ("metrics", "latest_metrics"):
    like(table, runs, a_metric)
like("params", runs, a_param)
like("tags", runs, lambda n, row: {**row, "run_uuid": ids[n]})
connection.commit()
def timed(call):
    call(); taken = []
    for _ in range(15):
        start = time.process_time(); call(); taken.append(time.process_time() - start)
    return statistics.median(taken) * 1e3, min(taken) * 1e3
search = lambda **k: client.search_runs([experiment], **k)
assert len(search(max_results=100)) == 100
print(json.dumps({
    "list 100 latest": timed(lambda: search(max_results=100)),
    "page of a metric filter": timed(lambda: search(filter_string="metrics.m3 > 0.9", max_results=20)),
    "page of a rare metric filter": timed(lambda: search(filter_string="metrics.m3 > 0.998", max_results=20)),
    "page sorted by a metric": timed(lambda: search(order_by=["metrics.m3 DESC"], max_results=20)),
    "load one run": timed(lambda: client.get_run(ids[7])),
    "compare two runs": timed(lambda: (client.get_run(ids[7]), client.get_run(ids[18]))),
}))
"""


AIM_RUNS = 1_000
AIM = """
import itertools, json, sys, time, statistics
from aim import Repo, Run
repo, runs = Repo.from_path(sys.argv[1], init=True), int(sys.argv[2])
for n in range(runs):
    run = Run(repo=repo, experiment="b", system_tracking_interval=None, capture_terminal_logs=False,
        log_system_params=False)
    run["params"] = {f"p{p}": round(n * (p + 1) % 97 / 97, 3) for p in range(20)}
    for m in range(10):
        run.track(n * (m + 7) % 1009 / 1009, name=f"m{m}", step=0)
    run.close()
repo._recreate_index()  # as `aim storage reindex` does; what was not indexed is not found
repo = Repo.from_path(sys.argv[1])
def told(run):
    return run["params"], {metric.name: metric.values.last()[1] for metric in run.metrics()}
def latest(count):
    return [told(run) for run in itertools.islice(repo.iter_runs(), count)]
def fitting(query, count):
    found = []
    for run in repo.query_metrics(query, report_mode=0).iter_runs():
        found += [told(metric.run) for metric in itertools.islice(run, 1)]
        if len(found) == count:
            break
    return found
def timed(call):
    call(); taken = []
    for _ in range(5):
        start = time.process_time(); call(); taken.append(time.process_time() - start)
    return statistics.median(taken) * 1e3, min(taken) * 1e3
ids = [run.hash for run in itertools.islice(repo.iter_runs(), 20)]
assert len(latest(100)) == 100 and len(fitting("metric.name == 'm3' and metric.last > 0.9", 20)) == 20
print(json.dumps({
    "list 100 latest": timed(lambda: latest(100)),
    "page of a metric filter": timed(lambda: fitting("metric.name == 'm3' and metric.last > 0.9", 20)),
    "page of a rare metric filter": timed(lambda: fitting("metric.name == 'm3' and metric.last > 0.998", 20)),
    "load one run": timed(lambda: told(repo.get_run(ids[7]))),
    "compare two runs": timed(lambda: (told(repo.get_run(ids[7])), told(repo.get_run(ids[18])))),
}))
"""


def beside(script: str, python: str, folder: Path, runs: int) -> Timed:
    done = subprocess.run([python, "-c", script, str(folder), str(runs)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"a peer failed: {done.stderr[-2_000:]}")
    found: Timed = json.loads(done.stdout.splitlines()[-1])
    return found


def show(title: str, found: Timed, than: Timed, what: str) -> None:
    print(f"\n{title}; milliseconds: median, least; {what}")
    for name, (median, least) in found.items():
        ratio = f"{median / than[name][0]:8.2f} {least / than[name][1]:8.2f}" if name in than else ""
        print(f"{name:<32}{median:9.2f}{least:9.2f}{ratio}")


def main(sizes: list[int], points: int, postgres: str | None, mlflow: str | None, aim: str | None) -> None:
    first: Timed = {}
    for runs in sizes:
        with tempfile.TemporaryDirectory() as folder:
            with Contexta(workspace=Path(folder) / "ws") as ctx:
                fill(ctx, runs, points)
                result = ours(ctx, time.process_time)
                by_clock = ours(ctx, time.perf_counter) if postgres and not first else {}
            result["first call of a fresh process"] = fresh(Path(folder) / "ws")
            show(
                f"{runs} runs, a series of {points} points",
                result,
                first,
                f"times those of {sizes[0]}" if first else "",
            )
            if not first and mlflow:
                show("mlflow", beside(MLFLOW, mlflow, Path(folder), runs), result, "times ours")
            if not first and aim:
                less = min(runs, AIM_RUNS)
                show(f"aim, {less} runs", beside(AIM, aim, Path(folder), less), result, f"times ours of {runs}")
            if not first and postgres:
                show(
                    "PostgreSQL, by the clock",
                    on_postgres(postgres, runs, points),
                    by_clock,
                    "times SQLite by the clock",
                )
            first = first or result


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("runs", type=int, nargs="*")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--postgres", help="the address of an empty database")
    parser.add_argument("--mlflow", help="an interpreter that has mlflow")
    parser.add_argument("--aim", help="an interpreter that has aim")
    given = parser.parse_args()
    main(given.runs or [10_000], given.points, given.postgres, given.mlflow, given.aim)
