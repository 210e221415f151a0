"""Measure starts: `import contexta` against `import json`, and commands against a bare interpreter.

    uv run benchmarks/cold_start.py [ROUNDS]

Every round starts one fresh interpreter per candidate, in turn, so that they meet the same machine. Bytecode is cached,
as it is on users' machines. Figures are medians over the rounds; those of queries are processor time.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from contexta import Contexta

PYTHON = [sys.executable, "-S", "-E"]  # without site: nothing else is imported
CONTEXTA = str(Path(sys.executable).parent / "contexta")
SOURCE = Path(__file__).resolve().parent.parent / "src"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
CANDIDATES = {
    "bare": [*PYTHON, "-c", "pass"],
    "import json": [*PYTHON, "-c", "import json"],
    "import contexta": [*PYTHON, "-c", f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import contexta"],
    "python -c pass": [sys.executable, "-c", "pass"],
    "contexta version": [CONTEXTA, "version"],
    "contexta --help": [CONTEXTA, "--help"],
}
QUERIES = {
    "bare": [sys.executable, "-c", "pass"],
    "import sqlalchemy": [sys.executable, "-c", "import sqlalchemy"],
    "contexta runs": [CONTEXTA, "runs"],
    "contexta show": [CONTEXTA, "show", "@latest"],
    "contexta diff": [CONTEXTA, "diff"],
    "contexta metrics": [CONTEXTA, "metrics"],
}
"""Commands in a workspace of 20 runs."""


def seconds(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as cache:
        environment = {**ENVIRONMENT, "PYTHONPYCACHEPREFIX": cache}
        taken: dict[str, list[float]] = {name: [] for name in CANDIDATES}
        for turn in range(rounds + 1):
            for name, command in CANDIDATES.items():
                # -E ignores PYTHONPYCACHEPREFIX, so the prefix goes by option there
                prefixed = [command[0], "-X", f"pycache_prefix={cache}", *command[1:]] if "-E" in command else command
                spent = seconds(prefixed, environment)
                if turn:  # the first round fills the cache
                    taken[name].append(spent)
    median = {name: statistics.median(values) * 1e3 for name, values in taken.items()}
    for name, value in median.items():
        print(f"{name:<18} {value:7.2f} ms")
    ours, theirs = median["import contexta"] - median["bare"], median["import json"] - median["bare"]
    print(f"import contexta costs {ours:.2f} ms, import json {theirs:.2f} ms: ratio {ours / theirs:.2f} (at most 2)")
    for name in ("contexta version", "contexta --help"):
        more = median[name] - median["python -c pass"]
        print(f"{name} costs {more:.1f} ms over python -c pass (at most 100)")


def queries(rounds: int) -> None:
    """Print the processor time of queries, the median and the least of the rounds."""
    with tempfile.TemporaryDirectory() as directory:
        with Contexta(Path(directory, ".contexta")) as ctx:
            for number in range(20):
                with ctx.run(f"run-{number}", project="p") as run:
                    run.params({"lr": number})
                    run.metric("accuracy", number / 20)
            ctx.list_runs()
        spent: dict[str, list[float]] = {name: [] for name in QUERIES}
        for turn in range(rounds + 1):
            for name, command in QUERIES.items():
                taken = processor_seconds(command, directory)
                if turn:  # the first round fills the cache of bytecode
                    spent[name].append(taken * 1e3)
    for name, values in spent.items():
        print(f"{name:<18} {statistics.median(values):7.0f} ms of processor time, at least {min(values):.0f} ms")


def processor_seconds(command: list[str], directory: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=directory, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
    queries(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
