from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contexta import Contexta
from contexta.recorder.source.capture import source
from contexta.recorder.source.limits import Limits

Git = Callable[..., str]
SALT = b"salt"
CANARY = "canary-5f3a9c-0123456789"


@pytest.fixture
def repo(tmp_path: Path, git: Git) -> Path:
    path = tmp_path / "my repo"
    (path / "src").mkdir(parents=True)
    (path / "src" / "train.py").write_text("lr = 0.1\nepochs = 3\n")
    (path / "data.bin").write_bytes(bytes(range(256)))
    (path / "gone.txt").write_text("old\n")
    git(path, "init", "-q")
    git(path, "add", ".")
    git(path, "commit", "-qm", "one")
    return path


def captured(directory: Path, seconds: float = 5.0, **options: Any) -> tuple[dict[str, Any], bytes, str]:
    options.setdefault("limits", Limits(seconds))
    facts, patch, notes = source(str(directory), salt=SALT, **options)
    return facts, patch or b"", "\n".join(note["text"] for note in notes)


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def test_a_clean_checkout_has_a_commit_and_a_branch(repo: Path, git: Git) -> None:
    commit = git(repo, "rev-parse", "HEAD").strip()
    assert captured(repo / "src") == (
        {"root": str(repo), "directory": "src", "commit": commit, "branch": "main", "dirty": False},
        b"",
        "",
    )
    git(repo, "checkout", "-q", "--detach")
    facts, _, _ = captured(repo)
    assert "branch" not in facts
    assert facts["directory"] == "."


def test_one_patch_contains_staged_unstaged_and_untracked_changes(repo: Path, git: Git, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo), str(clone))
    (repo / "src" / "train.py").write_text("lr = 0.2\nepochs = 3\n")
    git(repo, "add", ".")
    (repo / "src" / "train.py").write_text("lr = 0.2\nepochs = 4")
    (repo / "gone.txt").unlink()
    (repo / "src" / "new file é.py").write_text("x = 1\n")
    (repo / "src" / "empty.py").touch()
    (repo / "logo.xyz").write_bytes(bytes(range(256)) * 3)
    (repo / "staged.py").write_text("y = 1\n")
    git(repo, "add", "staged.py")
    facts, patch, notes = captured(repo / "src")
    assert notes == ""
    assert facts["dirty"] is True
    assert facts["patch_applies"] is True
    (tmp_path / "changes.patch").write_bytes(patch)
    git(clone, "apply", "--binary", str(tmp_path / "changes.patch"))
    assert contents(clone) == contents(repo)


def test_the_patch_does_not_depend_on_the_users_settings(repo: Path, git: Git) -> None:
    (repo / "src" / "train.py").write_text("lr = 0.2\n")
    (repo / "ünïcode.py").write_text("x = 1\n")
    plain = captured(repo)
    for setting in (
        ("color.ui", "always"),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.external", "false"),
        ("core.quotePath", "true"),
        ("diff.context", "0"),
        ("diff.algorithm", "patience"),
        ("diff.orderFile", "missing"),
        ("core.pager", "false"),
        ("core.fsmonitor", "false"),
        ("status.showUntrackedFiles", "no"),
        ("diff.wordRegex", "."),
        ("diff.relative", "true"),
    ):
        git(repo, "config", *setting)
    (repo / ".git" / "info" / "attributes").write_text("*.py diff=odd\n")
    git(repo, "config", "diff.odd.textconv", "false")
    assert captured(repo) == plain


