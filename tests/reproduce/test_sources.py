"""Packages that came from repositories, and builds that go wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.private_index import served
from support.projects import a_project, git
from support.tiny_index import PYTHON
from support.wheels import Venv, wheel

from contexta import Contexta
from contexta.core.processes import process
from contexta.reproduce.environments.cache import EnvironmentCache
from contexta.reproduce.rebuild import RebuildOptions
from contexta.reproduce.uv.commands import Uv, find_uv, python_in
from contexta.reproduce.uv.error_messages import NoRoom

Trained = Callable[..., Venv]


def uv_install(venv: Path, *what: str) -> None:
    argv = [find_uv().path, "pip", "install", "--quiet", "--python", str(python_in(venv)), *what]
    subprocess.run(argv, check=True, capture_output=True, timeout=120)


def record(tmp_path: Path, venv: Path, *, cwd: Path | None = None, code: str = "import own") -> None:
    contexta = [sys.executable, "-m", "contexta.cli", "run", "--workspace", str(tmp_path / ".contexta")]
    argv = [*contexta, "--project", "p", "--name", "first", "--", str(python_in(venv)), "-c", code]
    subprocess.run(argv, check=True, capture_output=True, timeout=120, cwd=cwd or tmp_path)


def runs(pid: int) -> bool:
    """Whether a process is alive and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def venv(index: Path, tmp_path: Path) -> Path:
    return Venv(tmp_path / "venv", PYTHON).path


def test_a_repository_is_installed_from_the_recorded_commit(venv: Path, tmp_path: Path, ctx: Contexta) -> None:
    own = a_project(tmp_path / "own")
    uv_install(venv, f"git+file://{own}")
    record(tmp_path, venv)
    (own / "own.py").write_text("x = 2\n")
    git(own, "commit", "-qam", "second")
    rebuilt = ctx.rebuild_environment("first", tmp_path / "again")
    assert (rebuilt.verdict, rebuilt.build_count) == ("match", 1), rebuilt
    done = process.run([str(python_in(tmp_path / "again")), "-c", "import own; print(own.x)"], timeout=60)
    assert done.stdout.strip() == b"1"


def test_an_editable_install_is_at_its_commit_with_the_recorded_changes(
    venv: Path, tmp_path: Path, ctx: Contexta
) -> None:
    own = a_project(tmp_path / "own")
    uv_install(venv, "--editable", str(own))
    (own / "own.py").write_text("x = 'changed, not committed'\n")
    record(tmp_path, venv, cwd=own)
    (own / "own.py").write_text("x = 'changed since'\n")
    rebuilt = ctx.rebuild_environment("first", tmp_path / "again")
    assert rebuilt.verdict == "match", rebuilt
    done = process.run([str(python_in(tmp_path / "again")), "-c", "import own; print(own.x)"], timeout=60)
    assert done.stdout.decode().strip() == "changed, not committed"
    assert (own / "own.py").read_text() == "x = 'changed since'\n"


def test_a_repository_that_is_gone_is_missing(venv: Path, tmp_path: Path, ctx: Contexta) -> None:
    own = a_project(tmp_path / "own")
    uv_install(venv, "--editable", str(own))
    record(tmp_path, venv, cwd=own)
    own.rename(tmp_path / "elsewhere")
    rebuilt = ctx.rebuild_environment("first", tmp_path / "again")
    assert [(package.name, package.reason) for package in rebuilt.missing] == [("own", "repository")]


def test_a_missing_commit_and_a_missing_archive_are_both_reported(venv: Path, tmp_path: Path, ctx: Contexta) -> None:
    own = a_project(tmp_path / "own")
    file = wheel(tmp_path / "files", "zeta", "1.0")
    with served(tmp_path / "files") as host:
        uv_install(venv, f"git+file://{own}", f"zeta @ http://{host}/{file.name}")
        record(tmp_path, venv, code="import own, zeta")
        (own / "own.py").write_text("x = 'rewritten'\n")
        git(own, "commit", "-qa", "--amend", "-m", "first, rewritten")
        git(own, "reflog", "expire", "--expire=all", "--all")
        git(own, "gc", "-q", "--prune=now")
        file.unlink()
        shutil.rmtree(tmp_path / "uv-cache")
        rebuilt = ctx.rebuild_environment("first", tmp_path / "again")
        assert {package.name: package.reason for package in rebuilt.missing} == {
            "own": "repository",
            "zeta": "release removed",
        }
        assert "not our ref" in next(package.detail for package in rebuilt.missing if package.name == "own")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="daemons are told by /proc")
def test_a_hanging_build_is_killed_with_its_daemons(venv: Path, tmp_path: Path, ctx: Contexta) -> None:
    """It is recorded while it builds; then its commit is changed to one that starts a daemon and sleeps."""
    pid_file = tmp_path / "daemon.pid"
    daemon = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    hang = (
        "import os, subprocess, sys, time\n"
        f"    if os.path.exists({str(tmp_path / 'hang')!r}):\n"
        "        if os.fork() == 0:\n"
        "            os.setsid()\n"
        f"            subprocess.Popen([sys.executable, '-c', {daemon!r}], start_new_session=True)\n"
        "            os._exit(0)\n"
        "        time.sleep(600)"
    )
    own = a_project(tmp_path / "own", build=hang)
    uv_install(venv, str(own))
    record(tmp_path, venv, cwd=own)
    (tmp_path / "hang").touch()
    rebuilt = ctx.rebuild_environment("first", tmp_path / "again", uv=find_uv(timeout=4.0))
    assert [(package.name, package.reason) for package in rebuilt.missing] == [("own", "build failed")]
    assert not (tmp_path / "again").exists()
    assert not runs(int(pid_file.read_text()))


