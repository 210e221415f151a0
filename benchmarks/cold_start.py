"""What starting costs: `import contexta` against `import json`, `contexta version` against a bare interpreter.

    uv run benchmarks/cold_start.py [ROUNDS]

Every round starts one fresh interpreter per candidate, in turn, so that they meet the same machine. Bytecode is cached,
as it is on users' machines. Figures are medians over the rounds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = [sys.executable, "-S", "-E"]  # without site: nothing else is imported
SOURCE = Path(__file__).resolve().parent.parent / "src"
CANDIDATES = {
    "bare": [*PYTHON, "-c", "pass"],
    "import json": [*PYTHON, "-c", "import json"],
    "import contexta": [*PYTHON, "-c", f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import contexta"],
    "python -c pass": [sys.executable, "-c", "pass"],
    "contexta version": [str(Path(sys.executable).parent / "contexta"), "version"],
}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as cache:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = cache
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
    more = median["contexta version"] - median["python -c pass"]
    print(f"contexta version costs {more:.1f} ms over python -c pass (at most 100)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
