from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.projects import a_project, git
from support.tiny_index import PYTHON, make_wheel, only_index
from support.wheels import Venv, wheel

from contexta.bisect.inputs.direct_references import project_at, taken_from
from contexta.core.errors import InvalidInput
from contexta.reproduce.environments.builder import Fixed

COMMIT = "0123456789" * 4


@dataclass(frozen=True)
class Place:
    """A training directory, an index, and a repository whose second commit lowers the metric. Both commits have the
    same version, so only the commit distinguishes them."""

    here: Path
    index: Path
    repository: Path
    good: str
    bad: str

    def address(self, commit: str) -> str:
        return f"git+file://{self.repository}@{commit}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    beside = tmp_path.parent / f"{tmp_path.name}-beside"
    beside.mkdir()
    only_index(monkeypatch, beside / "index", beside / "cache")
    for version in ("1.0", "2.0"):
        make_wheel(beside / "index", "innocent", version, requires=["own>=0.5"])
    repository = a_project(beside / "own", code="worse = 0.0\n")
    good = git(repository, "rev-parse", "HEAD")
    (repository / "own.py").write_text("worse = 0.5\n")
    git(repository, "commit", "-qam", "second")
    (tmp_path / "train.py").write_text("import innocent, own\nprint('accuracy=%g' % (0.9 - own.worse))\n")
    return Place(tmp_path, beside / "index", repository, good, git(repository, "rev-parse", "HEAD"))


def study(cli: Cli, old: str, new: str, *options: str) -> dict[str, Any]:
    done = cli("bisect", old, new, "--metric", "accuracy", "--json", *options, "--", "python", "train.py")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.slow
def test_a_commit_that_changed_between_two_files_is_a_change_like_any_other(cli: Cli, place: Place) -> None:
    for name, version, commit in (("old.txt", "1.0", place.good), ("new.txt", "2.0", place.bad)):
        (place.here / name).write_text(f"innocent=={version}\nown @ {place.address(commit)}\n")
    report = study(cli, "old.txt", "new.txt", "--python", PYTHON)
    assert (report["verdict"], report["culprits"], report["companions"]) == ("proved", ["own"], [])
    change = next(change for change in report["changes"] if change["key"] == "own")
    assert change["left_value"] == f"1.0 @ {place.good[:9]}"
    assert change["right_value"] == f"1.0 @ {place.bad[:9]}"
    pins = {fact["fact"]: fact["pins"] for fact in report["proof"]}
    assert pins[f"OLD with own at {change['right_value']} is bad"] == {
        "innocent": "1.0",
        "own": place.address(place.bad),
    }
    assert report["next"] == [f"python -m pip install 'own @ {place.address(place.good)}'"]
    assert (report["releases"], report["first_bad_version"]) == (None, None)


@pytest.mark.slow
def test_environments_with_a_package_from_two_commits_differ(cli: Cli, place: Place) -> None:
    for name, commit in (("old", place.good), ("new", place.bad)):
        venv = Venv(place.here / f"{name}-env", PYTHON)
        venv.install("--find-links", str(place.index), "innocent==1.0", f"own @ {place.address(commit)}")
    report = study(cli, "old-env", "new-env")
    assert (report["verdict"], report["culprits"]) == ("proved", ["own"])


@pytest.mark.slow
def test_a_commit_after_a_release_of_an_index_is_a_change_too_and_so_is_a_file(cli: Cli, place: Place) -> None:
    make_wheel(place.index, "own", "0.9", "worse = 0.0")
    built = wheel(place.here / "dist", "own", "1.1", {"own.py": "worse = 0.5\n"})
    digest = hashlib.sha256(built.read_bytes()).hexdigest()
    (place.here / "old.txt").write_text("innocent==1.0\nown==0.9\n")
    for line, shown in (
        (f"own @ {place.address(place.bad)}", f"1.0 @ {place.bad[:9]}"),
        (f"own @ {built.as_uri()}", f"1.1 @ {built.name}"),
    ):
        (place.here / "new.txt").write_text(f"innocent==2.0\n{line}\n")
        report = study(cli, "old.txt", "new.txt", "--python", PYTHON)
        assert (report["verdict"], report["culprits"]) == ("proved", ["own"])
        assert [change["right_value"] for change in report["changes"]] == ["2.0", shown]
        assert report["next"] == ["python -m pip install own==0.9"]
    assert report["proof"][1]["pins"]["own"].endswith(f"#sha256={digest}")


