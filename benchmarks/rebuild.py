"""Record real environments, build each again twice, and say what came out and how long it took.

python benchmarks/rebuild.py        needs the package index and uv; takes minutes; leaves out Pythons that are not there
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from contexta import Contexta
from contexta.errors import ContextaError
from contexta.reproduce.uv import Uv, find_uv

COMMON = ["numpy", "pandas", "scikit-learn"]
# name -> (Python, newest release allowed, what is installed, what is special)
ENVIRONMENTS: dict[str, tuple[str, str, list[str], str]] = {
    "2022-py38": ("3.8", "2022-03-01", [*COMMON, "requests"], ""),
    "2022-py39-notebook": ("3.9", "2022-12-01", [*COMMON, "matplotlib", "notebook"], ""),
    "2023-py310-vcs": ("3.10", "2023-06-01", [*COMMON, "xgboost"], "vcs"),
    "2024-py311-editable": ("3.11", "2024-02-01", [*COMMON, "matplotlib", "jupyterlab"], "editable"),
    "2025-py312-vcs": ("3.12", "2025-06-01", [*COMMON, "seaborn", "dask", "mlflow-skinny"], "vcs"),
    "2026-py313-large": ("3.13", "2026-06-01", [*COMMON, "jupyterlab", "mlflow", "dask[complete]", "seaborn"], ""),
    "2023-py311-removed": ("3.11", "2023-06-01", [*COMMON], "removed"),
}


def main() -> None:
    print(f"{'environment':22} {'packages':>8} {'cold s':>7} {'warm s':>7}  verdict")
    with tempfile.TemporaryDirectory(prefix="contexta-benchmark-") as temporary:
        os.environ["CONTEXTA_CACHE_DIR"] = f"{temporary}/cache"
        folder, uv = Path(temporary), find_uv()
        for name, (version, newest, packages, special) in ENVIRONMENTS.items():
            if len(sys.argv) > 1 and name not in sys.argv[1:]:
                continue
            try:
                print(_row(folder, uv, name, version, newest, packages, special), flush=True)
            except (ContextaError, subprocess.CalledProcessError) as error:
                print(f"{name:22} left out: {getattr(error, 'stderr', '') or error}", flush=True)


def _row(folder: Path, uv: Uv, name: str, version: str, newest: str, packages: list[str], special: str) -> str:
    python = _python(version)
    venv = folder / f"venv-{name}"
    _run(uv.path, "venv", "--quiet", "--python", python, str(venv))
    install = [uv.path, "pip", "install", "--quiet", "--python", str(venv / "bin" / "python")]
    _run(*install, f"--exclude-newer={newest}T00:00:00Z", "--only-binary=:all:", *packages)
    own = _project(folder / f"source-{name}", f"own-{name}") if special else None
    if special == "vcs":
        _run(*install, f"git+file://{own}")
    elif special == "editable":
        _run(*install, "--editable", str(own))
    elif special == "removed":  # what was on the index when it was installed, and is no more
        _run(uv.path, "build", "--quiet", "--wheel", "--out-dir", str(folder / "gone"), str(own))
        _run(*install, "--find-links", str(folder / "gone"), "--no-deps", f"own-{name}")
    contexta = [sys.executable, "-m", "contexta.cli", "run", "--workspace", str(folder / "workspace"), "--name", name]
    _run(*contexta, "--", str(venv / "bin" / "python"), "-c", "import sklearn, pandas", cwd=own)
    with Contexta(workspace=folder / "workspace") as ctx:
        cold = ctx.rebuild_environment(name, folder / f"cold-{name}")
        warm = ctx.rebuild_environment(name, folder / f"warm-{name}")
    said = [*(str(each) for each in cold.deviations), *(f"{each.name}: {each.reason}" for each in cold.missing)]
    verdict = f"{cold.verdict} {'; '.join(said)}" if said else cold.verdict
    return f"{name:22} {cold.package_count:>8} {cold.seconds:>7.1f} {warm.seconds:>7.2f}  {verdict}"


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