def test_the_patch_of_a_repository_without_commits_contains_everything(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text("x = 1\n")
    git(tmp_path, "add", "b.py")
    facts, patch, notes = captured(tmp_path)
    assert "commit" not in facts
    assert facts["branch"] == "main"
    assert b"+++ b/a.py" in patch
    assert b"+++ b/b.py" in patch
    assert "no commits yet" in notes


def test_outside_of_a_repository_the_commit_is_unknown_with_its_reason(tmp_path: Path) -> None:
    facts, patch, notes = captured(tmp_path)
    assert (facts, patch, notes) == ({"commit": None, "reason": "not in a git repository"}, b"", "")
    facts, _, notes = captured(tmp_path / "gone")
    assert facts["commit"] is None
    assert facts["reason"].startswith("unknown: git")
    assert "the commit is unknown" in notes


def test_without_git_the_commit_is_unknown_with_its_reason(
    repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    facts, _, notes = captured(repo)
    assert facts == {"commit": None, "reason": 'unknown: "git" is not installed or not on PATH'}
    assert notes == 'the commit is unknown: "git" is not installed or not on PATH'
    assert captured(tmp_path)[0] == {"commit": None, "reason": "not in a git repository"}


def _damaged_head(repo: Path) -> None:
    (repo / ".git" / "HEAD").write_bytes(b"\0" * 41)


def _without_objects(repo: Path) -> None:
    shutil.rmtree(repo / ".git" / "objects")


def _worktree_of_nothing(repo: Path) -> None:
    shutil.move(repo / ".git", repo.parent / "moved")
    (repo / ".git").write_text(f"gitdir: {repo.parent}/gone/.git/worktrees/x\n")


def _owned_by_another(repo: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a repository away")
    for path in (repo, repo / ".git"):
        os.chown(path, 12345, 12345)


def _unknown_format(repo: Path) -> None:
    (repo / ".git" / "config").write_text("[core]\n\trepositoryformatversion = 99\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rules of ownership")
@pytest.mark.parametrize(
    "spoil", [_damaged_head, _without_objects, _worktree_of_nothing, _owned_by_another, _unknown_format]
)
def test_commit_of_a_repository_that_git_refuses_is_unknown_and_not_absent(
    repo: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], None]
) -> None:
    monkeypatch.setenv("HOME", os.fspath(repo.parent))  # no setting declares every directory safe
    spoil(repo)
    facts, _, notes = captured(repo / "src")
    assert facts["commit"] is None
    assert facts["reason"].startswith(f"unknown: git refuses {repo / '.git'}: ")
    assert "the commit is unknown: git refuses" in notes


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for a slow git")
def test_the_commit_is_known_if_git_is_too_slow_to_list_changes(
    repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, git: Git
) -> None:
    commit = git(repo, "rev-parse", "HEAD").strip()
    slow_git(tmp_path, monkeypatch, "status")
    facts, patch, notes = captured(repo, 0.5)
    assert facts == {"root": str(repo), "directory": ".", "commit": commit, "branch": "main"}  # dirty is unknown
    assert patch == b""
    assert "the changes are not recorded, nor whether there are any: git did not end within 0.5 s" in notes


def slow_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """Make a command of git sleep."""
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\ncase "$*" in *" {verb} "*) sleep 30;; esac\nexec {shutil.which("git")} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for a slow git")
def test_a_slow_git_leaves_a_note(repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow_git(tmp_path, monkeypatch, "diff")
    (repo / "src" / "train.py").write_text("lr = 0.2\n")
    facts, patch, notes = captured(repo, 1)
    assert facts["commit"]
    assert facts["dirty"] is True
    assert patch == b""
    assert "the changes are not recorded: git did not end within 1 s" in notes


def test_variables_of_a_git_hook_do_not_lead_elsewhere(
    repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, git: Git
) -> None:
    git(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert captured(repo)[0]["root"] == str(repo)


def test_a_linked_worktree_is_read_like_a_checkout(repo: Path, git: Git, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    (tmp_path / "tree" / "new.py").write_text("x = 1\n")
    facts, patch, notes = captured(tmp_path / "tree" / "src")
    assert (facts["branch"], facts["root"], notes) == ("other", str(tmp_path / "tree"), "")
    assert b"+++ b/new.py" in patch


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        (f"https://user:{CANARY}@example.org/team/r.git", "https://example.org/team/r.git"),
        (f"https://{CANARY}@example.org/team/r.git", "https://example.org/team/r.git"),
        ("git@example.org:team/r.git", "git@example.org:team/r.git"),
    ],
)
def test_the_remote_is_recorded_without_credentials(repo: Path, git: Git, url: str, cleaned: str) -> None:
    git(repo, "remote", "add", "backup", "https://example.org/backup.git")
    git(repo, "remote", "add", "origin", url)
    assert captured(repo)[0]["remote"] == cleaned


SECRET_FILES = [
    ".env", "conf/.env.local", "prod.env", "server.pem", "tls.key", "id_rsa", "id_ed25519.pub", ".netrc", ".pypirc",
    "credentials.json", "secrets.yaml", "kaggle.json", ".aws/config", "service-account-prod.json", "x.tfvars", "a.crt",
]  # fmt: skip


def test_secrets_and_data_stay_out_and_are_noted_by_name(repo: Path) -> None:
    data = ["train.csv", "w.safetensors", "x/deep.parquet", "pic.png", "wandb/run/log.txt", "model.pt"]
    for name in [*SECRET_FILES, *data]:
        (repo / name).parent.mkdir(parents=True, exist_ok=True)
        (repo / name).write_text(f"x = {CANARY}\n")
    (repo / "big.txt").write_text("x" * 5_000)
    (repo / ".env.example").write_text("HF_TOKEN=\n")
    (repo / "tokenizer.py").write_text("x = 1\n")
    facts, patch, notes = captured(repo, max_file=4_000)
    assert CANARY.encode() not in patch
    assert CANARY not in notes
    for name in [*SECRET_FILES, *data, "big.txt"]:
        assert f"b/{name}\n".encode() not in patch
        assert name in notes
    assert b"+++ b/.env.example" in patch
    assert b"+++ b/tokenizer.py" in patch
    assert facts["patch_applies"] is True


def test_a_tracked_secret_file_that_changed_stays_out_too(repo: Path, git: Git) -> None:
    (repo / ".env").write_text("A=1\n")
    git(repo, "add", "-f", ".env")
    git(repo, "commit", "-qm", "env")
    (repo / ".env").write_text(f"HF_TOKEN={CANARY}\n")
    _, patch, notes = captured(repo)
    assert CANARY.encode() not in patch
    assert ".env" in notes


def test_the_patch_has_a_size_limit(repo: Path) -> None:
    for number in range(10):
        (repo / f"f{number}.txt").write_text("y" * 1_000)
    _, patch, notes = captured(repo, max_patch=6_000)
    assert 0 < len(patch) <= 6_000
    assert "would make the patch exceed" in notes


def test_a_secret_in_a_changed_file_is_removed_with_a_note(repo: Path) -> None:
    (repo / "src" / "train.py").write_text(f'lr = 0.1\nHF_TOKEN = "{CANARY}"\nnum_tokens = 5\nuse_cls_token = True\n')
    facts, patch, notes = captured(repo)
    assert CANARY.encode() not in patch
    assert b"+num_tokens = 5\n+use_cls_token = True" in patch
    assert facts["patch_applies"] is False
    assert "src/train.py" in notes
    assert "does not apply verbatim" in notes


@pytest.mark.skipif(os.name == "nt" or os.uname().sysname == "Darwin", reason="file names are text there")
def test_a_file_name_that_is_no_text_is_escaped(repo: Path) -> None:
    (repo / os.fsdecode(b"odd\xff.py")).write_text("x = 1\n")
    _, patch, notes = captured(repo)
    assert b"+x = 1" in patch
    notes.encode()


def test_a_nested_repository_is_left_out(repo: Path, git: Git) -> None:
    (repo / "inner").mkdir()
    git(repo / "inner", "init", "-q")
    (repo / "inner" / "a.py").write_text("x = 1\n")
    git(repo / "inner", "add", ".")
    git(repo / "inner", "commit", "-qm", "inner")
    _, patch, notes = captured(repo)
    assert patch == b""
    assert "inner/" in notes


@pytest.mark.parametrize("workspace", [".contexta", ".", "src"])
def test_the_workspace_in_a_repository_makes_it_neither_dirty_nor_noted(
    repo: Path, monkeypatch: pytest.MonkeyPatch, workspace: str
) -> None:
    monkeypatch.chdir(repo)
    with Contexta(workspace) as ctx:
        for name, dirty in (
            ("first", False),
            ("second", False),
            ("third", True),
        ):  # each step finds the remaining files
            if dirty:
                (repo / "src" / "new.py").write_text("x = 1\n")
            with ctx.run(name, project="p"):
                pass
            details = ctx.get_run(name)
            assert details.metadata["source"]["dirty"] is dirty
            assert [note.text for note in details.notes if note.topic == "source"] == []