@pytest.mark.slow
def test_equal_address_on_both_sides_is_no_change(cli: Cli, place: Place) -> None:
    for name, version in (("old.txt", "1.0"), ("new.txt", "2.0")):
        (place.here / name).write_text(f"innocent=={version}\nown @ {place.address(place.bad)}\n")
    report = study(cli, "old.txt", "new.txt", "--python", PYTHON)
    assert (report["verdict"], [change["key"] for change in report["changes"]]) == ("no_regression", ["innocent"])
    assert "own as from its address now, the same in every mix: no change" in report["notes"]


@pytest.mark.slow
def test_releases_of_a_culprit_with_a_direct_reference_are_tried(cli: Cli, place: Place) -> None:
    for version, worse in (("1.0", 0.0), ("1.1", 0.0), ("1.2", 0.25), ("2.0", 0.25)):
        make_wheel(place.index, "culprit", version, f"worse = {worse}", requires=["own>=0.5"])
    (place.here / "train.py").write_text("import culprit, own\nprint('accuracy=%g' % (0.9 - culprit.worse))\n")
    for name, version, commit in (("old.txt", "1.0", place.good), ("new.txt", "2.0", place.bad)):
        (place.here / name).write_text(f"culprit=={version}\nown @ {place.address(commit)}\n")
    report = study(cli, "old.txt", "new.txt", "--python", PYTHON)
    assert (report["culprits"], report["first_bad_version"]) == (["culprit"], "1.2")


@pytest.mark.slow
@pytest.mark.parametrize("line", ["-e ../{folder}/own", "own @ file://{repository}"])
def test_a_directory_of_a_file_is_source_that_every_mix_has_as_it_is_now(cli: Cli, place: Place, line: str) -> None:
    told_line = line.format(folder=place.repository.parent.name, repository=place.repository)
    for name, version in (("old.txt", "1.0"), ("new.txt", "2.0")):
        (place.here / name).write_text(f"{told_line}\ninnocent=={version}\n")
    report = study(cli, "old.txt", "new.txt", "--python", PYTHON)
    assert (report["verdict"], report["old"]["mean"], report["new"]["mean"]) == ("no_regression", 0.4, 0.4)
    assert [change["key"] for change in report["changes"]] == ["innocent"]
    (place.here / "new.txt").write_text("innocent==2.0\nown==0.9\n")
    arguments = ("bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON)
    done = cli(*arguments, "--", "python", "train.py")
    assert done.returncode == 2
    assert "is 0.9 on the other side. A package in a directory cannot be bisected" in done.stderr


def test_an_address_is_taken_with_all_that_makes_it_exact(tmp_path: Path) -> None:
    repository = f"git+https://example.org/team/x.git@{COMMIT}"
    assert taken_from("x", f"{repository}#egg=x&subdirectory=lib") == f"{repository}#subdirectory=lib"
    file, digest = "https://example.org/x-1.0%2Bcpu-py3-none-any.whl", "a" * 64
    assert taken_from("x", file) == file
    assert taken_from("x", f"{file}#sha256={digest}") == f"{file}#sha256={digest}"
    (tmp_path / "x.py").write_text("")
    own = taken_from("x", tmp_path.as_uri())
    assert isinstance(own, Fixed)
    assert own.line == f"x @ {tmp_path.as_uri()}"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/x.whl",  # no name of a wheel
        "https://example.org/x-1.0.tar.gz#sha256=00",
        "file:///nowhere/x-1.0-py3-none-any.whl",
    ],
)
def test_missing_path_and_path_without_a_package_are_no_local_package(url: str) -> None:
    assert taken_from("x", url) is None


@pytest.mark.parametrize("commit", ["", "@main", "@v1.0", "@0123456"])
def test_a_branch_or_a_tag_is_refused_as_it_may_move(commit: str) -> None:
    with pytest.raises(InvalidInput, match="names no whole commit") as refused:
        taken_from("x", f"git+https://example.org/x{commit}")
    assert "git rev-parse" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "url", [f"git+https://me:s3cr3t@example.org/x@{COMMIT}", "https://example.org/x-1.0.tar.gz?token=s3cr3t"]
)
def test_an_address_with_a_secret_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(InvalidInput, match="holds credentials") as refused:
        taken_from("x", url)
    assert "s3cr3t" not in str(refused.value)


def test_a_directory_that_does_not_say_its_name_is_no_project(tmp_path: Path) -> None:
    assert project_at(str(tmp_path)) is None
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    assert project_at(str(tmp_path)) is None
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "My_Own"\n')
    result = project_at(f"{tmp_path}[extra]")
    assert result is not None
    assert result.line == f"my-own @ {tmp_path.as_uri()}"
