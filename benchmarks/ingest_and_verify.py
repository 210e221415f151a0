"""Cost of ingesting one run with many points, of small runs, and of `verify`.

    uv run benchmarks/ingest_and_verify.py [--points N] [--rounds N] [--postgres URL]

Each round records a run of POINTS points in three metrics with 20 parameters, ingests it, and verifies the workspace.
It also records and ingests 20 runs of 10 points each. Prints the median and the minimum of the processor time in
milliseconds.
--postgres: an empty database to use instead of SQLite.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from contexta import Contexta

METRICS, SMALL_RUNS = 3, 20


def record(ctx: Contexta, points: int) -> None:
    with ctx.run("run", project="p") as run:
        run.params({f"p{number}": number for number in range(20)})
        with run.stage("train") as stage:
            for step in range(points // METRICS):
                for metric in range(METRICS):
                    stage.metric(f"m{metric}", 0.1 + step / 7 + metric, step=step)


def one_round(workspace: str | Path, points: int) -> dict[str, float]:
    seconds = {}
    with Contexta(workspace) as ctx:
        ctx.list_runs()
        for name, count, runs in (("ingest one run", points, 1), ("ingest small runs", 10, SMALL_RUNS)):
            for _ in range(runs):
                record(ctx, count)
            began = time.process_time()
            ctx.list_runs()
            seconds[name] = time.process_time() - began
        began = time.process_time()
        verification = ctx.verify()
        seconds["verify"] = time.process_time() - began
        assert verification.sound, verification.damage
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgres")
    arguments = parser.parse_args()
    seconds = defaultdict(list)
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for name, value in one_round(arguments.postgres or Path(folder) / "ws", arguments.points).items():
                seconds[name].append(value)
    for name, values in seconds.items():
        print(f"{name}: median {1000 * statistics.median(values):.0f} ms, minimum {1000 * min(values):.0f} ms")


if __name__ == "__main__":
    main()
