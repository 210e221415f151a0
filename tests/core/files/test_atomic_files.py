"""A file is there whole, or as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from contexta.core.files import atomic_files


def test_an_unfinished_write_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic_files.write(path, b"old")

    def interrupted() -> None:
        with atomic_files.NewFile(tmp_path) as new:
            new.file.write(b"half of the ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"
    atomic_files.write(path, b"new", is_durable=True)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("has_links", [True, False])
def test_only_the_first_of_two_processes_creates_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    path = tmp_path / "file"
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no hard links here")))
    assert atomic_files.create(path, b"first", 0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    if has_links:
        assert not atomic_files.create(path, b"second")
        assert path.read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_a_directory_is_made_with_those_above_it(tmp_path: Path) -> None:
    atomic_files.make_directory(str(tmp_path / "a" / "b"), str(tmp_path / "a" / "c"))
    atomic_files.make_directory(str(tmp_path / "a" / "b"))
    assert sorted(entry.name for entry in (tmp_path / "a").iterdir()) == ["b", "c"]
