"""What an environment is kept as: what it starts with, once for all its runs, and what only the program tells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contexta import Contexta

Git = Callable[..., str]


def digests(ctx: Contexta, run: str) -> set[str]:
    snapshot = ctx.get_environment(run)
    return {each.build for each in snapshot.distributions if each.build}


def bodies(tmp_path: Path) -> set[str]:
    """The objects that hold environments."""
    found = (tmp_path / ".contexta" / "objects").rglob("*")
    return {path.name for path in found if path.is_file() and b'"python_version"' in path.read_bytes()}


def train(tmp_path: Path, code: str) -> None:
    code = f"import contexta; run = contexta.init(project='p'); {code}; run.metric('x', 1)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)


def test_runs_that_import_different_things_share_one_environment(ctx: Contexta, tmp_path: Path) -> None:
    train(tmp_path, "import click")
    first = bodies(tmp_path)
    train(tmp_path, "import packaging")
    second = bodies(tmp_path)
    train(tmp_path, "import rich")
    assert len(first) <= 2, "as it started, and with the digests of its builds"
    assert bodies(tmp_path) == second == first
    assert "click" in (ctx.get_environment("@latest~2").imports or {})["distributions"]
    assert "rich" in (ctx.get_environment("@latest").imports or {})["distributions"]
    assert "click" not in (ctx.get_environment("@latest~1").imports or {})["distributions"]
    assert digests(ctx, "@latest") == digests(ctx, "@latest~2") != set()
    assert not ctx.compare_environments("@latest~2", "@latest").package_changes


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_run_that_is_killed_leaves_what_it_imported_by_its_last_flush(ctx: Contexta, tmp_path: Path) -> None:
    code = "import click; run.flush(); import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(subprocess.CalledProcessError) as failure:
        train(tmp_path, code)
    assert failure.value.returncode == -signal.SIGKILL
    assert ctx.get_run("@latest").status == "crashed"
    assert "click" in (ctx.get_environment("@latest").imports or {})["distributions"]


def test_thread_beside_the_program_sees_what_was_imported(tmp_path: Path) -> None:
    code = """
import time
from contexta.recorder import journal
journal.BEAT = 0.05
import contexta
run = contexta.init(project="p", name="beside")
import click
for _ in range(100):
    time.sleep(0.05)
    if '"end":' in open(run._journal.folder + "/p.beside.jsonl").read():
        break
import os, signal
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, timeout=60)
    assert done.returncode == 9
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert "click" in (ctx.get_environment("beside").imports or {})["distributions"]


def sizes(workspace: Path) -> int:
    return sum(path.stat().st_size for path in workspace.rglob("*") if path.is_file())


@pytest.mark.parametrize("inside", [True, False], ids=["in a repository", "outside of one"])
def test_further_run_in_one_environment_takes_at_most_two_kilobytes(tmp_path: Path, git: Git, inside: bool) -> None:
    """Its journal and its rows, before `contexta gc` takes the journal; objects are shared."""
    if inside:
        git(tmp_path, "init", "-q")
        git(tmp_path, "commit", "-qm", "one", "--allow-empty")
        git(tmp_path, "remote", "add", "origin", "https://example.org/some-team/some-project.git")
        (tmp_path / ".git" / "info" / "exclude").write_text("*\n")
    code = """
from contexta import Contexta
for number in range({0}):
    with Contexta() as ctx, ctx.run("train", project="demo"):
        pass
with Contexta() as ctx:
    ctx.list_runs()
"""
    (tmp_path / "train.py").write_text("import sys" + code.format("int(sys.argv[1])"))
    taken = []
    for count in ("20", "60"):
        subprocess.run([sys.executable, "train.py", count], cwd=tmp_path, check=True, timeout=120)
        taken.append(sizes(tmp_path / ".contexta"))
    assert len(bodies(tmp_path)) <= 2
    assert (taken[1] - taken[0]) / 60 < 2_000
