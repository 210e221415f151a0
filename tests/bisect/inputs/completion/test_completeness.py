"""Requirements files that do not pin what their packages require, and their completion by uv."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.projects import a_project
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.bisect.inputs.both_sides import BothSides, Install, both_sides
from contexta.bisect.inputs.completion.completeness import AS_PINNED, CHECK, RESOLVE
from contexta.bisect.inputs.sides.kinds import side_of
from contexta.core.errors import InvalidInput
from contexta.reproduce.uv.commands import find_uv


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    make_wheel(index, "pandas", "1.5.3", requires=["python-dateutil>=2.8", "numpy<2", 'winonly; os_name == "nt"'])
    make_wheel(index, "pandas", "2.0.0", requires=["python-dateutil>=2.8,<2.9", "numpy>=1.21", "tzdata"])
    for version in ("2.8.0", "2.8.2", "2.9.0"):
        make_wheel(index, "python_dateutil", version, requires=["six>=1.5"])
    for name, version in (("numpy", "1.26"), ("numpy", "2.0"), ("six", "1.16"), ("tzdata", "1")):
        make_wheel(index, name, version)
    make_wheel(index, "tool", "1.0", requires=['plugin; extra == "fast"', 'old-plugin; python_version < "3"'])
    make_wheel(index, "plugin", "1.0")
    make_wheel(index, "lost", "1.0", requires=["nowhere>1"])
    return index


def ends(folder: Path, old: str, new: str, how: str = CHECK) -> BothSides:
    sides = {}
    for name, text in (("old", old), ("new", new)):
        (folder / f"{name}.txt").write_text(text)
        sides[name] = side_of(f"{name}.txt", Contexta())
    return both_sides(sides, {"old": PYTHON, "new": PYTHON}, {"old": {}, "new": {}}, find_uv(), Install(pinning=how))


def refused(folder: Path, old: str, new: str, how: str = CHECK) -> str:
    with pytest.raises(InvalidInput, match="lacks") as raised:
        ends(folder, old, new, how)
    assert "as_pinned=True" in str(raised.value)
    return str(raised.value)


@pytest.mark.usefixtures("index")
def test_missing_pins_of_both_files_are_listed_with_their_requirers(tmp_path: Path) -> None:
    answer = refused(tmp_path, "pandas==1.5.3\nnumpy==1.26\n", "pandas==2.0.0\nnumpy==2.0\nsix==1.16\n")
    assert answer.partition("\n")[0] == (
        "old.txt lacks python-dateutil, which pandas 1.5.3 requires, and six, which python-dateutil 2.9.0 requires; "
        "new.txt lacks python-dateutil, tzdata, which pandas 2.0.0 requires"
    )
    assert "resolve=True completes both sides with uv" in answer


@pytest.mark.usefixtures("index")
def test_both_sides_are_completed_with_equal_versions_if_possible(tmp_path: Path) -> None:
    result = ends(tmp_path, "pandas==1.5.3\nnumpy==1.26\n", "pandas==2.0.0\nnumpy==2.0\n", RESOLVE)
    assert result.old.packages["python-dateutil"] == result.new.packages["python-dateutil"] == "2.8.2"
    assert result.old.packages["six"] == "1.16"
    assert "tzdata" not in result.old.packages
    assert "new.txt, completed with uv (--resolve): python-dateutil==2.8.2, six==1.16, tzdata==1" in result.notes
    pinned = ends(tmp_path, "pandas==1.5.3\nnumpy==1.26\n", "pandas==2.0.0\nnumpy==1.26\npython-dateutil==2.8.0\n"
                  "six==1.16\ntzdata==1\n", RESOLVE)  # fmt: skip
    assert pinned.old.packages["python-dateutil"] == "2.8.0"  # as the other file has it


@pytest.mark.usefixtures("index")
def test_markers_and_extras_decide_what_is_required(tmp_path: Path) -> None:
    assert ends(tmp_path, "tool==1.0\n", "tool==1.0 --hash=sha256:00\nnumpy==2.0\n").old.packages == {"tool": "1.0"}
    answer = refused(tmp_path, "tool[fast]==1.0\n", "tool==1.0\n")
    assert answer.startswith("old.txt lacks plugin, which tool 1.0 requires\n")
    assert ends(tmp_path, "tool[fast]==1.0\n", "tool==1.0\n", RESOLVE).old.packages == {"tool": "1.0", "plugin": "1.0"}


@pytest.mark.usefixtures("index")
def test_contradicting_pins_are_noted_and_tried(tmp_path: Path) -> None:
    whole = "six==1.16\npython-dateutil==2.9.0\ntzdata==1\n"
    result = ends(tmp_path, f"pandas==1.5.3\nnumpy==2.0\n{whole}", f"pandas==2.0.0\nnumpy==2.0\n{whole}")
    assert "old.txt: pandas 1.5.3 requires numpy<2, and numpy 2.0 is pinned" in result.notes
    assert any(re.match(r"new.txt: pandas 2.0.0 requires python-dateutil\S+, and", note) for note in result.notes)
    answer = refused(tmp_path, "pandas==1.5.3\nnumpy==2.0\n", f"pandas==1.5.3\nnumpy==1.26\n{whole}")
    assert "old.txt lacks python-dateutil, which pandas 1.5.3 requires, and six" in answer


@pytest.mark.usefixtures("index")
def test_skipped_package_is_not_missing(tmp_path: Path) -> None:
    sides = {}
    for name in ("old", "new"):
        (tmp_path / f"{name}.txt").write_text("pandas==1.5.3\nnumpy==1.26\npython-dateutil==2.8.2\n")
        sides[name] = side_of(f"{name}.txt", Contexta())
    skip = frozenset({"python-dateutil"})
    result = both_sides(sides, {"old": PYTHON, "new": PYTHON}, {"old": {}, "new": {}}, find_uv(), Install(skip))
    assert result.old.packages.keys() == {"pandas", "numpy"}  # and six, which only it requires, is not lacking


@pytest.mark.usefixtures("index")
def test_package_without_a_release_cannot_be_completed(tmp_path: Path) -> None:
    for how in (CHECK, RESOLVE):
        answer = refused(tmp_path, "lost==1.0\n", "numpy==2.0\n", how)
        assert answer.startswith("old.txt lacks nowhere, which lost 1.0 requires")
        assert "no index that uv knows has nowhere" in answer
    assert ends(tmp_path, "lost==1.0\n", "numpy==2.0\n", AS_PINNED).old.packages == {"lost": "1.0"}


def test_an_index_that_does_not_answer_is_a_note(tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "away.toml").write_text('index-url = "http://127.0.0.1:9/simple"\n')
    monkeypatch.setenv("UV_CONFIG_FILE", str(tmp_path / "away.toml"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    result = ends(tmp_path, "pandas==1.5.3\n", "pandas==2.0.0\n")
    assert any(note.startswith("old.txt: could not check whether everything is pinned: ") for note in result.notes)


def test_the_requirements_of_addresses_and_directories_count(tmp_path: Path, index: Path) -> None:
    wheel = make_wheel(tmp_path / "files", "own_wheel", "1.0", requires=["six"])
    answer = refused(tmp_path, f"own-wheel @ {wheel.as_uri()}\n", "six==1.16\n")
    assert answer.startswith("old.txt lacks six, which own-wheel requires")
    project = a_project(tmp_path / "own")
    assert ends(tmp_path, f"-e {project}\nsix==1.16\n", f"-e {project}\nnumpy==2.0\n").fixed[0].name == "own"


@pytest.mark.online
def test_a_file_is_completed_as_of_its_newest_pin(tmp_path: Path) -> None:
    result = ends(tmp_path, "pandas==1.5.3\nnumpy==1.24.4\n", "pandas==2.0.3\nnumpy==1.24.4\n", RESOLVE)
    assert result.old.packages["python-dateutil"] == result.new.packages["python-dateutil"] == "2.8.2"
    assert any("completed with uv (--resolve), as of 2023-06-" in note for note in result.notes)
