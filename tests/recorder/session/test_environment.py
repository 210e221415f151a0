"""Environments are stored as a body that runs share, and the facts that only the program determines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contexta import Contexta
from contexta.core.files import digested_files

Git = Callable[..., str]


def digests(ctx: Contexta, run: str) -> set[str]:
    snapshot = ctx.get_environment(run)
    return {distribution.build for distribution in snapshot.distributions if distribution.build}


def bodies(tmp_path: Path) -> set[str]:
    """The objects that hold environments."""
    result = (tmp_path / ".contexta" / "objects").rglob("*")
    return {path.name for path in result if path.is_file() and b'"python_version"' in path.read_bytes()}


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


@pytest.mark.slow
def test_background_thread_records_the_imports(tmp_path: Path) -> None:
    code = """
import os, re, time
from contexta.recorder.journal import heartbeat
heartbeat.BEAT = 0.05
import contexta
run = contexta.init(project="p", name="beside")
import click
for _ in range(200):
    time.sleep(0.05)
    ends = re.findall('"end":"(.*?)"', open(run._journal.folder + "/p.beside.jsonl").read())
    if ends and b"click" in run._objects.get(ends[-1]):
        break
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, timeout=60)
    assert done.returncode == 9
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert "click" in (ctx.get_environment("beside").imports or {})["distributions"]


SOME_RUNS = """
import sys
from contexta import Contexta
with Contexta() as ctx:
    for number in range(int(sys.argv[1])):
        with ctx.run("train", project="demo"):
            pass
    ctx.list_runs(limit=1)
"""


@pytest.mark.slow
def test_further_run_in_one_environment_takes_less_than_two_kilobytes(tmp_path: Path, git: Git) -> None:
    """Its journal and its rows, before `contexta gc` takes the journal, in a repository, whose state each run names."""
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-qm", "one", "--allow-empty")
    git(tmp_path, "remote", "add", "origin", "https://example.org/some-team/some-project.git")
    (tmp_path / ".git" / "info" / "exclude").write_text("*\n")
    (tmp_path / "train.py").write_text(SOME_RUNS)
    start = "import subprocess, sys; subprocess.run([sys.executable, 'train.py', sys.argv[1]], check=True)"
    (tmp_path / "start.py").write_text(start)  # a run names who started it: not with the options of this test's run
    taken = []
    for count in ("10", "50"):
        subprocess.run([sys.executable, "start.py", count], cwd=tmp_path, check=True, timeout=120)
        files = (tmp_path / ".contexta").rglob("*")
        taken.append(sum(path.stat().st_size for path in files if path.is_file()))
    assert len(bodies(tmp_path)) <= 2
    assert (taken[1] - taken[0]) / 50 < 2_048


def _flip(path: Path) -> None:
    data = path.read_bytes()
    place = data.index(b'"version": "') + len(b'"version": "')
    path.write_bytes(data[:place] + (b"8" if data[place : place + 1] != b"8" else b"7") + data[place + 1 :])


def _claim_another_version(path: Path) -> None:
    path.write_bytes(json.dumps([[{"name": "click", "version": "99"}], []]).encode())


def _swap_with_another_entry(path: Path) -> None:
    other = path.with_name("0" * 64)
    digested_files.write(str(other), json.dumps([[{"name": "click", "version": "99"}], []]).encode())
    other.replace(path)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [_flip, _claim_another_version, _swap_with_another_entry, _truncate])
def test_a_damaged_cache_entry_is_replaced_and_never_recorded(
    damage: Callable[[Path], None], ctx: Contexta, tmp_path: Path
) -> None:
    train(tmp_path, "import click")
    train(tmp_path, "import click")
    (entry,) = (tmp_path / ".contexta" / "objects" / ".known").iterdir()
    sound = entry.read_bytes()
    damage(entry)
    train(tmp_path, "import click")
    versions = [
        {distribution.name: distribution.version for distribution in ctx.get_environment(run).distributions}
        for run in ("@latest~2", "@latest")
    ]
    assert versions[0] == versions[1]
    assert entry.read_bytes() == sound
    assert ctx.verify().sound


def test_a_damaged_secret_key_is_noted_on_the_run(ctx: Contexta, tmp_path: Path) -> None:
    train(tmp_path, "import click")
    salt = tmp_path / ".contexta" / "objects" / ".salt"
    salt.write_bytes(b"x" + salt.read_bytes()[1:])
    train(tmp_path, "import click")
    notes = [note.text for note in ctx.get_run("@latest").notes]
    assert any("secret key is damaged" in text for text in notes), notes
