"""The home of a trial: its visible files, and the isolation of its writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from contexta.bisect.execution.isolation.private_home import PrivateHome, _overlay_problem, private_home
from contexta.core.errors import InvalidInput
from contexta.core.processes import process, supervisor

pytestmark = pytest.mark.skipif(os.name == "nt", reason="trials share the home there")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    at = tmp_path / "home"
    at.mkdir()
    monkeypatch.setenv("HOME", str(at))
    return at


@pytest.fixture
def overlays(home: Path, tmp_path: Path) -> None:
    problem = "no Linux" if sys.platform != "linux" else _overlay_problem([str(home)], tmp_path)
    if problem:
        pytest.skip(problem)


def write(path: Path, text: str = "real") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(home: PrivateHome, script: str) -> str:
    variables: Mapping[str, str] = {**os.environ, **home.variables}
    done = process.run(supervisor.supervised(["sh", "-ec", script], overlays=home.overlays), timeout=30, env=variables)
    assert done.exit_code == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.mark.usefixtures("overlays")
def test_reads_of_a_copy_on_write_home_see_the_real_one_and_writes_do_not_reach_it(home: Path, tmp_path: Path) -> None:
    files = [write(home / name) for name in (".keras/keras.json", ".cache/hub/model", "data/train.csv")]
    with private_home(tmp_path) as private:
        assert private.why_empty == ""
        script = "cd $HOME; cat .keras/keras.json .cache/hub/model data/train.csv"
        script += "; echo x > .keras/keras.json; echo x > .cache/hub/model; rm -r data; mkdir -p .config .cache/new"
        assert run(private, script) == "real" * 3
    assert [path.read_text() for path in files] == ["real"] * 3
    assert sorted(path.name for path in home.iterdir()) == [".cache", ".keras", "data"]
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.usefixtures("overlays")
def test_writes_through_links_to_caches_elsewhere_do_not_reach_them(home: Path, tmp_path: Path) -> None:
    big = [write(tmp_path / "big" / name / "model") for name in ("cache", "hub, of: all\\", "torch")]
    (home / ".cache").symlink_to(tmp_path / "big" / "cache")
    (home / ".local" / "share").mkdir(parents=True)
    (home / ".local" / "share" / "hub").symlink_to(tmp_path / "big" / "hub, of: all\\")
    (home / ".torch").symlink_to(tmp_path / "big" / "torch")
    (home / ".everything").symlink_to("/")
    with private_home(tmp_path) as private:
        for name in (".cache", ".local/share/hub", ".torch"):
            assert run(private, f"cd $HOME/{name}; cat model; echo x > model; cat model") == "realx\n"
    assert [path.read_text() for path in big] == ["real"] * 3


@pytest.mark.parametrize("mode", ["auto", "empty"])
def test_caches_that_variables_name_are_private(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, mode: str
) -> None:
    if mode == "auto":
        request.getfixturevalue("overlays")
    monkeypatch.setenv("CONTEXTA_TRIAL_HOME", mode)
    inside, outside = write(home / "caches" / "hub" / "model"), write(tmp_path / "torch" / "model")
    monkeypatch.setenv("XDG_CACHE_HOME", str(inside.parent.parent))
    monkeypatch.setenv("TORCH_HOME", str(outside.parent))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "missing"))
    monkeypatch.setenv("MPLCONFIGDIR", "relative")
    script = "mkdir -p $XDG_CACHE_HOME/hub; for at in $XDG_CACHE_HOME/hub $TORCH_HOME $HF_HOME; do"
    script += " cat $at/model 2>/dev/null || echo none; echo x > $at/model; done; echo $MPLCONFIGDIR"
    with private_home(tmp_path) as private:
        shown = "realreal" if mode == "auto" else "none\nnone\n"
        assert run(private, script) == f"{shown}none\nrelative\n"
    assert (inside.read_text(), outside.read_text()) == ("real", "real")
    assert not (tmp_path / "missing").exists()


def test_an_empty_home_holds_copies_of_the_named_paths_only(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTEXTA_TRIAL_HOME", "empty")
    model, settings = write(home / ".cache" / "hub" / "model"), write(home / ".netrc")
    torch = write(tmp_path / "torch" / "hub" / "model")
    write(home / "data" / "train.csv")
    (model.parent / "link").symlink_to("model")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("CONTEXTA_TRIAL_CACHES", os.pathsep.join(["~/.cache/hub", "~/.netrc", str(torch.parent)]))
    with private_home(tmp_path) as private:
        assert private.why_empty == "CONTEXTA_TRIAL_HOME is empty"
        script = "cd $HOME; cat .cache/hub/link .netrc $TORCH_HOME/hub/model; echo x > .cache/hub/link; echo x > .netrc"
        assert run(private, f"{script}; ls -A") == "realrealreal.cache\n.config\n.netrc\n"
    assert (model.read_text(), settings.read_text(), torch.read_text()) == ("real", "real", "real")


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("HOME", "links", 'CONTEXTA_TRIAL_HOME is "links"'),
        ("CACHES", "~/missing", 'names "~/missing", which does not exist'),
        ("CACHES", "~", 'names "~", which is not a path in the home or in a cache'),
        ("CACHES", "/usr/share", 'names "/usr/share", which is not a path in the home or in a cache'),
    ],
)
def test_a_wrong_setting_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv("CONTEXTA_TRIAL_HOME", "empty")
    monkeypatch.setenv(f"CONTEXTA_TRIAL_{variable}", value)
    with pytest.raises(InvalidInput, match=message), private_home(tmp_path):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has overlays")
def test_home_without_overlay_is_empty_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/proc")  # no file system that an overlay can show
    with private_home(tmp_path) as private:
        assert private.why_empty
        assert private.overlays == ()
        assert run(private, "ls -A $HOME") == ".cache\n.config\n"
