"""Measure the size of each further run of one program in one environment, in bytes.

    uv run benchmarks/bytes_per_run.py [--runs N]

Records runs in one process, inside and outside a git repository: runs without content, and runs with one parameter and
one metric. The figure is the growth of the files after the first twenty runs, which hold the environments and the empty
database. Journals count until `contexta gc` deletes them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
import sys
from contexta import Contexta
with Contexta() as ctx:
    for _ in range(int(sys.argv[1])):
        with ctx.run("train", project="demo") as run:
            if sys.argv[2] == "measured":
                run.param("lr", 0.1)
                run.metric("accuracy", 0.9)
    ctx.list_runs()
"""
FIRST = 20


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def sizes(workspace: Path) -> dict[str, int]:
    """Part of the workspace -> bytes of its files."""
    result = {"database": 0, "journal": 0, "objects": 0}
    for path in workspace.rglob("*"):
        if path.is_file():
            part = path.relative_to(workspace).parts[0]
            result[part if part in result else "database"] += path.stat().st_size
    return result


def taken(folder: Path, kind: str, count: int) -> dict[str, float]:
    (folder / "train.py").write_text(PROGRAM)
    seen = []
    for number in (FIRST, count):
        subprocess.run([sys.executable, "train.py", str(number), kind], cwd=folder, check=True)
        seen.append(sizes(folder / ".contexta"))
    before, after = seen
    return {part: (after[part] - before[part]) / count for part in after}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000)
    count = parser.parse_args().runs
    print(f"{'bytes a run':<28} {'all':>7} {'database':>9} {'journal':>8} {'objects':>8}")
    for inside in (True, False):
        for kind in ("bare", "measured"):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                if inside:
                    git(folder, "init", "-q")
                    (folder / ".gitignore").write_text(".contexta\ntrain.py\n")
                    git(folder, "add", ".")
                    git(folder, "commit", "-qm", "one")
                    git(folder, "remote", "add", "origin", "https://example.org/some-team/some-project.git")
                parts = taken(folder, kind, count)
            where = f"{kind}, {'inside' if inside else 'outside'} git"
            print(f"{where:<28} {sum(parts.values()):7.0f}", end="")
            print(f" {parts['database']:9.0f} {parts['journal']:8.0f} {parts['objects']:8.0f}", flush=True)


if __name__ == "__main__":
    main()
