from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import settings
from support.builders import Cli
from support.servers import Server

from contexta import Contexta
from contexta.cli import main
from contexta.store.backends.engine import open_store

STARTS_PROCESSES = {"run", "rerun", "rebuild", "bisect", "demo", "lock", "sync"}  # commands

settings.register_profile("contexta", deadline=None)  # two slow cores are no bug
settings.load_profile("contexta")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # of a background job, and its children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two processors: a quarter of the time, tests wait for processes that they started."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors + (processors + 1) // 2


@pytest.fixture(autouse=True)
def _empty_user_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads or writes a workspace it did not make; processes it starts cache their bytecode, as users' do."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    for name in [name for name in os.environ if name.startswith("CONTEXTA_")]:
        monkeypatch.delenv(name)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):  # advice is for the activated environment
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONTEXTA_DELIVERY", "off")  # tests of it switch it on
    monkeypatch.setenv("CONTEXTA_CACHE_DIR", str(tmp_path.with_name(f"{tmp_path.name}-environments")))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a new workspace, as the migrations make it: copied, it saves each test 0.2 s of Alembic."""
    root = tmp_path_factory.mktemp("template")
    open_store(root).close()
    return root / "contexta.db"


@pytest.fixture
def ctx(tmp_path: Path, template: Path) -> Iterator[Contexta]:
    _prepare(tmp_path / ".contexta", template)
    with Contexta(workspace=tmp_path / ".contexta") as opened:
        yield opened


def _prepare(root: Path, template: Path) -> None:
    root.mkdir()
    shutil.copy(template, root / "contexta.db")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server of the test session, started for the first test that uses it."""
    started = Server()
    yield started
    started.stop()


@pytest.fixture
def database(server: Server) -> str:
    """The address of a new workspace on the server."""
    return server.workspace()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new workspace, once as a directory and once on a server."""
    if request.param == "sqlite":
        _prepare(tmp_path / ".contexta", request.getfixturevalue("template"))
        return str(tmp_path / ".contexta")
    return str(request.getfixturevalue("database"))


@pytest.fixture
def anywhere(place: str) -> Iterator[Contexta]:
    """A client of a workspace of either kind."""
    with Contexta(workspace=place) as opened:
        yield opened


@pytest.fixture
def cli(tmp_path: Path, cli_process: Cli) -> Cli:
    """Run the command line in the test's directory: in this process where the command starts no other process."""

    def run(*arguments: str | bytes, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        texts = [argument for argument in arguments if isinstance(argument, str)]
        is_environment_of_python = any(name.startswith("PYTHON") for name in env or {})
        starts_processes = bool(STARTS_PROCESSES & {*texts}) and "--help" not in texts
        if len(texts) < len(arguments) or starts_processes or is_environment_of_python:
            return cli_process(*arguments, env=env)
        streams = [TextIOWrapper(BytesIO(), "utf-8", newline="") for _ in range(2)]
        with patch.dict(os.environ, env or {}), redirect_stdout(streams[0]), redirect_stderr(streams[1]):
            before = Path.cwd()
            os.chdir(tmp_path)
            try:
                code = main(texts)
            finally:
                os.chdir(before)
                if sys.stdout is not streams[0]:  # main replaced an output that could not be written
                    sys.stdout.close()
        for stream in streams:
            stream.flush()
        stdout, stderr = (stream.buffer.getvalue().decode() for stream in streams)
        return subprocess.CompletedProcess(texts, code, stdout, stderr)

    return run


@pytest.fixture
def cli_process(tmp_path: Path) -> Cli:
    """Run the command line as a process in the test's directory."""

    def run(*arguments: str | bytes, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "contexta.cli", *arguments],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
