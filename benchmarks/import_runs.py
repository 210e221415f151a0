"""Time `contexta import` of logs of W&B, TensorBoard and MLflow.

    uv run benchmarks/import_runs.py [--runs N] [--points N]

Makes RUNS runs of each tool with POINTS points in four metrics, imports them into an empty workspace, and imports them
again. Prints the seconds of both imports, and the processor time of a point of the first one.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from contexta import Contexta
from contexta.importers.reading.tfrecord import framed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from support.trackers.wandb_log import encoded, field

METRICS, START = 4, 1_700_000_000


def wandb_logs(folder: Path, runs: int, points: int) -> None:
    """Logs as W&B 0.31 writes them: a record for each step."""

    def item(name: str, value: object) -> bytes:
        return field(1, field(2, name.encode()) + field(16, json.dumps(value).encode()))

    history = []
    for step in range(points // METRICS):
        items = [item(f"m{metric}", 0.1 + step / 7 + metric) for metric in range(METRICS)]
        own = [item("_step", step), item("_timestamp", START + step * 0.1), item("_runtime", step * 0.1)]
        history.append(field(2, b"".join([*items, *own]) + field(2, field(1, step))))
    for number in range(runs):
        run = field(17, field(1, f"r{number}".encode()) + field(3, b"p") + field(17, field(1, START + number)))
        log = folder / f"run-20231114_22{number // 60:02}{number % 60:02}-r{number}" / f"run-r{number}.wandb"
        log.parent.mkdir(parents=True)
        log.write_bytes(encoded(b":W&B\xe1\xbe\x00", [run, *history, field(18, b"")]))


def event_files(folder: Path, runs: int, points: int) -> None:
    """Event files as PyTorch writes them: an event for each value."""

    def number(key: int, kind: str, value: float) -> bytes:
        return bytes([key << 3 | (1 if kind == "<d" else 5)]) + struct.pack(kind, value)

    events = []
    for step in range(points // METRICS):
        for metric in range(METRICS):
            value = field(1, f"m{metric}".encode()) + number(2, "<f", 0.1 + step / 7 + metric)
            events.append(framed(number(1, "<d", START + step * 0.1) + field(2, step) + field(5, field(1, value))))
    for index in range(runs):
        (folder / f"run{index}").mkdir(parents=True)
        (folder / f"run{index}" / "events.out.tfevents.1700000000.host.1.0").write_bytes(b"".join(events))


def mlflow_store(folder: Path, runs: int, points: int) -> None:
    """A database with the tables of MLflow that hold metrics."""
    folder.mkdir()
    with closing(sqlite3.connect(folder / "mlflow.db")) as connection:
        connection.executescript(
            "CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE runs (run_uuid TEXT PRIMARY KEY, name TEXT, status TEXT, start_time BIGINT, end_time BIGINT,"
            " experiment_id INTEGER, artifact_uri TEXT, lifecycle_stage TEXT);"
            "CREATE TABLE metrics (key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT, step BIGINT, is_nan BOOLEAN,"
            " PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));"
            "CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);"
            "CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);"
            "CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);"
            "INSERT INTO experiments VALUES (1, 'p');"
        )
        for number in range(runs):
            run, at = f"{number:032x}", START * 1000
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, 'FINISHED', ?, ?, 1, '', 'active')", (run, f"r{number}", at, at + 1)
            )
            connection.executemany(
                "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, 0)",
                (
                    (f"m{metric}", 0.1 + step / 7 + metric, at + step * 100, run, step)
                    for metric in range(METRICS)
                    for step in range(points // METRICS)
                ),
            )
        connection.commit()


def measure(name: str, make: Callable[[Path, int, int], None], runs: int, points: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Contexta(Path(folder, ".contexta")) as ctx:
        source = Path(folder, "source")
        make(source, runs, points)
        seconds = []
        for outcome in ("imported", "present"):
            began = time.perf_counter(), time.process_time()
            assert {run.outcome for run in ctx.import_runs(source).runs} == {outcome}
            seconds.append((time.perf_counter() - began[0], time.process_time() - began[1]))
        (first, processor), (second, _) = seconds
        per_point = processor / runs / points * 1e6
        print(
            f"{name:12} {first:7.1f} s, again {second:6.1f} s; {per_point:.2f} us of a processor a point"
        )  # the result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--points", type=int, default=100_000)
    arguments = parser.parse_args()
    for name, make in (("W&B", wandb_logs), ("TensorBoard", event_files), ("MLflow", mlflow_store)):
        measure(name, make, arguments.runs, arguments.points)


if __name__ == "__main__":
    main()
