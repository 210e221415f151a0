"""Installing Contexta beside a pinned environment moves nothing: it fits, or it is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.online

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"

FITS = {
    "scikit-learn 2022": (
        "3.10",
        "scikit-learn==1.1.1 pandas==1.4.3 numpy==1.23.1 scipy==1.8.1 matplotlib==3.5.2 tqdm==4.64.0 click==8.1.3",
    ),
    "torch 2023": (
        "3.10",
        "torch==2.0.1 torchvision==0.15.2 numpy==1.24.4 pandas==2.0.3 typing-extensions==4.7.1 packaging==23.1",
    ),
    "transformers 2023": (
        "3.11",
        "transformers==4.34.0 datasets==2.14.5 tokenizers==0.14.0 huggingface-hub==0.16.4 packaging==23.2 click==8.1.7",
    ),
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
# pydantic 1, SQLAlchemy 1, or other things of their time; `contexta run` needs no installation there
TOO_OLD = {
    "xgboost 2022": ("3.10", "xgboost==1.6.1 scikit-learn==1.1.1 pandas==1.4.3 sqlalchemy==1.4.39 numpy==1.23.1"),
    "tensorflow 2022": ("3.10", "tensorflow==2.9.1 numpy==1.22.4 protobuf==3.19.4 packaging==21.3"),
    "torch 2022": ("3.10", "torch==1.12.1 torchvision==0.13.1 numpy==1.23.1 typing-extensions==4.3.0"),
    "langchain 2023": ("3.11", "langchain==0.0.200 pydantic==1.10.9 openai==0.27.8 sqlalchemy==2.0.16"),
}


def resolved(python: str, requirements: list[str]) -> tuple[set[str], str]:
    """What uv would install, and why it would not."""
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
    found: list[str] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    return found


@pytest.mark.parametrize("name", FITS)
def test_nothing_of_a_pinned_environment_moves(name: str) -> None:
    python, pins = FITS[name]
    before, why_not = resolved(python, pins.split())
    assert before, why_not
    after, why_not = resolved(python, [*before, *ours()])
    assert before <= after, why_not


@pytest.mark.parametrize("name", TOO_OLD)
def test_an_environment_that_is_too_old_is_refused_and_not_moved(name: str) -> None:
    python, pins = TOO_OLD[name]
    before, why_not = resolved(python, pins.split())
    assert before, why_not
    after, why_not = resolved(python, [*before, *ours()])
    assert not after
    assert any(name in why_not for name in ("pydantic", "packaging", "sqlalchemy"))
