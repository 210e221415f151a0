"""Contexta installs into a pinned environment without changing it, and records where its libraries are too old."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT
from support.pythons import found

from contexta import Contexta
from contexta.core.requirements import NEEDED

pytestmark = pytest.mark.online

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


ENVIRONMENTS = {
    "scikit-learn 2022": (
        "3.10",
        "scikit-learn==1.1.1 pandas==1.4.3 numpy==1.23.1 scipy==1.8.1 matplotlib==3.5.2 tqdm==4.64.0 click==8.1.3",
    ),
    "xgboost 2022": ("3.10", "xgboost==1.6.1 scikit-learn==1.1.1 pandas==1.4.3 sqlalchemy==1.4.39 numpy==1.23.1"),
    "tensorflow 2022": ("3.10", "tensorflow==2.9.1 numpy==1.22.4 protobuf==3.19.4 packaging==21.3"),
    "torch 2022": ("3.10", "torch==1.12.1 torchvision==0.13.1 numpy==1.23.1 typing-extensions==4.3.0"),
    "lightning 2022": (
        "3.10",
        "pytorch-lightning==1.6.4 torch==1.11.0 rich==10.16.2 typing-extensions==4.0.1 click==7.1.2",
    ),
    "spacy 2022": ("3.10", "spacy==3.2.4 pydantic==1.8.2 typer==0.4.1 click==8.0.4 typing-extensions==4.1.1"),
    "serving 2022": ("3.10", "transformers==4.19.2 fastapi==0.78.0 pydantic==1.9.1 uvicorn==0.17.6 click==8.0.4"),
    "mlflow 2022": ("3.10", "mlflow==1.26.1 sqlalchemy==1.4.37 alembic==1.8.0 click==8.1.3 packaging==21.3"),
    "older mlflow 2022": ("3.10", "mlflow==1.14.1 alembic==1.4.1 sqlalchemy==1.4.31 click==7.1.2 pandas==1.4.3"),
    "ray 2022": ("3.10", "ray[tune]==2.0.0 click==8.0.4 pydantic==1.9.2 grpcio==1.43.0"),
    "hydra 2022": ("3.10", "hydra-core==1.2.0 wandb==0.12.18 click==8.0.4 markupsafe==2.0.1 jinja2==3.0.3"),
    "torch 2023": (
        "3.10",
        "torch==2.0.1 torchvision==0.15.2 numpy==1.24.4 pandas==2.0.3 typing-extensions==4.7.1 packaging==23.1",
    ),
    "transformers 2023": (
        "3.11",
        "transformers==4.34.0 datasets==2.14.5 tokenizers==0.14.0 huggingface-hub==0.16.4 packaging==23.2 click==8.1.7",
    ),
    "langchain 2023": ("3.11", "langchain==0.0.200 pydantic==1.10.9 openai==0.27.8 sqlalchemy==2.0.16"),
    "lightning 2024": (
        "3.11",
        "lightning==2.2.1 torch==2.2.1 torchmetrics==1.3.2 numpy==1.26.4 rich==13.7.1 typing-extensions==4.10.0",
    ),
    "serving 2024": (
        "3.11",
        "torch==2.4.0 transformers==4.44.0 accelerate==0.33.0 fastapi==0.112.0 pydantic==2.8.2 rich==13.7.1",
    ),
    "jax 2025": ("3.12", "jax==0.5.0 jaxlib==0.5.0 flax==0.10.2 optax==0.2.4 numpy==2.2.2 rich==13.9.4"),
    "tables 2025": ("3.13", "scikit-learn==1.6.1 lightgbm==4.6.0 pandas==2.2.3 polars==1.24.0 sqlalchemy==2.0.38"),
    "scikit-learn 2026": ("3.12", "scikit-learn==1.8.0 pandas==2.3.3 numpy==2.3.5 pydantic==2.12.5 rich==14.2.0"),
}
# Environments that are installed. Queries are unavailable in these.
TOO_OLD = {
    "pydantic 1": ("fastapi==0.78.0 pydantic==1.9.1 typing-extensions==4.3.0 click==7.1.2 rich==10.16.2", "pydantic"),
    "SQLAlchemy 1.4": ("sqlalchemy==1.4.39 alembic==1.8.0 packaging==21.3", "sqlalchemy"),
}
OLDEST = " ".join(f"{name}=={'.'.join(map(str, version))}" for name, version in NEEDED.items())

TRAIN = "import contexta; contexta.log({'loss': 0.5}, step=1)"
INIT = "import contexta; run = contexta.init(project='p', name='init'); contexta.log({'loss': 0.4}); run.finish()"


def resolved(python: str, requirements: list[str]) -> tuple[set[str], str]:
    """(the pins that uv would install, its error)."""
    options = ["--no-header", "--no-annotate", "--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
    done = subprocess.run(
        ["uv", "pip", "compile", "--quiet", *options, "-"],
        input="\n".join(requirements),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return set(done.stdout.split()), done.stderr


def ours() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    dependencies: list[str] = project["dependencies"]
    return dependencies


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_contexta_changes_no_pin_of_an_environment(name: str) -> None:
    python, pins = ENVIRONMENTS[name]
    before, error = resolved(python, pins.split())
    assert before, error
    after, error = resolved(python, [*before, *ours()])
    assert before <= after, error


def installed(folder: Path, minor: int, pins: str) -> Path:
    """The scripts directory of a new environment with the pins and Contexta."""
    if minor not in found():
        pytest.skip(f"no Python 3.{minor} here")
    subprocess.run(["uv", "venv", "--quiet", "--python", found()[minor], folder], check=True)
    (scripts,) = (path.parent for path in folder.glob("*/python*") if path.stem == "python")
    python = os.fspath(scripts / "python")
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, os.fspath(ROOT), *pins.split()], check=True)
    return scripts


@pytest.mark.parametrize("name", TOO_OLD)
def test_an_environment_without_queries_records_runs_for_another_one(tmp_path: Path, name: str) -> None:
    pins, culprit = TOO_OLD[name]
    scripts = installed(tmp_path / "venv", 10, pins)
    (tmp_path / "train.py").write_text(TRAIN)
    contexta, python = (os.fspath(scripts / name) for name in ("contexta", "python"))
    wrapped = [contexta, "run", "--quiet", "--name", "wrapped", "--project", "p", "--", python, "train.py"]
    for command in (wrapped, [python, "-c", INIT]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    query = [contexta, "diff", "wrapped", "init"]
    refused = subprocess.run(query, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr.startswith("error: this environment can record runs, but queries need ")
    assert f"{culprit} >= " in refused.stderr
    pinned = {tuple(pin.split("==")) for pin in pins.split()}
    with Contexta(tmp_path / ".contexta") as ctx:
        for run, loss in (("wrapped", 0.5), ("init", 0.4)):
            details = ctx.get_run(run)
            assert (details.status, dict(details.metrics), details.notes) == ("completed", {"loss": loss}, ())
            assert pinned <= set(ctx.get_environment(run).packages.items())


def test_queries_work_with_the_oldest_supported_libraries(tmp_path: Path) -> None:
    scripts = installed(tmp_path / "venv", 10, OLDEST)
    for name in ("first", "second"):
        subprocess.run([scripts / "python", "-c", INIT.replace("'init'", f"'{name}'")], cwd=tmp_path, check=True)
    for command in ("runs", "show @latest", "diff first second", "env first", "audit first", "why first second", "gc"):
        words = [os.fspath(scripts / "contexta"), *command.split()]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
