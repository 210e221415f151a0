"""Train the same script in two real environments and say what changed.

    uv run examples/two_environments/compare.py [DIRECTORY]

Builds two virtual environments with uv (old and new scikit-learn; needs the package index), runs train.py in each with
a live recording, then prints `contexta diff`. Everything goes into DIRECTORY, by default a temporary one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONTEXTA = HERE.parent.parent
ENVIRONMENTS = {
    "old": ["scikit-learn==1.3.2", "numpy==1.26.4", "scipy==1.11.4"],
    "new": ["scikit-learn==1.4.2", "numpy==1.26.4", "scipy==1.13.1"],
}


def call(*command: str | Path, cwd: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


def interpreter() -> str:
    """This Python if the pinned releases have wheels for it, else one that uv finds or fetches."""
    if sys.version_info[:2] > (3, 12):
        return "3.12"
    return str(Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3"))


def python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    base = interpreter()
    for name, pins in ENVIRONMENTS.items():
        environment = directory / f"env-{name}"
        print(f"{name}: {', '.join(pins)}")
        call("uv", "venv", "--quiet", "--python", base, environment, cwd=directory)
        call("uv", "pip", "install", "--quiet", "--python", python_of(environment), *pins, CONTEXTA, cwd=directory)
        call(python_of(environment), HERE / "train.py", name, directory / "workspace", cwd=directory)
    print(flush=True)
    contexta = [sys.executable, "-m", "contexta.cli", "--workspace", str(directory / "workspace")]
    sys.exit(subprocess.run([*contexta, "diff", "old", "new"]).returncode)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="contexta-")))
