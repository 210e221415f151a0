"""One secret, planted wherever secrets lie, and looked for in every byte of the workspace."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from contexta import Contexta

Git = Callable[..., str]
# One for each place, so that a hit says where it came from; plain words, so that nothing but the place betrays them
CANARY = "plaincanary{}word"

VARIABLES = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HUB_PROXY_PASSWORD",
    "HUGGINGFACE_API_KEY",
    "TF_API_KEY",
    "TF_VAR_db_password",
    "TF_TOKEN_app_terraform_io",
    "TF_HTTP_PASSWORD",
    "DATASETS_SECRET",
    "NCCL_SECRET_KEY",
    "RAY_AUTH_TOKEN",
    "DASK_GATEWAY__AUTH__PASSWORD",
    "PYTHON_KEYRING_PASSWORD",
    "CUDA_LICENSE_KEY",
    "JAX_ACCESS_KEY",
    "TORCH_HUB_CREDENTIALS",
    "MKL_PRIVATE_KEY",
    "PL_CLOUD_API_KEY",
    "VLLM_API_KEY",
    "ARROW_AWS_SECRET_ACCESS_KEY",
    "WANDB_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_URL",
    "LIGHTNING_USER_ID_TOKEN",
)
URL_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "HF_ENDPOINT")

TRAIN = """
    import logging, os, sys
    import contexta
    # api_key = "{source}"
    run = contexta.init(
        config={{"api_key": "{config}", "db": {{"password": "{nested}"}}, "dsn": "postgres://u:{dsn}@db/x"}},
        tags={{"token": "{tag}", "use_cls_token": "yes"}},
    )
    run.param("auth_header", "Bearer {bearer}")
    run.param("num_tokens", 5)
    run.note("why", "connected to https://me:{note}@host/")
    run.metric("loss", 0.5)
    run.input("data", "https://me:{input}@host/data.csv")
    attributes = {{"api_key": "{attribute}", "a": {{"password": "{deep}"}}}}
    run.event("login", "postgres://u:{event}@db/x", attributes=attributes)
    with run.stage("s") as stage, stage.batch("https://me:{batch}@h/"), stage.span("https://me:{span}@h/") as span:
        span.set("token", "{set}")
        stage.sample("https://me:{sample}@h/").event("https://me:{key}@h/")
        stage.operation("https://me:{operation}@h/").metric("m", 1, unit="https://me:{unit}@h/")
    run.deployment("https://me:{deployment}@h/")
    run.register_artifact("a", "missing.bin", attributes={{"password": "{artifact}"}})
    print("password={stdout}")
    print("Authorization: Bearer {stderr}", file=sys.stderr)
    raise RuntimeError("cannot log in to mysql://root:{trace}@db/ with token={message}")
"""


def planted() -> dict[str, str]:
    places = [
        "source",
        "config",
        "nested",
        "dsn",
        "tag",
        "bearer",
        "note",
        *("event", "attribute", "deep", "batch", "span", "set", "sample", "key", "operation", "unit", "deployment"),
        "artifact",
        "input",
        "stdout",
        "stderr",
        "trace",
        "message",
    ]
    return {place: CANARY.format(f"{number:02}") for number, place in enumerate(places)}


def hits(folder: Path, secrets: dict[str, str]) -> list[str]:
    """The places of secrets in files of the workspace and in the content of the database."""
    result = []
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "contexta.db" for path in files)
    for path in files:
        data = path.read_bytes()
        result += [
            f"{name} in {path.relative_to(folder)}" for name, secret in secrets.items() if secret.encode() in data
        ]
    with sqlite3.connect(folder / "contexta.db") as connection:
        dump = "\n".join(connection.iterdump())
    return result + [f"{name} in the database" for name, secret in secrets.items() if secret in dump]


@pytest.mark.skipif(os.name != "posix", reason="written for POSIX shells")
def test_no_planted_secret_is_found_anywhere(tmp_path: Path, git: Git) -> None:
    secrets = planted()
    variables: dict[str, str] = {}
    for name in VARIABLES:
        secrets[name] = CANARY.format(f"v{len(secrets)}")
        value = f"postgres://u:{secrets[name]}@host/db" if name == "DATABASE_URL" else secrets[name]
        variables[name] = value
    for name in URL_VARIABLES:
        secrets[name] = CANARY.format(f"u{len(secrets)}")
        variables[name] = f"https://__token__:{secrets[name]}@index.example/simple"
    arguments = []
    for number, form in enumerate(
        (
            ["--token", "{}"],
            ["--api-key={}"],
            ["--config", '{{"auth": {{"password": "{}"}}}}'],
            ["https://user:{}@host/path"],
            ["db.password={}"],
            ["-H", "Authorization: Bearer {}"],
            ["--dsn", "postgresql://u:{}@host/db"],
            ["HF_TOKEN={}"],
        )
    ):
        secrets[f"argument {number}"] = secret = CANARY.format(f"a{number}")
        arguments += [part.format(secret) for part in form]
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init")
    (repository / "settings.py").write_text("password = 'old'\n")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "first")
    for name in ("remote", ".env", "changed", "untracked", "direct_url"):
        secrets[name] = CANARY.format(f"g{len(secrets)}")
    git(repository, "remote", "add", "origin", f"https://me:{secrets['remote']}@git.example/x.git")
    (repository / ".env").write_text(f"API={secrets['.env']}\n")
    (repository / "settings.py").write_text(f"password = '{secrets['changed']}'\n")
    (repository / "more.yaml").write_text(f"api_token: {secrets['untracked']}\n")
    (repository / "train.py").write_text(textwrap.dedent(TRAIN.format(**secrets)))
    info = tmp_path / "site" / "fromgit-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fromgit\nVersion: 1.0\n\n")
    url = f"https://me:{secrets['direct_url']}@git.example/fromgit.git"
    direct = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "a" * 40}}
    (info / "direct_url.json").write_text(json.dumps(direct))

    command = [sys.executable, "-I", "-m", "contexta.cli", "run", "--name", "r", "--tag", f"secret={secrets['tag']}"]
    workspace = tmp_path / "workspace"
    done = subprocess.run(
        [*command, "--", sys.executable, "train.py", "--num_tokens=5", "--use_cls_token", *arguments],
        cwd=repository,
        env={**os.environ, **variables, "PYTHONPATH": str(tmp_path / "site"), "CONTEXTA_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert secrets["stdout"] in done.stdout, "what the program writes is passed on as it is"
    with Contexta(workspace=workspace) as ctx:
        details = ctx.get_run("r")
        snapshot = ctx.get_environment("r")
    assert "\n".join(hits(workspace, secrets)) == ""
    assert snapshot.packages["fromgit"] == "1.0"
    assert details.params["num_tokens"] == 5
    assert details.tags["use_cls_token"] == "yes"
    assert {"--num_tokens=5", "--use_cls_token"} <= set(details.metadata["invocation"]["argv"])
    assert snapshot.environment_variables["HF_TOKEN"].startswith("secret:sha256:")
    assert snapshot.environment_variables["PIP_INDEX_URL"] == "https://index.example/simple"
    assert details.metadata["failure"]["type"] == "RuntimeError"
    assert details.metadata["source"]["remote"] == "https://git.example/x.git"
