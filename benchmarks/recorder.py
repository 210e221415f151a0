"""Measure recording and compare it with other trackers: starting and finishing a run, and logging scalars.

    uv run benchmarks/recorder.py [--into DIR] [--rounds N] [--scalars N] [--only NAME ...]

Builds one virtual environment per tool (with uv and the package index); that of Contexta has the 280 distributions of
environment-280.txt. Each round runs every script once, so that all run under the same load. Start and finish is the
median of the wall time of a process minus that of a bare interpreter of the same environment. Scalars are logged one by
one from one thread: the rate in the loop, and the rate until the process has ended and everything is durable.
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
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = "contexta"
PACKAGES = {
    OURS: ["-r", str(HERE / "environment-280.txt"), str(HERE.parent)],
    "trackio": ["trackio"],
    "sacred": ["sacred", "setuptools<80"],
    "aim": ["aim", "setuptools<80"],
    "wandb": ["wandb"],
    "mlflow": ["mlflow"],
}
# name -> (environment, begin, log one scalar, end)
TOOLS = {
    "contexta.init": (
        OURS,
        "import contexta; run = contexta.init(project='bench', name='x')",
        "run.metric('loss', i / 7, step=i)",
        "run.finish()",
    ),
    "Contexta().run": (
        OURS,
        "from contexta import Contexta; run = Contexta().run('x', project='bench')",
        "run.metric('loss', i / 7, step=i)",
        "run.finish()",
    ),
    "trackio": (
        "trackio",
        "import trackio; trackio.init(project='bench', name='x')",
        "trackio.log({'loss': i / 7}, step=i)",
        "trackio.finish()",
    ),
    "sacred": (
        "sacred",
        "from sacred import Experiment; from sacred.observers import FileStorageObserver\n"
        "experiment = Experiment('bench', save_git_info=False, interactive=True)\n"
        "experiment.observers.append(FileStorageObserver('runs'))",
        "",
        "experiment.main(lambda: None); experiment.run()",
    ),
    "aim": (
        "aim",
        "import aim; run = aim.Run(repo='.', experiment='bench', log_system_params=True)",
        "run.track(i / 7, name='loss', step=i)",
        "run.close()",
    ),
    "wandb offline": (
        "wandb",
        "import wandb; run = wandb.init(project='bench', mode='offline', dir='.')",
        "run.log({'loss': i / 7}, step=i)",
        "run.finish()",
    ),
    "mlflow sqlite": (
        "mlflow",
        "import mlflow; mlflow.set_tracking_uri('sqlite:///m.db'); mlflow.set_experiment('bench'); mlflow.start_run()",
        "mlflow.log_metric('loss', i / 7, step=i)",
        "mlflow.end_run()",
    ),
}
FEWER = {"mlflow sqlite": 50}  # one by one it is so slow that a part tells the rate


def build(name: str, folder: Path) -> Path:
    """The interpreter of a tool's environment, built once, byte-compiled."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        base = str(Path(sys.base_prefix) / "bin" / "python3")
        subprocess.run(["uv", "venv", "--quiet", "--python", base, str(folder / name)], check=True)
        install(python, *PACKAGES[name])
    return python


def install(python: Path, *what: str) -> None:
    command = ["uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    subprocess.run([*command, *what], check=True)


def seconds(python: Path, code: str, directory: Path) -> tuple[float, str]:
    """(wall time, stdout) of a script in its own process."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    start = time.perf_counter()
    done = subprocess.run(
        [python, "-c", code], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    spent = time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{code}\nfailed:\n{done.stderr}")
    return spent, done.stdout


def start_and_finish(names: list[str], folder: Path, rounds: int) -> None:
    taken: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in names:
            environment, begin, _, end = TOOLS[name]
            python = build(environment, folder)
            with tempfile.TemporaryDirectory() as bare, tempfile.TemporaryDirectory() as work:
                floor, _ = seconds(python, "pass", Path(bare))
                spent, _ = seconds(python, f"{begin}\n{end}", Path(work))
                if turn:  # the first round warms the caches
                    taken[name].append(spent - floor)
    print(f"{'start and finish':<18} {'ms':>8}  (fastest, slowest)")
    for name, values in sorted(taken.items(), key=lambda item: statistics.median(item[1])):
        print(f"{name:<18} {statistics.median(values) * 1e3:8.0f}  ({min(values) * 1e3:.0f}, {max(values) * 1e3:.0f})")


def scalars(names: list[str], folder: Path, count: int) -> None:
    print(f"\n{'scalars one by one':<18} {'in the loop':>12} {'until durable':>14}")
    for name in names:
        environment, begin, log, end = TOOLS[name]
        if not log:
            continue
        number = count // FEWER.get(name, 1)
        code = (
            f"{begin}\nimport time, json\na = time.perf_counter()\nfor i in range({number}): {log}\n"
            f"b = time.perf_counter()\n{end}\nprint('TIMES', json.dumps([b - a, time.perf_counter() - a]))"
        )
        with tempfile.TemporaryDirectory() as work:
            _, output = seconds(build(environment, folder), code, Path(work))
        loop, durable = json.loads(output.rpartition("TIMES")[2])
        print(f"{name:<18} {number / loop:10,.0f}/s {number / durable:12,.0f}/s")


def call_times(folder: Path, count: int) -> None:
    """Single calls of run.metric, beside what one write and one json.dumps cost here."""
    code = f"""
import json, os, statistics, time
import contexta
run = contexta.init(project='bench', name='calls')
taken = []
for i in range({count}):
    a = time.perf_counter_ns(); run.metric('loss', i / 7, step=i); taken.append(time.perf_counter_ns() - a)
taken.sort()
handle = os.open('plain', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
line = b'x' * 70
a = time.perf_counter_ns()
for i in range({count}): os.write(handle, line)
write = (time.perf_counter_ns() - a) / {count}
a = time.perf_counter_ns()
for i in range({count}): json.dumps({{'t': i, 'k': 'loss', 'x': i / 7, 'i': i}})
dumps = (time.perf_counter_ns() - a) / {count}
run.finish()
print(f'run.metric: median {{taken[len(taken) // 2] / 1e3:.2f}} us, p99 {{taken[int(len(taken) * .99)] / 1e3:.2f}} us; '
      f'one write {{write / 1e3:.2f}} us, one json.dumps {{dumps / 1e3:.2f}} us')
"""
    with tempfile.TemporaryDirectory() as work:
        print("\n" + seconds(build(OURS, folder), code, Path(work))[1].strip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, help="where the environments are built and kept")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scalars", type=int, default=100_000)
    parser.add_argument("--only", nargs="*", choices=TOOLS, default=list(TOOLS))
    chosen = parser.parse_args()
    folder = chosen.into or Path(tempfile.mkdtemp(prefix="contexta-peers-"))
    folder.mkdir(parents=True, exist_ok=True)
    install(build(OURS, folder), "--reinstall-package", "contexta", str(HERE.parent))  # as it is now
    start_and_finish(chosen.only, folder, chosen.rounds)
    scalars(chosen.only, folder, chosen.scalars)
    call_times(folder, chosen.scalars)


if __name__ == "__main__":
    main()
