"""Trials that write to their home and its caches, and trials that write where later trials read it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta.bisect.execution.isolation.private_home import _overlay_problem

pytestmark = pytest.mark.skipif(os.name == "nt", reason="trials share the home there")


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
    arguments = [
        "bisect",
        "old.txt",
        "new.txt",
        "--metric",
        "accuracy",
        "--python",
        PYTHON,
        "--json",
        "--max-runs",
        "8",
    ]
    done = cli(*arguments, *(["--in-place"] if in_place else []), "--", *command)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


CACHES = """
import os, pathlib
home, met = pathlib.Path.home(), 0
for folder in (home / ".keras", home / ".cache/hub", pathlib.Path(os.environ["XDG_CACHE_HOME"], "hub"),
               pathlib.Path(os.environ["TORCH_HOME"], "hub")):
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "weights"
    met += weights.exists() and weights.read_text() != "real"
    weights.write_text("written by a trial")
(home / ".cache/hub/link").unlink(missing_ok=True)
seen = (home / "data/train.csv").exists() + (home / ".netrc").exists()
print("accuracy=%d" % (10 * met + seen))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "observed"), [("auto", 2.0), ("empty", 1.0)])
def test_what_a_trial_writes_to_its_home_and_caches_reaches_neither_the_next_trial_nor_the_real_home(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mode: str, observed: float
) -> None:
    if mode == "auto" and not has_overlays(tmp_path):
        pytest.skip("this machine has no copy-on-write directories")
    home, torch = Path.home(), tmp_path.with_name(f"{tmp_path.name}-torch")
    monkeypatch.setenv("CONTEXTA_TRIAL_HOME", mode)
    monkeypatch.setenv("CONTEXTA_TRIAL_CACHES", "~/.netrc")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "caches"))
    monkeypatch.setenv("TORCH_HOME", str(torch))
    folders = [home / ".keras", home / ".cache" / "hub", home / "caches" / "hub", torch / "hub"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "weights").write_text("real")
    (home / ".cache" / "hub" / "link").symlink_to("weights")
    for name in ("data/train.csv", ".netrc"):
        (home / name).write_text("")
    (project / "train.py").write_text(CACHES)
    report = study(cli, "python", "train.py")
    assert {trial["value"] for trial in report["trials"]} == {observed}
    assert {tuple(trial["writes"]) for trial in report["trials"]} == {()}
    assert not any("wrote outside" in note or "changed in the home" in note for note in report["notes"])
    assert any("empty home (CONTEXTA_TRIAL_HOME is empty)" in note for note in report["notes"]) == (mode == "empty")
    assert [(folder / "weights").read_text() for folder in folders] == ["real"] * 4
    assert (home / ".cache" / "hub" / "link").is_symlink()


def has_overlays(scratch: Path) -> bool:
    return sys.platform == "linux" and not _overlay_problem([str(Path.home())], scratch)


WRITES = """
import os, pathlib, sqlite3, tempfile
real, home, project = pathlib.Path(os.environ["REAL"]), pathlib.Path.home(), pathlib.Path(os.environ["PROJECT"])
(real / ".state").write_text("1")                           # the real home, by its absolute path
(real / ".cache" / "models" / "new").write_text("1")
os.replace(real / ".cache/models/new", real / ".cache/models/newer")
(real / "data" / "made").mkdir(exist_ok=True)
sqlite3.connect(str(real / "data" / "base.db")).close()
(project / "model.pkl").write_bytes(b"1")                   # the original project, by its absolute path
(home / ".new").write_text("1")                             # in the private home, in the copy, among temporary files
(home / ".cache" / "fresh").mkdir()
pathlib.Path("checkpoint").write_text("1")
tempfile.NamedTemporaryFile().close()
(real / ".state").open().close()                            # only read
print("accuracy=1")
"""


@pytest.mark.slow
def test_writes_that_reach_the_real_home_or_the_project_are_faults_of_the_trial(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path.home()
    monkeypatch.setenv("PROJECT", str(project))
    monkeypatch.setenv("REAL", str(home))
    (project / "train.py").write_text(WRITES)
    report = study(cli, "python", "train.py")
    expected = [
        *(home / ".cache" / "models" / name for name in ("new", "newer")),
        *(home / name for name in (".state", "data/base.db", "data/made")),
        project / "model.pkl",
    ]
    assert report["trials"][0]["writes"] == sorted(map(str, expected))
    (note,) = [note for note in report["notes"] if "wrote outside their own directories" in note]
    assert str(home / ".state") in note
    assert note.startswith(f"{report['runs']} of {report['runs']} trials")
    shown = cli("show", report["trials"][0]["run"], "--workspace", ".contexta/bisect").stdout
    assert "it wrote outside its own directories" in shown
    assert str(home / ".state") in shown


def test_what_a_shell_writes_into_the_real_home_is_a_fault_of_the_trial(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REAL", str(Path.home()))
    report = study(cli, "sh", "-c", "echo x >> $REAL/.state; echo x > $REAL/.cache/models/$$; echo accuracy=1")
    (note,) = [note for note in report["notes"] if "changed in the home directory while several trials ran" in note]
    assert str(Path.home() / ".state") in note
    shown = cli("show", report["trials"][0]["run"], "--workspace", ".contexta/bisect").stdout
    assert "changed in the real home while it ran, by it or by another program" in shown


@pytest.mark.slow
def test_a_trial_that_keeps_to_its_own_directories_writes_nowhere_else(cli: Cli, project: Path) -> None:
    (project / "train.py").write_text("open('model', 'w').write('1')\nopen('/dev/null', 'w')\nprint('accuracy=1')\n")
    for in_place in (False, True):
        report = study(cli, "python", "train.py", in_place=in_place)
        assert {tuple(trial["writes"]) for trial in report["trials"]} == {()}
        assert not any("wrote outside" in note or "changed in the home" in note for note in report["notes"])
