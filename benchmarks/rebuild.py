"""Record real environments, rebuild each with a cold and a warm cache, and print verdicts and times.

python benchmarks/rebuild.py [NAME ...]     needs the package index and uv; takes minutes; skips missing Pythons

Seconds are the wall time of the whole command: cold with the wheels in uv's cache, warm as the minimum of three. CPU is
the processor time of the warm command and its processes. The last line checks the requirement: warm, within a second,
for 60 packages.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from contexta.core.errors import ContextaError
from contexta.findings import Rebuild
from contexta.reproduce.uv.commands import Uv, find_uv

PROMISED, PACKAGES = 1.0, 60
COMMON = ["numpy", "pandas", "scikit-learn"]


@dataclass(frozen=True)
class Environment:
    """newest: the newest release that may be installed. special: how its own package came to be there."""

    python: str
    newest: str
    packages: list[str]
    special: str = ""
    expected: str = "match"


@dataclass
class Row:
    """What one environment cost."""

    found: Rebuild
    files: int
    cold: float
    warm: list[tuple[float, float]] = field(default_factory=list)  # seconds, CPU seconds


ENVIRONMENTS = {
    "2022-py38": Environment("3.8", "2022-03-01", [*COMMON, "requests", "matplotlib"]),
    "2022-py39-notebook": Environment("3.9", "2022-12-01", [*COMMON, "matplotlib", "notebook"]),
    "2023-py310-vcs": Environment("3.10", "2023-06-01", [*COMMON, "xgboost", "seaborn", "requests"], "vcs"),
    "2024-py311-editable": Environment("3.11", "2024-02-01", [*COMMON, "matplotlib", "jupyterlab"], "editable"),
    "2024-py311-changed": Environment("3.11", "2024-02-01", [*COMMON, "matplotlib"], "editable with changes"),
    "2024-py312-yanked": Environment("3.12", "2024-06-01", [*COMMON, "requests==2.32.0"]),
    "2025-py312-vcs": Environment("3.12", "2025-06-01", [*COMMON, "seaborn", "dask", "mlflow-skinny"], "vcs"),
    "2026-py313-large": Environment(
        "3.13", "2026-06-01", [*COMMON, "jupyterlab", "mlflow", "dask[complete]", "seaborn"]
    ),
    "2023-py311-removed": Environment("3.11", "2023-06-01", [*COMMON], "removed", "impossible"),
}


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users' machines keep bytecode
    print(
        f"{'environment':20} {'packages':>8} {'files':>6} {'cold s':>7} {'warm s':>7} {'CPU s':>6}  verdict", flush=True
    )
    stored = True
    with tempfile.TemporaryDirectory(prefix="contexta-benchmark-") as temporary:
        os.environ["CONTEXTA_CACHE_DIR"] = f"{temporary}/cache"
        for name, environment in ENVIRONMENTS.items():
            if len(sys.argv) > 1 and name not in sys.argv[1:]:
                continue
            try:
                row = _row(Path(temporary), find_uv(), name, environment)
            except (ContextaError, subprocess.CalledProcessError) as error:
                print(f"{name:20} left out: {getattr(error, 'stderr', '') or error}", flush=True)
                continue
            stored = _print(name, environment, row) and stored
    if hasattr(os, "getloadavg"):
        print(f"processes that wanted one of {os.cpu_count()} processors meanwhile: {os.getloadavg()[2]:.1f}")
    print(f"warm within {PROMISED:g} s for up to {PACKAGES} packages, and every verdict as expected: {stored}")


def _print(name: str, environment: Environment, row: Row) -> bool:
    result, best = row.found, min(row.warm, default=None)
    output = [
        *(str(deviation) for deviation in result.deviations),
        *(f"{package.name}: {package.reason}" for package in result.missing),
    ]
    output += [note for note in result.notes if "yanked" in note]
    verdict = " ".join([result.verdict, *([f"({'; '.join(output)})"] if output else [])])
    warm = f"{best[0]:>7.2f} {best[1]:>6.2f}" if best else f"{'-':>7} {'-':>6}"
    figures = f"{result.package_count:>8} {row.files:>6} {row.cold:>7.1f} {warm}"
    print(f"{name:20} {figures}  {verdict}", flush=True)
    is_late = best is not None and result.package_count <= PACKAGES and best[0] > PROMISED
    return result.verdict == environment.expected and not is_late


def _row(folder: Path, uv: Uv, name: str, environment: Environment) -> Row:
    _record(folder, uv, name, environment)
    result, cold, _ = _rebuild(folder, name, "cold")
    row = Row(result, sum(len(files) for _, _, files in os.walk(folder / f"cold-{name}")), cold)
    for number in range(3 if result.into else 0):
        again, *figures = _rebuild(folder, name, f"warm{number}")
        if (again.verdict, again.from_cache) != (result.verdict, True):
            raise ContextaError(
                f"{name} came out as {again.verdict} the second time, from the cache: {again.from_cache}"
            )
        row.warm.append((figures[0], figures[1]))
    return row


def _record(folder: Path, uv: Uv, name: str, environment: Environment) -> None:
    python = _python(environment.python)
    venv = folder / f"venv-{name}"
    _run(uv.path, "venv", "--quiet", "--python", python, str(venv))
    install = [uv.path, "pip", "install", "--quiet", "--python", str(venv / "bin" / "python")]
    _run(*install, f"--exclude-newer={environment.newest}T00:00:00Z", "--only-binary=:all:", *environment.packages)
    own = _project(folder / f"source-{name}", f"own-{name}") if environment.special else None
    if environment.special == "vcs":
        bare = folder / f"served-{name}.git"
        _run("git", "clone", "--quiet", "--bare", str(own), str(bare))
        _run(*install, f"git+file://{bare}")
    elif environment.special.startswith("editable"):
        _run(*install, "--editable", str(own))
    elif environment.special == "removed":  # what was on the index when it was installed, and is no more
        _run(uv.path, "build", "--quiet", "--wheel", "--out-dir", str(folder / "gone"), str(own))
        _run(*install, "--find-links", str(folder / "gone"), "--no-deps", f"own-{name}")
    if own is not None and environment.special.endswith("changes"):
        (own / "own.py").write_text("x = 'changed, and not committed'\n")
    contexta = [sys.executable, "-m", "contexta.cli", "run", "--workspace", str(folder / "workspace"), "--name", name]
    _run(*contexta, "--", str(venv / "bin" / "python"), "-c", "import sklearn, pandas", cwd=own)


def _rebuild(folder: Path, name: str, what: str) -> tuple[Rebuild, float, float]:
    """(what came out, seconds, CPU seconds) of the command."""
    place = ["--workspace", str(folder / "workspace"), "--into", str(folder / f"{what}-{name}"), "--json"]
    began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "contexta.cli", "rebuild", name, *place], capture_output=True, text=True, check=False
    )
    seconds, now = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        result = Rebuild.model_validate(json.loads(done.stdout))
    except ValueError as error:
        raise ContextaError(f"it did not answer: {done.stderr[-500:]}") from error
    return result, seconds, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def _python(version: str) -> str:
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    return str(pyenv[-1]) if pyenv else version


def _project(at: Path, name: str) -> Path:
    at.mkdir()
    (at / "pyproject.toml").write_text(
        f'[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\n[tool.setuptools]\npy-modules = ["own"]\n'
    )
    (at / "own.py").write_text("x = 1\n")
    git = ["git", "-C", str(at), "-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org"]
    for command in (["init", "-q"], ["add", "own.py", "pyproject.toml"], ["commit", "-qm", "first"]):
        _run(*git, *command)
    return at


def _run(*argv: str, cwd: Path | None = None) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True, cwd=cwd)


if __name__ == "__main__":
    main()
