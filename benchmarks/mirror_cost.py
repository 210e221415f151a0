"""Measure the cost of mirroring a call of a tracker: ``uv run benchmarks/mirror_cost.py``.

The tracker is a class whose methods do nothing, so that the difference is the mirror's. Each figure is the least of
five rounds of 20 000 calls, in microseconds of processor time of the thread that logs. The last line is the time of
all threads for a value: another thread writes the points, and holds the interpreter lock of the program for it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

TRACKIO = """
class Run:
    def __init__(self, url, project, client, name=None, config=None):
        self.project, self.name, self.config, self._next_step = project, "r", config, 0
    def log(self, metrics, step=None):
        pass
"""
PROGRAM = """
import sys, time
sys.path.insert(0, "library")
from trackio.run import Run
run = Run(None, "p", None)
def cost(values, seconds=time.thread_time):
    best = 1e9
    for _ in range(5):
        began = seconds()
        for step in range(20_000):
            run.log(values, step)
        best = min(best, seconds() - began)
        time.sleep(0.3)  # the points are written
    return best / 20_000 * 1e6
began = time.process_time(), time.perf_counter()
print(cost({"loss": 0.5}), cost({name: 0.5 for name in ("a", "b", "c", "d", "e")}), cost({}))
print((time.process_time() - began[0]) / 600_000 * 1e6)
"""


def _figures(folder: str, *options: str) -> list[list[float]]:
    command = [sys.executable, "-m", "contexta.cli", "run", "--quiet", *options, "--", sys.executable, "train.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "library", "trackio")
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "run.py").write_text(TRACKIO)
        Path(folder, "train.py").write_text(PROGRAM)
        bare, mirrored = _figures(folder, "--no-mirror"), _figures(folder)
    for label, before, after in zip(("one value", "five values", "no value"), bare[0], mirrored[0], strict=True):
        print(f"{label:12} {before:6.3f} -> {after:6.3f} us a call, {after - before:+.3f}")  # the result
    print(f"processor time of a value, writing included: {mirrored[1][0] - bare[1][0]:.3f} us")  # as above


if __name__ == "__main__":
    main()
