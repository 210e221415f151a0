"""Source distributions that the build tools of today refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli
from support.dated_index import dated_index
from support.sdists import BACKEND, make_sdist
from support.tiny_index import PYTHON, make_wheel, only_index

DATES = {"tool-1": "2022-11-01", "tool-2": "2025-01-01", "alpha": "2022-11-10", "beta": "2025-02-01"}


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An old release of source alone, its build tool before and after it refused the release, and a newer wheel."""
    folder = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, folder, tmp_path.parent / f"{tmp_path.name}-cache")
    monkeypatch.delenv("UV_CONFIG_FILE")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    backend = BACKEND.format(name="alpha", version="1.0", build="    pass")
    make_wheel(folder, "tool", "1.0", backend)
    make_wheel(folder, "tool", "2.0", "raise SystemExit('python_requires must be a string')")
    make_sdist(folder, "alpha", "1.0", requires="tool")
    for version in ("1.0", "2.0"):
        make_wheel(folder, "beta", version)
    for name, version in (("old", "1.0"), ("new", "2.0")):
        (tmp_path / f"{name}.txt").write_text(f"alpha==1.0\nbeta=={version}\n")
    (tmp_path / "train.py").write_text("import alpha, beta\nprint('acc=1')\n")
    return folder


def arguments(*more: str) -> tuple[str, ...]:
    return (
        "bisect",
        "old.txt",
        "new.txt",
        "--metric",
        "acc",
        "--python",
        PYTHON,
        "--json",
        *more,
        "--",
        "python",
        "train.py",
    )


@pytest.mark.slow
def test_the_tools_of_its_time_build_an_old_release_and_the_report_says_so(cli: Cli, index: Path) -> None:
    with dated_index(index, DATES) as url:
        done = cli(*arguments(), env={"UV_DEFAULT_INDEX": url})
    assert done.returncode == 0, done.stderr
    note = "alpha 1.0 was built with the tools of 2022-11-11, as those of today do not build it"
    assert note in json.loads(done.stdout)["notes"]


@pytest.mark.slow
def test_a_build_that_fails_names_the_way_to_older_tools_which_works(cli: Cli, tmp_path: Path, index: Path) -> None:
    places = {"UV_FIND_LINKS": str(index), "UV_NO_INDEX": "1"}  # without dates
    done = cli(*arguments(), env=places)
    assert done.returncode != 0
    assert "OLD cannot be built" in done.stderr
    assert "python_requires must be a string" in done.stderr
    assert "--build-constraint FILE" in done.stderr
    (tmp_path / "limits.txt").write_text("tool<2\n")
    done = cli(*arguments("--build-constraint", "limits.txt"), env=places)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "no_regression"), done.stderr
