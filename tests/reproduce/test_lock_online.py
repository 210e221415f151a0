"""Locks of real packages, each read by its own tool: platform wheels, pure wheels, and a package without a wheel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.tiny_index import PYTHON
from support.wheels import Venv

from contexta import Contexta
from contexta.findings import LockFormat
from contexta.reproduce.rebuild import RebuildOptions
from contexta.reproduce.uv.commands import find_uv, python_in

pytestmark = [pytest.mark.online, pytest.mark.slow]

PACKAGES = ("scikit-learn", "tqdm", "docopt==0.6.2")
CODE = "import sklearn, tqdm, docopt"


def run(*argv: str, cwd: Path | None = None, **variables: str) -> None:
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=900, check=False, cwd=cwd, env={**os.environ, **variables}
    )
    assert done.returncode == 0, done.stderr


def record(tmp_path: Path, name: str, environment: Path) -> None:
    contexta = [sys.executable, "-m", "contexta.cli", "run", "--workspace", str(tmp_path / ".contexta"), "--name", name]
    run(*contexta, "--project", "p", "--", str(python_in(environment)), "-W", "ignore", "-c", CODE)


@pytest.fixture
def recorded(ctx: Contexta, tmp_path: Path) -> None:
    venv = Venv(tmp_path / "recorded", PYTHON)
    run(find_uv().path, "pip", "install", "--python", venv.python, *PACKAGES)
    record(tmp_path, "recorded", venv.path)


def installed(tmp_path: Path, form: LockFormat, content: str) -> Path:
    """A new environment made of a lock by the program that the format is for."""
    uv, at, file = find_uv().path, tmp_path / "again", tmp_path / "lock"
    if form == "uv":
        at.mkdir()
        (at / "pyproject.toml").write_text(content)
        run(uv, "sync", "--python", PYTHON, cwd=at)
        return at / ".venv"
    if form == "pylock":
        file = tmp_path / "pylock.toml"
    if form == "dockerfile":  # its files and commands, without an image
        file = tmp_path / "pylock.toml"
        copied = re.search(r"^COPY <<'END_OF_LOCK' \S+\n(.*)^END_OF_LOCK$", content, re.MULTILINE | re.DOTALL)
        assert copied is not None
        content = copied[1]
    if form == "conda":  # all of these packages are pip's
        lines = content.partition("  - pip:\n")[2].splitlines()
        content = "\n".join(json.loads(line.strip().removeprefix("- ")) for line in lines)
    file.write_text(content)
    if form in ("requirements", "conda"):
        run(PYTHON, "-m", "venv", str(at))
        hashes = ["--require-hashes"] if form == "requirements" else []
        run(str(python_in(at)), "-m", "pip", "install", *hashes, "-r", str(file), PIP_NO_DEPS="1")
    else:
        run(uv, "venv", "--python", PYTHON, str(at))
        run(uv, "pip", "install", "--no-deps", "--python", str(at), "-r", str(file))
    return at


@pytest.mark.parametrize("form", ["pylock", "requirements", "uv", "conda", "dockerfile"])
def test_an_installation_from_a_lock_matches_the_recording_file_by_file(
    recorded: None, ctx: Contexta, tmp_path: Path, form: LockFormat
) -> None:
    lock = ctx.lock_environment("recorded", form, options=RebuildOptions(build=True))
    assert (lock.missing, list(lock.open)) == ((), ["docopt"])
    record(tmp_path, "again", installed(tmp_path, form, lock.content))
    builds = [
        {
            distribution.name: (distribution.version, distribution.build)
            for distribution in ctx.get_environment(name).distributions
        }
        for name in ("recorded", "again")
    ]
    for brought in ("pip", "setuptools"):
        builds[1].pop(brought, None)  # with the environment, by what made it
    assert all(build for _, build in builds[0].values())
    del builds[0]["docopt"], builds[1]["docopt"]
    assert builds[0] == builds[1]
