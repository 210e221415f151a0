"""The source of a run is that of its start, and no program waits for git to read it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contexta import Contexta
from contexta.findings import RunDetails
from contexta.recorder.journal.objects import Objects

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script stands for a slow git")

CONTEXTA = [sys.executable, "-I", "-m", "contexta.cli"]
INSIDE = "import sys; sys.path.insert(0, {!r}); import contexta; run = contexta.init(project='p', name='r')\n"
WRITES = """
import pathlib
pathlib.Path("config.yaml").write_text("lr: 0.9\\n")
pathlib.Path("untracked.py").write_text("x = 9\\n")
pathlib.Path("output.txt").write_text("made by the program\\n")
pathlib.Path("removed.py").unlink()
pathlib.Path("begun").touch()
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a changed file, an untracked one and two unchanged ones."""
    path = tmp_path / "repository"
    path.mkdir()
    (path / ".gitignore").write_text(".contexta\nbegun\n")
    for name in ("train.py", "model.py", "config.yaml", "removed.py"):
        (path / name).write_text("x = 1\n")
    for arguments in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *arguments], cwd=path, check=True)
    commit(path)
    (path / "model.py").write_text("x = 2\n")
    (path / "untracked.py").write_text("x = 3\n")
    return path


def let_git_wait(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git answer only once the program has begun: who waits for the one before the other waits in vain."""
    script = repository.parent / "bin" / "git"
    script.parent.mkdir()
    wait = f'n=0; while [ ! -e "{repository}/begun" ] && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done'
    script.write_text(f'#!/bin/sh\ncase "$*" in *" status "*) {wait};; esac\nexec {shutil.which("git")} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")


def commit(repository: Path) -> None:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", *who, "commit", "-qam", "x"], cwd=repository, check=True)


def run(repository: Path, program: str, how: str = "contexta run") -> RunDetails:
    (repository / "train.py").write_text(program)
    command = [*CONTEXTA, "run", "--name", "r", "--", sys.executable, "train.py"]
    if how == "contexta.init":
        source = Path(sys.modules["contexta"].__file__ or "").parents[1]
        (repository / "train.py").write_text(INSIDE.format(os.fspath(source)) + program)
        command = [sys.executable, "train.py"]
    subprocess.run(command, cwd=repository, check=True, timeout=120)
    with Contexta(workspace=repository / ".contexta") as ctx:
        return ctx.get_run("r")


def patch_of(repository: Path, details: RunDetails) -> str:
    return Objects(repository / ".contexta" / "objects").get(details.metadata["source"]["patch"]).decode()


def notes(details: RunDetails) -> str:
    return "\n".join(note.text for note in details.notes if note.topic == "source")


@pytest.mark.parametrize("how", ["contexta run", "contexta.init"])
def test_program_begins_before_git_is_done_and_its_source_is_recorded(
    repository: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    let_git_wait(repository, monkeypatch)
    details = run(repository, "import pathlib; pathlib.Path('begun').touch()\n", how)
    source = details.metadata["source"]
    assert source["commit"] == (repository / ".git" / "refs" / "heads" / source["branch"]).read_text().strip()
    assert (source["dirty"], source["patch_applies"]) == (True, True)
    patch = patch_of(repository, details)
    assert "-x = 1\n+x = 2\n" in patch
    assert "+++ b/untracked.py" in patch
    assert notes(details) == ""


def test_what_the_program_writes_meanwhile_is_no_part_of_its_source(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_git_wait(repository, monkeypatch)
    details = run(repository, WRITES)
    patch = patch_of(repository, details)
    assert "-x = 1\n+x = 2\n" in patch
    for name in ("config.yaml", "untracked.py", "output.txt", "removed.py"):
        assert f"b/{name}" not in patch
    answer = notes(details)
    assert "the changes are not recorded of files that the program wrote before they were read: config.yaml, " in answer
    assert "removed.py" in answer
    assert "not in the patch, as they were written after the program began: output.txt, untracked.py" in answer


def test_clean_source_is_not_dirty_for_what_the_program_writes(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = "import pathlib; pathlib.Path('output.txt').touch(); pathlib.Path('begun').touch()\n"
    (repository / "train.py").write_text(program)
    (repository / "untracked.py").unlink()
    commit(repository)
    let_git_wait(repository, monkeypatch)
    details = run(repository, program)
    assert details.metadata["source"]["dirty"] is False
    assert "patch" not in details.metadata["source"]


def test_slow_filter_delays_no_program(repository: Path) -> None:
    filters = ["config", "filter.slow.clean", f"sh -c 'while [ ! -e {repository}/begun ]; do sleep 0.1; done; cat'"]
    subprocess.run(["git", *filters], cwd=repository, check=True)
    (repository / ".git" / "info" / "attributes").write_text("model.py filter=slow\n")
    details = run(repository, "import pathlib; pathlib.Path('begun').touch()\n")
    assert "-x = 1\n+x = 2\n" in patch_of(repository, details)


def test_thousands_of_untracked_files_are_in_the_patch_of_a_program_that_ends_at_once(repository: Path) -> None:
    for number in range(3_000):
        (repository / f"note-{number}.txt").write_text(f"{number}\n")
    details = run(repository, "")
    assert patch_of(repository, details).count("\n+++ b/note-") == 3_000