def test_a_killed_rebuild_leaves_nothing_that_is_used_later(trained: Trained, ctx: Contexta, tmp_path: Path) -> None:
    trained()
    contexta = [sys.executable, "-m", "contexta.cli", "rebuild", "first", "--into", "again"]
    for seconds in (0.7, 1.0, 1.3):
        started = subprocess.Popen([*contexta, "--workspace", str(tmp_path / ".contexta")], cwd=tmp_path)
        time.sleep(seconds)
        started.send_signal(signal.SIGKILL)
        started.wait()
        finished = (tmp_path / "again" / "contexta-rebuild.json").exists()
        unfinished = (tmp_path / "again" / "contexta-unfinished").exists()
        assert finished or unfinished or not (tmp_path / "again").exists()
        if finished and not unfinished:
            break
    into = tmp_path / ("again" if not (tmp_path / "again" / "contexta-rebuild.json").exists() else "another")
    assert ctx.rebuild_environment("first", into).verdict == "match"


def test_ctrl_c_leaves_nothing_behind(trained: Trained, tmp_path: Path) -> None:
    trained()
    contexta = [sys.executable, "-m", "contexta.cli", "rebuild", "first", "--into", "again"]
    with subprocess.Popen([*contexta, "--workspace", str(tmp_path / ".contexta")], stderr=subprocess.PIPE) as started:
        assert started.stderr is not None
        assert started.stderr.readline() == b"contexta: installing 3 packages\n"
        started.send_signal(signal.SIGINT)
        assert b"Traceback" not in started.stderr.read()
    assert started.returncode == 130
    assert not list(tmp_path.glob("*again*"))
    assert not list((tmp_path / "cache").rglob("pyvenv.cfg"))


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script of a shell")
def test_a_full_disk_is_no_missing_package(trained: Trained, ctx: Contexta, tmp_path: Path) -> None:
    trained()
    full = tmp_path / "full-uv"
    says = (
        "error: Failed to install: alpha-1.0-py3-none-any.whl (alpha==1.0) cause: No space left on device (os error 28)"
    )
    full.write_text(
        f'#!/bin/sh\ncase "$*" in *install*) echo \'{says}\' >&2; exit 2;; esac\nexec {find_uv().path} "$@"\n'
    )
    full.chmod(0o755)
    with pytest.raises(NoRoom, match="No space left"):
        ctx.rebuild_environment("first", tmp_path / "again", uv=Uv(str(full), "1.0.0"))
    assert not (tmp_path / "again").exists()
    assert not list((tmp_path / "cache").rglob("pyvenv.cfg"))


def test_a_cached_environment_that_was_edited_is_built_again(trained: Trained, ctx: Contexta, tmp_path: Path) -> None:
    trained()
    ctx.rebuild_environment("first", tmp_path / "one")
    installed = next((tmp_path / "one").glob("lib/python*/site-packages/gamma.py"))
    with installed.open("a") as file:
        file.write("x = 'edited in place, in every hard link'\n")
    rebuilt = ctx.rebuild_environment("first", tmp_path / "two")
    assert not rebuilt.from_cache


def test_a_file_that_differs_from_its_record_deviates_also_from_the_cache(
    trained: Trained, ctx: Contexta, tmp_path: Path
) -> None:
    """uv's own cache shares its files with every environment, so an edit in place changes all of them."""
    trained(install=["gamma"], code="import gamma")
    ctx.rebuild_environment("first", tmp_path / "one")
    shutil.rmtree(tmp_path / "cache")
    for file in (tmp_path / "uv-cache").rglob("gamma.py"):
        file.write_text("x = 2\n")
    cold = ctx.rebuild_environment("first", tmp_path / "two")
    warm = ctx.rebuild_environment("first", tmp_path / "three")
    assert (cold.from_cache, warm.from_cache) == (False, True)
    assert [deviation.kind for deviation in cold.deviations] == ["files"]
    assert warm.deviations == cold.deviations


def test_the_least_recently_used_environment_is_deleted_first(tmp_path: Path) -> None:
    cache = EnvironmentCache(tmp_path / "cache", limit=2_500)
    for number, key in enumerate(("a", "b", "c")):
        at = cache.new_path(key)
        at.mkdir()
        (at / "file").write_bytes(b"x" * 1_000)
        notes = cache.keep(key, at, [])
        os.utime(tmp_path / "cache" / key / "current.json", (1_000 + number, 1_000 + number))
        if key == "b":
            assert cache.find("a") is not None  # used again: now b is the oldest
            os.utime(tmp_path / "cache" / "a" / "current.json", (5_000, 5_000))
    assert cache.find("b") is None
    (note,) = notes
    assert note.startswith("the environment cache reached its limit of 0.0 MB (set by CONTEXTA_CACHE_SIZE): deleted 1 ")
    assert cache.find("a") is not None
    assert cache.find("c") is not None


def test_an_invalid_index_option_is_refused() -> None:
    from contexta.core.errors import InvalidInput

    with pytest.raises(InvalidInput, match="is no index"):
        RebuildOptions(indexes=("--extra-index-url=https://evil",))
