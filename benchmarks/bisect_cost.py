"""Measure the cost of a bisect trial on top of the training, step by step.

    uv run benchmarks/bisect_cost.py [--mixes 5]

Needs the package index, or uv's cache of it. The endpoints are two environments of about 40 packages around
scikit-learn, resolved for two dates a year apart. Each mix takes half of the changes from one and the rest from the
other. The steps: checking that both are unchanged, linking the mix, confirming its pins with uv, the first start of
Python, the first and the second import of scikit-learn and its dependencies, and a whole trial of a program that only
imports them. The time of that trial beyond the import is what bisect adds to a training. Figures are wall time and
processor time, which other load affects less.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from contexta.bisect.execution.run_job import run_job
from contexta.bisect.execution.trial_job import Command, TrialJob
from contexta.reproduce.environments.builder import Contents, build, require_pins
from contexta.reproduce.environments.cache import FOLDER_VARIABLE, find_cache
from contexta.reproduce.environments.linker import Recipe, link
from contexta.reproduce.uv.commands import Uv, find_uv, python_in
from contexta.reproduce.uv.interpreters import Interpreter

Took = tuple[float, float]
"""Seconds on the clock, and of processor time."""
DIRECT = (
    "scikit-learn",
    "pandas",
    "matplotlib",
    "seaborn",
    "statsmodels",
    "jupyter-client",
    "requests",
    "tqdm",
    "rich",
)
MONTHS = {"OLD": "2024-03-01", "NEW": "2025-03-01"}
IMPORT = "import sklearn.ensemble, sklearn.linear_model, pandas, matplotlib.pyplot"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixes", type=int, default=5)
    parser.add_argument("--python", default="3.11")
    arguments = parser.parse_args()
    uv = find_uv()
    python = uv.interpreter(arguments.python)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER_VARIABLE] = f"{folder}/cache"
        ends = {end: resolved(uv, python, date) for end, date in MONTHS.items()}
        changed = [name for name in ends["OLD"] if ends["NEW"].get(name) not in (None, ends["OLD"][name])]
        print(f"Python {python.version}, {len(ends['OLD'])} and {len(ends['NEW'])} packages, {len(changed)} changed")
        cache = find_cache()
        for end, pins in ends.items():
            with timed(f"{end} built and compiled, once"):
                build(uv, cache, python, Contents(pins))
        rows = [one(uv, python, ends, changed, Path(folder), number) for number in range(arguments.mixes)]
        print("\nmedian of the mixes")
        for part in rows[0]:
            clock, cpu = (statistics.median(row[part][kind] for row in rows) for kind in (0, 1))
            print(f"  {part:<46} {clock:6.2f} s, {cpu:.2f} s of processor time")


def one(
    uv: Uv, python: Interpreter, ends: Mapping[str, Mapping[str, str]], changed: list[str], folder: Path, number: int
) -> dict[str, Took]:
    """The parts of one mix, in seconds."""
    dice = random.Random(number)
    moved = set(dice.sample(changed, len(changed) // 2))
    pins = {name: ends["NEW" if name in moved else "OLD"][name] for name in ends["OLD"]}
    found: dict[str, Took] = {}
    at = folder / f"mix-{number}"
    cache = find_cache()
    with timed("cached environments checked", found):
        built = {end: build(uv, cache, python, Contents(ends[end])) for end in ends}
    parts = {name: built["NEW" if name in moved else "OLD"] for name in pins}
    with timed("linked, and its pins confirmed", found):
        link(uv, at, python, parts, pins)
    with timed("  of it: pins confirmed", found):
        require_pins(uv, at, pins)
    for part, code in (("first start of Python", "pass"), ("first import", IMPORT), ("import again", IMPORT)):
        with timed(part, found):
            subprocess.run([python_in(at), "-c", code], check=False, capture_output=True)
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "train.py").write_text(f"try:\n    {IMPORT}\nexcept ImportError:\n    pass\nprint('accuracy=1')\n")
    job = TrialJob(
        command=Command(("python", "train.py"), "accuracy", str(source)),
        recipe=Recipe(python, pins, tuple(Contents(end) for end in ends.values())),
        seed=0,
        variables={},
        about={"study": "cost", "key": str(number)},
        workspace=str(folder / "workspace"),
        timeout=600.0,
    )
    with timed("whole trial that only imports", found):
        result = run_job(job)
    assert result.value == 1.0, result.reason
    whole, inside = found["whole trial that only imports"], found["import again"]
    found["beside the training: that without the import"] = whole[0] - inside[0], whole[1] - inside[1]
    return found


def resolved(uv: Uv, python: Interpreter, date: str) -> dict[str, str]:
    """What uv would have installed on a day."""
    argv = [uv.path, "pip", "compile", "-q", "--no-header", "--no-annotate", "--python", python.path]
    argv += ["--exclude-newer", date, "--only-binary", ":all:", "-"]
    output = subprocess.run(argv, input="\n".join(DIRECT), capture_output=True, text=True, check=True).stdout
    pairs = (line.split(" ")[0].partition("==") for line in output.splitlines() if "==" in line)
    return {name: version for name, _, version in pairs}


@contextmanager
def timed(what: str, into: dict[str, Took] | None = None) -> Iterator[None]:
    clock, cpu = time.monotonic(), processor()
    yield
    took = time.monotonic() - clock, processor() - cpu
    if into is None:
        print(f"  {what:<42} {took[0]:6.2f} s, {took[1]:.2f} s of processor time")
    else:
        into[what] = took


def processor() -> float:
    """Processor time of this process and of those it started that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
