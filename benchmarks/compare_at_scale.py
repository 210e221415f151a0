"""Measure writes and comparisons: appending 200 000 records, comparing two of thousands of runs, live runs.

    uv run benchmarks/compare_at_scale.py [RUNS] [RECORDS]

Fills a temporary workspace with RUNS runs (10 metrics and one of 20 environments of 300 packages each), then measures
single warm calls in this process as processor time. Each rate is printed with the rate of the same number of rows by a
plain `sqlite3.executemany` into a narrow table, into the table of points, and into all tables of a record: the limits.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from contexta import Contexta
from contexta.contract import EnvironmentSnapshot, MetricPayload, MetricRecord, Project, RecordEnvelope, Run
from contexta.store.schema import tables

WHEN = "2025-02-15T08:00:00Z"
Rows = list[tuple[Any, ...]]


def records(run: str, count: int, keys: int = 10) -> list[MetricRecord]:
    return [
        MetricRecord(
            envelope=RecordEnvelope(
                record_ref=f"record:bench.{run}.m{number}",
                record_type="metric",
                recorded_at=WHEN,
                observed_at=WHEN,
                producer_ref="benchmark",
                run_ref=f"run:bench.{run}",
            ),
            payload=MetricPayload(
                metric_key=f"metric-{number % keys}", value=number / 7, value_type="float64", step=number // keys
            ),
        )
        for number in range(count)
    ]


def put_run(ctx: Contexta, name: str, kind: int) -> None:
    ctx.metadata_store.runs.put_run(
        Run(
            run_ref=f"run:bench.{name}",
            project_ref="project:bench",
            name=name,
            status="completed",
            started_at=WHEN,
            ended_at=WHEN,
        )
    )
    ctx.metadata_store.environments.put_environment_snapshot(
        EnvironmentSnapshot(
            environment_snapshot_ref=f"environment:bench.{name}.snapshot",
            run_ref=f"run:bench.{name}",
            captured_at=WHEN,
            python_version="3.11.0",
            platform="linux",
            packages={f"package-{n}": f"1.{n}.{kind if n % 10 == 0 else 0}" for n in range(300)},
        )
    )


def median_ms(call: Callable[[], object], rounds: int = 30) -> float:
    call()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return statistics.median(taken) * 1e3


def bare_rate(count: int, folder: Path, *into: tuple[str, list[str], Rows]) -> float:
    """Rows a second of sqlite3's executemany into new tables: (name, what makes it, rows) of each."""
    connection = sqlite3.connect(folder / "bare.db")
    connection.execute("PRAGMA journal_mode=WAL")
    for _, creates, _ in into:
        for create in creates:
            connection.execute(create)
    start = time.process_time()
    for name, _, rows in into:
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.commit()
    rate = count / (time.process_time() - start)
    connection.close()
    (folder / "bare.db").unlink()
    return rate


def bare_rates(count: int, folder: Path) -> dict[str, float]:
    """A narrow table of SQLite's cheapest kind, the very table that holds our points, and all tables of a record."""
    plain = ["CREATE TABLE point (series INTEGER, number INTEGER, step INTEGER, at INTEGER, value REAL, exact TEXT)"]
    points: Rows = [(n // (count // 10), n, n // 10, 1739606400000000, n / 7, None) for n in range(count)]
    records: Rows = [(1, f"m{n:06}", n, 1, 1, n, 1739606400000000, None, None) for n in range(count)]
    ours = ("metric_point", made_by(tables.metric_point), points)
    return {
        "the cheapest table": bare_rate(count, folder, ("point", plain, points)),
        "our table of points": bare_rate(count, folder, ours),
        "our tables of a record": bare_rate(count, folder, ours, ("record", made_by(tables.record), records)),
    }


def made_by(table: Table) -> list[str]:
    parts: list[ExecutableDDLElement] = [CreateTable(table), *map(CreateIndex, table.indexes)]
    return [str(part.compile(dialect=sqlite.dialect())) for part in parts]


def statements(ctx: Contexta, call: Callable[[], object]) -> list[str]:
    """The query plans of what a call asks; a SCAN of a table would show here."""
    database: Any = ctx._opened().database
    seen: list[str] = []
    for connection in database._idle:
        connection.driver.set_trace_callback(seen.append)
    call()
    for connection in database._idle:
        connection.driver.set_trace_callback(None)
    plans = []
    with sqlite3.connect(ctx.root / "contexta.db") as connection:
        for statement in seen:
            if statement.lstrip().startswith("SELECT"):
                plans += [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
    return plans


def tell_rate(what: str, rate: float, folder: Path) -> None:
    bare = bare_rates(200_000, folder).items()
    beside = ", ".join(f"{name} {than:,.0f}/s ({rate / than:.0%})" for name, than in bare)
    print(f"{what}: {rate:,.0f}/s; bare executemany into {beside}")


def a_journal(folder: Path) -> None:
    """How fast what a live run left is taken in."""
    with Contexta(workspace=folder / "long") as ctx:
        ctx.list_runs()
        with ctx.run("long", project="bench") as run:
            for number in range(1_000_000):
                run.metric("loss", number / 7, step=number)
        start = time.process_time()
        ctx.list_runs()
        tell_rate("a journal of 1000000 measurements is taken in", 1e6 / (time.process_time() - start), folder)


def main(runs: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Contexta(workspace=Path(folder) / "ws") as ctx:
        ctx.metadata_store.projects.put_project(Project(project_ref="project:bench", name="bench", created_at=WHEN))
        start = time.perf_counter()
        for number in range(runs):
            put_run(ctx, f"r{number}", number % 20)
            ctx.record_store.append_many(records(f"r{number}", 10))
        print(f"{runs} runs put in {time.perf_counter() - start:.1f} s")
        for name in ("big-1", "big-2"):
            put_run(ctx, name, 0)
            made = records(name, count)
            start = time.process_time()
            ctx.record_store.append_many(made)
            tell_rate(f"append_many of {count}", count / (time.process_time() - start), Path(folder))
        print(f"compare_runs of the two:  {median_ms(lambda: ctx.compare_runs('bench.big-1', 'bench.big-2')):6.2f} ms")
        calls: dict[str, Callable[[], object]] = {
            "compare_runs": lambda: ctx.compare_runs("bench.r7", "bench.r18"),
            "compare_environments": lambda: ctx.compare_environments("bench.r7", "bench.r18"),
            "diff_runs": lambda: ctx.diff_runs("bench.r7", "bench.r18"),
            "get_run": lambda: ctx.get_run("bench.r7"),
            "list_runs(limit=100)": lambda: ctx.list_runs(limit=100),
        }
        for name, call in calls.items():
            scans = [plan for plan in statements(ctx, call) if plan.startswith("SCAN") and "USING" not in plan]
            print(f"{name:<24} {median_ms(call):6.2f} ms; full scans: {scans or 'none'}")
        a_journal(Path(folder))


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    main(*(arguments + [2_000, 200_000][len(arguments) :]))
