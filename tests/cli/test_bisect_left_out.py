"""Packages that `pip freeze` omits, and modules that no pinned package contains."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index

NO_RUN = "the first run of OLD has no module"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version in ("1.0", "2.0"):
        make_wheel(index, "alpha", version)
    for name, version in (("old", "1.0"), ("new", "2.0")):
        (tmp_path / f"{name}.txt").write_text(f"alpha=={version}\n")
    return tmp_path


def arguments(*more: str, python: str = PYTHON) -> tuple[str, ...]:
    return ("bisect", "old.txt", "new.txt", "--metric", "acc", "--python", python, *more, "--", "python", "train.py")


def training(place: Path, imports: str) -> None:
    (place / "train.py").write_text(f"open({str(place / 'ran')!r}, 'a').write('x')\n{imports}\nprint('acc=1')\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later a freeze lists setuptools")
def test_the_same_setuptools_is_installed_on_both_sides_and_noted(cli: Cli, place: Path) -> None:
    for version in ("60.0", "65.0"):
        make_wheel(place.parent / f"{place.name}-index", "setuptools", version)
    training(place, "import setuptools; assert setuptools.version == '65.0'")
    done = cli(*arguments("--json"))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [change["key"] for change in report["changes"]] == ["alpha"]
    assert any("leave setuptools out: 65.0 is installed on both sides" in note for note in report["notes"])


def test_a_file_that_lists_pip_lists_everything(cli: Cli, place: Path) -> None:
    index = place.parent / f"{place.name}-index"
    make_wheel(index, "setuptools", "65.0")
    make_wheel(index, "pip", "23.0")
    for name in ("old.txt", "new.txt"):
        with (place / name).open("a") as file:
            file.write("pip==23.0\n")
    training(place, "import importlib.util; assert importlib.util.find_spec('setuptools') is None")
    assert cli(*arguments()).returncode == 0


@pytest.mark.parametrize(
    ("imports", "message"),
    [
        ("import pkg_resources", "add the line setuptools==VERSION to OLD"),
        pytest.param("import PIL.Image", "it comes with pillow: add the line pillow==VERSION", marks=pytest.mark.slow),
        pytest.param("import sklearn.svm", "it comes with scikit-learn", marks=pytest.mark.slow),
        pytest.param("import somewhat", "it comes most likely with somewhat", marks=pytest.mark.slow),
        pytest.param("import alpha.gone", "the alpha that is installed has no alpha.gone", marks=pytest.mark.slow),
        pytest.param("import pip", "which `pip freeze` leaves out: add the line pip==VERSION", marks=pytest.mark.slow),
        ("import mine", "set PYTHONPATH="),
    ],
)
@pytest.mark.parametrize("judged", ["by the metric", pytest.param("by the exit code", marks=pytest.mark.slow)])
def test_a_missing_module_is_named_after_one_training(
    cli: Cli, place: Path, imports: str, message: str, judged: str
) -> None:
    (place / "src" / "mine").mkdir(parents=True)
    training(place, imports)
    options = (
        arguments()
        if judged == "by the metric"
        else tuple(word for word in arguments("--exit-code") if word not in ("--metric", "acc"))
    )
    done = cli(*options)
    assert done.returncode == 2, done.stdout
    assert NO_RUN in done.stderr
    assert message in done.stderr
    assert (place / "ran").read_text() == "x"


@pytest.mark.slow
def test_an_old_that_fails_by_itself_makes_no_environment_innocent(cli: Cli, place: Path) -> None:
    training(place, "raise SystemExit(3)")
    done = cli("bisect", "old.txt", "new.txt", "--python", PYTHON, "--exit-code", "--json", "--", "python", "train.py")
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (1, "undecided")
    assert report["why"].startswith("OLD itself is bad in each of ")
    assert "not the cause" not in done.stdout


@pytest.mark.slow
def test_a_module_that_new_takes_away_is_found_by_the_exit_code(cli: Cli, place: Path) -> None:
    make_wheel(
        place.parent / f"{place.name}-index", "alpha", "2.0", "raise ModuleNotFoundError(\"No module named 'beta'\")"
    )
    training(place, "import alpha")
    done = cli(*arguments())
    assert "the first run of NEW has no module beta" in done.stderr
    assert "--exit-code" in done.stderr
    by_code = cli(
        "bisect", "old.txt", "new.txt", "--python", PYTHON, "--exit-code", "--json", "--", "python", "train.py"
    )
    assert json.loads(by_code.stdout)["culprits"] == ["alpha"]


@pytest.mark.online
@pytest.mark.slow
def test_what_was_current_at_the_date_of_the_pins_is_installed(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("joblib==1.2.0\nsix==1.15.0\n")
    (tmp_path / "new.txt").write_text("joblib==1.2.0\nsix==1.16.0\n")
    training(tmp_path, "import joblib, pkg_resources")
    done = cli(*arguments("--json"))
    assert done.returncode == 0, done.stderr
    note = next(note for note in json.loads(done.stdout)["notes"] if "setuptools" in note)
    assert "65.5.0 is installed on both sides, the newest of 2022-10-25" in note
