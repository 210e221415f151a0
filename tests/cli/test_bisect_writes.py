"""Trials that write where the next trial sees it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the home is mirrored by links")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.with_name(f"{tmp_path.name}-index")
    only_index(monkeypatch, index, tmp_path.with_name(f"{tmp_path.name}-cache"))
    for version in ("1.0", "2.0"):
        make_wheel(index, "innocent", version)
    home = tmp_path.with_name(f"{tmp_path.name}-home")
    for name in (".cache/models", ".config", "data"):
        (home / name).mkdir(parents=True)
    (home / ".state").write_text("0")
    (home / ".cache" / "models" / "old").write_text("0")
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "old.txt").write_text("innocent==1.0\n")
    (tmp_path / "new.txt").write_text("innocent==2.0\n")
    return tmp_path


def study(cli: Cli, *command: str, in_place: bool = False) -> Any:
    asked = ["bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--json", "--max-runs", "8"]
    done = cli(*asked, *(["--in-place"] if in_place else []), "--", *command)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


WRITES = """
import os, pathlib, shutil, sqlite3, tempfile
home, project = pathlib.Path.home(), pathlib.Path(os.environ["PROJECT"])
(home / ".state").write_text("1")                           # a file that was there: it is there by a link
(home / ".cache" / "models" / "new").write_text("1")        # in a directory that was there
os.replace(home / ".cache/models/new", home / ".cache/models/newer")
(home / "data" / "made").mkdir(exist_ok=True)
sqlite3.connect(str(home / "data" / "base.db")).close()
(project / "model.pkl").write_bytes(b"1")                   # the original project, by its absolute path
(home / ".new").write_text("1")                             # new in the home, in the copy, among temporary files:
(home / ".cache" / "fresh").mkdir()                         # all of it is thrown away
pathlib.Path("checkpoint").write_text("1")
tempfile.NamedTemporaryFile().close()
(home / ".state").open().close()                            # only read
print("accuracy=1")
"""


def test_writes_that_reach_the_next_trial_are_reported_with_their_paths(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path.home()
    monkeypatch.setenv("PROJECT", str(project))
    (project / "train.py").write_text(WRITES)
    told = study(cli, "python", "train.py")
    expected = [
        *(home / ".cache" / "models" / name for name in ("new", "newer")),
        *(home / name for name in (".state", "data/base.db", "data/made")),
        project / "model.pkl",
    ]
    assert told["trials"][0]["writes"] == sorted(map(str, expected))
    (note,) = [note for note in told["notes"] if "wrote outside their own directories" in note]
    assert str(home / ".state") in note
    assert note.startswith(f"{told['runs']} of {told['runs']} trials")
    shown = cli("show", told["trials"][0]["run"], "--workspace", ".contexta/bisect").stdout
    assert "it wrote outside its own directories" in shown
    assert str(home / ".state") in shown


def test_what_a_shell_writes_into_the_home_is_seen_afterwards(cli: Cli, project: Path) -> None:
    told = study(cli, "sh", "-c", "echo x >> $HOME/.state; echo x > $HOME/.cache/models/$$; echo accuracy=1")
    (note,) = [note for note in told["notes"] if "changed in the home directory while several trials ran" in note]
    assert str(Path.home() / ".state") in note


@pytest.mark.slow
def test_a_trial_that_keeps_to_its_own_directories_writes_nowhere_else(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("open('model', 'w').write('1')\nopen('/dev/null', 'w')\nprint('accuracy=1')\n")
    for in_place in (False, True):
        told = study(cli, "python", "train.py", in_place=in_place)
        assert {tuple(trial["writes"]) for trial in told["trials"]} == {()}
        assert not any("wrote outside" in note or "changed in the home" in note for note in told["notes"])
