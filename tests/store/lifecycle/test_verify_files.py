"""`verify` checks every file of a workspace: also salt, caches, studies and new journal lines."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.builders import Cli
from support.studies import a_space, studied

from contexta import Contexta
from contexta.bisect.session.study_files import write_report
from contexta.core.errors import WorkspaceError, WorkspaceTooNew
from contexta.core.files import digested_files
from contexta.recorder.journal.reserved_space import SPARE
from contexta.store.lifecycle.verify import verify_directory


@pytest.fixture
def root(tmp_path: Path, cli: Cli) -> Path:
    """A workspace with two runs and the file of a study."""
    for name in ("one", "two"):
        assert cli("run", "--name", name, "--", sys.executable, "-c", "print(1)").returncode == 0
    assert cli("runs").returncode == 0
    root = tmp_path / ".contexta"
    (root / "bisect").mkdir()
    digested_files.write(str(root / "bisect" / "last.json"), b'{"options": {}}')
    assert cli("verify").returncode == 0
    return root


def test_a_changed_byte_in_any_file_is_reported(root: Path) -> None:
    missed = []
    files = [
        path for path in root.rglob("*") if path.is_file() and not path.name.endswith("-shm")
    ]  # SQLite rebuilds it
    assert {"last.json", ".salt"} < {path.name for path in files}
    for path in files:
        if path.name.endswith(("-shm", SPARE, "contexta.db", ".gitignore")):
            continue  # SQLite rebuilds it; no content; test_verify.py flips it; the user may change it
        data = path.read_bytes()
        for place in {0, len(data) // 2, len(data) - 1} if data else ():
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            try:
                if verify_directory(root).sound:
                    missed.append(f"{path.relative_to(root)} at {place}")
            except WorkspaceTooNew:
                pass  # it made the schema version a higher one
            path.write_bytes(data)
    assert missed == []


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("objects/.salt", "salt", "cannot be compared"),
        ("bisect/last.json", "study", "cannot be resumed"),
        ("objects/.known/*", "cache", "the next one replaces it"),
    ],
)
def test_damage_is_reported_with_its_consequence(root: Path, cli: Cli, name: str, kind: str, words: str) -> None:
    (path,) = root.glob(name)
    path.write_bytes(path.read_bytes()[:-1])
    (damage,) = verify_directory(root).damage
    assert (damage.kind, damage.name) == (kind, path.relative_to(root).as_posix())
    done = cli("verify")
    assert done.returncode == 1
    assert words in " ".join(done.stdout.split())
    assert ("contexta restore" in done.stdout) == (kind != "cache")


def test_lines_that_no_query_has_ingested_are_checked(root: Path, cli: Cli) -> None:
    assert cli("run", "--name", "late", "--", sys.executable, "-c", "print(1)").returncode == 0
    assert verify_directory(root).sound
    assert verify_directory(root).checked["new journal lines"] > 3
    path = max((root / "journal").glob("*late.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'{"s":0', b'{"s:0'))
    (damage,) = verify_directory(root).damage
    assert (damage.kind, damage.name) == ("journal", path.name)


def test_files_of_others_are_named_and_are_no_damage(root: Path) -> None:
    (root / "notes.txt").write_text("mine")
    (root / "objects" / "12345.0a1b").write_text("left by a process that died")
    verification = verify_directory(root)
    assert verification.sound
    assert any("notes.txt" in note for note in verification.notes)


def test_journals_are_checked_before_the_first_query(tmp_path: Path, cli: Cli) -> None:
    assert cli("run", "--name", "early", "--", sys.executable, "-c", "print(1)").returncode == 0
    root = tmp_path / ".contexta"
    done = cli("verify")
    assert (done.returncode, "new journal lines" in done.stdout) == (0, True)
    assert "no query has ingested the journals yet" in " ".join(done.stdout.split())
    assert not (root / "contexta.db").exists()
    path = max((root / "journal").glob("*.jsonl"))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'{"s":0', b'{"s:0'))
    assert [damage.kind for damage in verify_directory(root).damage] == ["journal"]
    path.write_bytes(whole)
    assert cli("runs").returncode == 0
    (root / "contexta.db").unlink()
    assert [damage.name for damage in verify_directory(root).damage] == ["contexta.db"]


def test_place_without_a_workspace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(WorkspaceError, match="no workspace at"):
        verify_directory(tmp_path / "other")


def test_damage_in_the_trials_of_a_study_is_named_with_their_directory(root: Path) -> None:
    with Contexta(root / "bisect") as trials, trials.run("trial", project="bisect") as run:
        run.metric("accuracy", 0.9)
    with Contexta(root / "bisect") as trials:
        assert len(trials.list_runs()) == 1
    verification = verify_directory(root)
    assert (verification.sound, verification.checked["trials"]) == (True, 1)
    assert not any("did not write" in note for note in verification.notes)
    body = next((root / "bisect" / "objects").glob("??/*"))
    body.write_bytes(b"changed")
    assert [damage.name for damage in verify_directory(root).damage] == [f"bisect/{body.parent.name}{body.name}"]


def test_a_changed_report_of_a_study_is_damage(tmp_path: Path) -> None:
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        ctx.list_runs()
        study = tmp_path / ".contexta" / "bisect" / "s"
        study.mkdir(parents=True)
        write_report(study, studied(a_space("a", "b"), {frozenset("b"): 0.2}))
        assert ctx.verify().sound
        report = study / "report.json"
        report.write_text(report.read_text().replace('"runs"', '"rums"', 1))
        assert [damage.name for damage in ctx.verify().damage] == ["bisect/s/report.json"]
