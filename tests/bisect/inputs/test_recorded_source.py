from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.builders import a_snapshot
from support.projects import git

from contexta.bisect.execution.isolation.sandbox import Revision, moved_into, workplace
from contexta.bisect.execution.isolation.source_files import files_outside_commits, source_of
from contexta.bisect.inputs.recorded_source import about_sources, packages_of, require_here, revision_of
from contexta.core.errors import InvalidInput
from contexta.core.references import StableRef
from contexta.recorder.source.capture import source
from contexta.reproduce.environments.builder import Fixed
from contexta.reproduce.rebuild import RecordedEnvironment
from contexta.reproduce.uv.urls import directory_line


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A repository with one commit, in it a directory ``sub`` and a file that was source then and is ignored now."""
    folder = tmp_path / "repository"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "train.py").write_text("x = 1\n")
    (folder / "once.cfg").write_text("then")
    git(folder, "init", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    git(folder, "rm", "-q", "--cached", "once.cfg")
    (folder / ".gitignore").write_text("data\nlinked\nonce.cfg\n*.pyc\n.venv\n")
    (folder / "once.cfg").write_text("now")
    (folder / "data").mkdir()
    (folder / "data" / "x.csv").write_text("7")
    (tmp_path / "far").mkdir()
    (folder / "linked").symlink_to(tmp_path / "far")
    (folder / "loose.csv").write_text("8")
    (folder / "loose.py").write_text("new = 1")
    for left_out in (".venv", "data/.contexta", "data/mine"):
        (folder / left_out).mkdir()
        (folder / left_out / "x.bin").write_text("")
    (folder / "data" / "mine" / "pyvenv.cfg").write_text("")
    return folder


def recorded(top: Path) -> Revision:
    """The source as it is now, as a run records it."""
    facts, patch, _ = source(str(top), salt=b"")
    return Revision(facts["commit"], patch)


@contextmanager
def place(folder: Path, revision: Revision) -> Iterator[Path]:
    with workplace(folder, folder.parent / "scratch", in_place=False, revision=revision) as at:
        yield at


def test_a_trial_of_a_recorded_source_has_it_and_the_data_of_today_and_leaves_nothing(top: Path) -> None:
    (top / "sub" / "train.py").write_text("x = 2\n")
    revision = recorded(top)
    (top / "sub" / "train.py").write_text("x = 3\n")
    (top / "loose.py").write_text("newer = 1")
    (top.parent / "scratch").mkdir()
    for _ in range(2):
        with place(top / "sub", revision) as at:
            assert (at.name, (at / "train.py").read_text()) == ("sub", "x = 2\n")
            assert (at / "../loose.py").read_text() == "new = 1"
            assert (at / "../data/x.csv").read_text() == "7"
            assert (at / "../loose.csv").read_text() == "8"
            assert (at / "../linked").resolve() == top.parent / "far"
            assert not (at / "../.venv").exists()
            (at / "train.py").write_text("left behind")
    assert list((top.parent / "scratch").iterdir()) == []
    assert not list((top / ".git").glob("worktrees/*"))
    with place(top, Revision(revision.commit)) as at:
        assert (at / "sub" / "train.py").read_text() == "x = 1\n"
        assert (at / "once.cfg").read_text() == "then", "what is source in the commit is not data"
        assert not (at / "loose.py").exists()


def test_paths_of_the_source_name_the_place_of_the_trial(top: Path) -> None:
    revision = replace(recorded(top), root="/then")
    (top.parent / "scratch").mkdir()
    with place(top / "sub", revision) as at:
        elsewhere, put = at.parent, moved_into(at, top / "sub", revision)
        assert put(f"{top}/sub/train.py") == f"{elsewhere}/sub/train.py"
        assert put(f"--config={top}/x.cfg") == f"--config={elsewhere}/x.cfg"
        assert put(os.pathsep.join([f"{top}", "/then/src", "/elsewhere"])) == f"{elsewhere}:{elsewhere}/src:/elsewhere"
        assert put(f"open('{top}/data/x.csv')") == f"open('{elsewhere}/data/x.csv')"
        for other in (f"{top}.old/x", f"/mnt{top}/x", f"{top}/.venv/bin/python", "train.py", ""):
            assert put(other) == other


def test_current_data_never_follows_links_of_the_recorded_source_out_of_the_sandbox(top: Path) -> None:
    (top / "shared").symlink_to(top.parent / "far")
    (top / "taken").write_text("a file then")
    git(top, "add", "shared", "taken")
    git(top, "commit", "-qm", "two")
    revision = Revision(git(top, "rev-parse", "HEAD"))
    git(top, "rm", "-q", "shared", "taken")
    for name in ("shared", "taken"):
        (top / name).mkdir()
        (top / name / "x.csv").write_text("1")
    (top.parent / "scratch").mkdir()
    with place(top, revision) as at:
        assert (at / "taken").read_text() == "a file then"
        assert (at / "data" / "x.csv").exists()
    assert list((top.parent / "far").iterdir()) == []


def test_sandbox_contains_files_that_are_in_no_commit_and_no_recorded_change(top: Path) -> None:
    inner = top / "inner"
    inner.mkdir()
    (inner / "x.py").write_text("")
    git(inner, "init", "--quiet")
    assert files_outside_commits(top) == ["data/x.csv", "inner/x.py", "linked", "loose.csv", "once.cfg"]
    before = source_of(top, in_place=False, recorded=True)
    (top / "sub" / "train.py").write_text("other")
    assert source_of(top, in_place=False, recorded=True) == before
    (top / "data" / "x.csv").write_text("other")
    assert source_of(top, in_place=False, recorded=True) != before


def test_sources_differ_by_commit_or_changes(top: Path) -> None:
    revision = recorded(top)
    assert str(revision) == f"{revision.commit[:12]} and uncommitted changes"
    assert str(Revision(revision.commit)) == revision.commit[:12]
    (top / "loose.py").write_text("other")
    assert len({revision.state, recorded(top).state, Revision(revision.commit).state}) == 3


def test_source_that_cannot_be_restored_here_is_refused_with_the_reason(top: Path) -> None:
    commit = git(top, "rev-parse", "HEAD")
    (top / "new").mkdir()
    for revision, folder, reason in (
        (Revision("0" * 40), top, "does not have commit 000000000000"),
        (Revision(commit), top.parent, "is not in a git repository"),
        (Revision(commit), top / "new", "has no directory new"),
        (Revision(commit, b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n"), top, "do not apply to commit"),
    ):
        with pytest.raises(InvalidInput, match="the source of run p.r cannot be restored here") as error:
            require_here("run p.r", revision, folder)
        assert reason in error.value.what
    require_here("run p.r", Revision(commit), top / "sub")


def test_incompletely_recorded_source_is_refused(top: Path) -> None:
    def revision_from(facts: dict[str, object], *notes: str) -> Revision:
        ref = StableRef.parse("run:p.r")
        return revision_of("run p.r", RecordedEnvironment(ref, a_snapshot(), facts, b"x"), notes)

    assert revision_from({"commit": "a" * 40}, "not in the patch, as they hold data: x.csv") == Revision("a" * 40, b"x")
    with pytest.raises(InvalidInput, match="secrets were removed from its uncommitted changes"):
        revision_from({"commit": "a" * 40, "patch_applies": False})
    (top / "long.py").write_text("x = 1\n" * 1_000)
    git(top, "add", "long.py")
    git(top, "commit", "-qm", "two")
    (top / "long.py").unlink()  # a patch that is longer than anything on disk
    facts, _, notes = source(str(top), salt=b"", max_patch=4_000)
    with pytest.raises(InvalidInput, match="cannot be restored: the changes are not recorded: the patch is over 4000"):
        revision_from(facts, *(note["text"] for note in notes))
    with pytest.raises(InvalidInput, match="the changes are not recorded: git did not end"):
        revision_from({"commit": "a" * 40}, "the changes are not recorded: git did not end within 5 s")
    with pytest.raises(InvalidInput, match="has no recorded commit: not in a git repository"):
        revision_from({"commit": None, "reason": "not in a git repository"})


def test_notes_describe_the_two_sources(top: Path) -> None:
    first = Revision(git(top, "rev-parse", "HEAD"))
    assert list(about_sources(first, first, top)) == [f"OLD and NEW ran the same source, {first}: it is no change"]
    (top / ".gitmodules").write_text("")
    git(top, "add", ".gitmodules")
    git(top, "commit", "-qm", "two")
    second = Revision(git(top, "rev-parse", "HEAD"))
    assert list(about_sources(first, second, top)) == [f"submodules of {second.commit[:12]} are not checked out"]


def test_only_packages_of_the_repository_come_with_its_source(top: Path) -> None:
    (top / "a b").mkdir()
    fixed = [
        Fixed("mine", directory_line("mine", str(top)), "x"),
        Fixed("below", directory_line("below", str(top / "a b")), "x"),
        Fixed("beside", directory_line("beside", str(top.parent / "far")), "x"),
        Fixed("remote", "remote @ https://example.org/remote-1.0-py3-none-any.whl"),
    ]
    assert packages_of(fixed, Path(os.path.realpath(top))) == (("mine", "."), ("below", "a b"))
