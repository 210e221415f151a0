"""The releases of a culprit: the reported facts and the advice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.sdists import make_sdist
from support.tiny_index import PYTHON, make_wheel, only_index


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index next to the project. The training is worse by a number in the culprit."""
    folder = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, folder, tmp_path.parent / f"{tmp_path.name}-cache")
    (tmp_path / "train.py").write_text("import culprit\nprint('accuracy=%g' % (0.9 - culprit.worse))\n")
    return folder


def report_of(cli: Cli, place: Path, old: str, new: str) -> dict[str, Any]:
    """The report of a study between two files of pins."""
    for name, pins in (("old", old), ("new", new)):
        (place / f"{name}.txt").write_text("\n".join(pins.split()) + "\n")
    arguments = ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--json")
    done = cli(*arguments, "--", "python", "train.py")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert (answer["verdict"], answer["culprits"]) == ("proved", ["culprit"])
    return answer


def states(message: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {item["version"]: (item["state"], item["beside"]) for item in message["releases"]["tried"]}


@pytest.mark.slow
def test_the_first_bad_release_is_claimed_where_the_one_before_it_was_good(
    cli: Cli, tmp_path: Path, index: Path
) -> None:
    for version, worse in (("1.0", 0.0), ("1.1", 0.0), ("1.2", 0.5), ("1.3", 0.5), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
    answer = report_of(cli, tmp_path, "culprit==1.0", "culprit==2.0")
    assert (answer["first_bad_version"], answer["releases"]["last_good"]) == ("1.2", "1.1")
    assert answer["next"] == [
        "python -m pip install culprit==1.0",
        "python -m pip install culprit==1.1  # nearer to NEW, and also good",
    ]
    assert "First bad release of culprit: 1.2." in cli("bisect", "--show").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "untried",
    [("1.2",), *(pytest.param(item, marks=pytest.mark.slow) for item in (("1.1",), ("1.1", "1.2", "1.3")))],
)
def test_skipped_releases_leave_a_range_and_no_first_bad_release(
    cli: Cli, tmp_path: Path, index: Path, untried: tuple[str, ...]
) -> None:
    for version, worse in (("1.0", 0.0), ("1.1", 0.0), ("1.2", 0.0), ("1.3", 0.5), ("2.0", 0.5)):
        requires = ["nowhere"] if version in untried else []
        make_wheel(index, "culprit", version, f"worse = {worse}", requires=requires)
    answer = report_of(cli, tmp_path, "culprit==1.0", "culprit==2.0")
    releases = answer["releases"]
    first = "1.3" if untried == ("1.1",) else None
    assert (answer["first_bad_version"], releases["first_bad"]) == (first, first)
    assert set(releases["between"]) == ({*untried} if first is None else set())
    assert releases["observed_bad"] == ("2.0" if "1.3" in untried else "1.3")
    assert all("<" not in line for line in answer["next"]), "a constraint may install a release that was not tried"
    shown = cli("bisect", "--show").stdout
    assert ("First bad release" in shown) == (first is not None)
    assert first is not None or f"gave no result: {', '.join(untried)}." in shown
    assert all("needs nowhere" in item["reason"] for item in releases["tried"] if item["version"] in untried)


@pytest.mark.slow
def test_a_downgrade_is_searched_in_its_own_direction(cli: Cli, tmp_path: Path, index: Path) -> None:
    for version, worse in (("1.0", 0.5), ("1.1", 0.5), ("1.2", 0.0), ("2.0", 0.0)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
    answer = report_of(cli, tmp_path, "culprit==2.0", "culprit==1.0")
    assert (answer["first_bad_version"], answer["releases"]["last_good"]) == ("1.1", "1.2")
    assert answer["next"][1].startswith("python -m pip install culprit==1.2 ")


@pytest.mark.slow
def test_a_release_that_new_does_not_allow_is_tried_in_old(cli: Cli, tmp_path: Path, index: Path) -> None:
    for version, worse in (("1.0", 0.0), ("1.1", 0.0), ("1.2", 0.5), ("2.0", 0.5)):
        requires = ["base<2"] if version in ("1.1", "1.2") else []
        make_wheel(index, "culprit", version, f"worse = {worse}", requires=requires)
    for version in ("1", "2"):
        make_wheel(index, "base", version)
    answer = report_of(cli, tmp_path, "culprit==1.0 base==1", "culprit==2.0 base==2")
    assert states(answer) == {"1.1": ("good", "old"), "1.2": ("bad", "old")}
    assert (answer["first_bad_version"], answer["releases"]["last_good"]) == ("1.2", "1.1")
    assert not any("culprit==1.1" in line for line in answer["next"]), "1.1 was good in OLD, and cannot be had in NEW"
    assert "OLD with culprit 1.1" in cli("bisect", "--show", "--markdown").stdout


@pytest.mark.slow
def test_what_others_require_of_the_culprit_is_heeded_too(cli: Cli, tmp_path: Path, index: Path) -> None:
    for version, worse in (("1.0", 0.0), ("1.1", 0.0), ("1.2", 0.5), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
    make_wheel(index, "user", "1")
    make_wheel(index, "user", "2", requires=["culprit>=1.2"])
    answer = report_of(cli, tmp_path, "culprit==1.0 user==1", "culprit==2.0 user==2")
    assert states(answer)["1.1"] == ("good", "old")
    assert states(answer)["1.2"] == ("bad", "new")
    assert answer["first_bad_version"] == "1.2"


@pytest.mark.slow
def test_releases_of_source_alone_are_built_where_the_ends_were(cli: Cli, tmp_path: Path, index: Path) -> None:
    for version, worse in (("1.0", 0.0), ("1.1", 0.0), ("1.2", 0.5), ("2.0", 0.5)):
        make_sdist(index, "culprit", version, f"worse = {worse}")
    answer = report_of(cli, tmp_path, "culprit==1.0", "culprit==2.0")
    assert (answer["first_bad_version"], answer["releases"]["last_good"]) == ("1.2", "1.1")


@pytest.mark.slow
def test_a_release_of_source_alone_between_wheels_is_named_and_never_advised(
    cli: Cli, tmp_path: Path, index: Path
) -> None:
    for version, worse in (("3.2.5", 0.0), ("3.4", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
    make_sdist(index, "culprit", "3.3", "worse = 0.5")
    answer = report_of(cli, tmp_path, "culprit==3.2.5", "culprit==3.4")
    assert (answer["first_bad_version"], answer["releases"]["between"]) == (None, ["3.3"])
    assert "has no wheel" in answer["releases"]["tried"][0]["reason"]
    assert answer["next"] == ["python -m pip install culprit==3.2.5"]


@pytest.mark.slow
def test_a_release_that_does_not_build_is_named_with_its_reason(cli: Cli, tmp_path: Path, index: Path) -> None:
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_sdist(index, "culprit", version, f"worse = {worse}")
    make_sdist(index, "culprit", "1.5", build="raise SystemExit('no compiler here')")
    answer = report_of(cli, tmp_path, "culprit==1.0", "culprit==2.0")
    assert (answer["first_bad_version"], answer["releases"]["between"]) == (None, ["1.5"])
    assert "no compiler here" in answer["releases"]["tried"][0]["reason"]
