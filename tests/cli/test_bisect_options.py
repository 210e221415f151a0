"""Options of requirements files decide where packages come from, and in which form."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.private_index import PASSWORD, USER, private_index, served
from support.sdists import make_sdist
from support.tiny_index import PYTHON, make_wheel, only_index

COMMAND = ("--metric", "accuracy", "--python", PYTHON, "--no-versions", "--json", "--", "python", "train.py")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose index holds one package, and lacks another."""
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    monkeypatch.delenv("UV_CONFIG_FILE")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "other", version)
    (tmp_path / "train.py").write_text("import culprit, other\nprint('accuracy=%g' % (0.9 - culprit.worse))\n")
    return tmp_path


def write(place: Path, options: str, new_options: str | None = None) -> None:
    for name, version, lines in (
        ("old", "1.0", options),
        ("new", "2.0", options if new_options is None else new_options),
    ):
        (place / f"{name}.txt").write_text(f"{lines}\nculprit=={version}\nother=={version}\n")


def proved(cli: Cli, **options: Any) -> dict[str, Any]:
    done = cli("bisect", "old.txt", "new.txt", *COMMAND, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert (answer["verdict"], answer["culprits"]) == ("proved", ["culprit"])
    return answer


def index_of(place: Path) -> Path:
    return place.parent / f"{place.name}-index"


@pytest.mark.slow
def test_credentials_come_from_the_environment_and_are_neither_shown_nor_stored(cli: Cli, place: Path) -> None:
    with private_index(index_of(place)) as host:
        write(place, f"--index-url http://${{SOMEONE}}:${{TOKEN}}@{host}/simple")
        done = cli("bisect", "old.txt", "new.txt", *COMMAND, env={"SOMEONE": USER, "TOKEN": PASSWORD})
    assert done.returncode == 0, done.stdout + done.stderr
    assert any(f"--index-url http://{host}/simple" in note for note in json.loads(done.stdout)["notes"])
    remaining = b"".join(path.read_bytes() for path in (place / ".contexta").rglob("*") if path.is_file())
    assert PASSWORD not in done.stdout + done.stderr
    assert PASSWORD.encode() not in remaining


def test_a_variable_that_is_not_set_is_named(cli: Cli, place: Path) -> None:
    write(place, "--extra-index-url https://${TOKEN}@example.org/simple")
    done = cli("bisect", "old.txt", "new.txt", *COMMAND)
    assert done.returncode == 2
    assert "needs the variable TOKEN, which is not set" in done.stderr


@pytest.mark.slow
def test_each_side_has_its_own_places(cli: Cli, place: Path) -> None:
    old, new = place / "wheels-of-old", place / "wheels-of-new"
    for folder, version in ((old, "1.0"), (new, "2.0")):
        folder.mkdir()
        for path in index_of(place).glob(f"*-{version}-*"):
            shutil.copy(path, folder)
    with served(new) as host:
        make_page(new)
        write(
            place,
            "--no-index\n-f ./wheels-of-old",
            f"--no-index --find-links http://{host}/page.html\n--trusted-host {host}".replace(" --find", "\n--find"),
        )
        proved(cli)


@pytest.mark.slow
def test_the_change_that_makes_new_hang_is_found_by_the_command_that_the_report_names(cli: Cli, place: Path) -> None:
    write(place, f"--no-index\n-f {index_of(place)}")
    (place / "train.py").write_text(
        "import culprit, time\nif culprit.worse:\n    time.sleep(600)\nprint('accuracy=0.9')\n"
    )
    done = cli("bisect", "old.txt", "new.txt", "--timeout", "2", *COMMAND)
    report = json.loads(done.stdout)
    assert (report["verdict"], report["why"]) == ("undecided", "NEW itself gives no value: did not end within 2 s")
    command = next(line for line in report["next"] if "--timeout-is-bad" in line)
    done = cli(*shlex.split(command, comments=True)[1:], "--json")
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["culprit"])
    assert (report["metric"], report["old"]["mean"], report["new"]["mean"]) == ("ends in time", 1.0, 0.0)


def make_page(folder: Path) -> None:
    links = "".join(f'<a href="{path.name}">{path.name}</a>\n' for path in folder.glob("*.whl"))
    (folder / "page.html").write_text(f"<html><body>{links}</body></html>")


@pytest.mark.slow
def test_a_side_without_options_takes_those_of_the_other(cli: Cli, place: Path) -> None:
    write(place, f"--no-index\n--find-links={index_of(place)}", "")
    proved(cli)


@pytest.mark.slow
def test_no_binary_packages_are_built(cli: Cli, place: Path) -> None:
    index = index_of(place)
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, "worse = 7")  # the wheel was built again
        make_sdist(index, "culprit", version, f"worse = {worse}")
    write(place, f"--no-index\n-f {index}\n--no-binary culprit")
    answer = proved(cli)
    assert (answer["old"]["mean"], answer["new"]["mean"]) == (0.9, 0.4)
    assert any("--no-binary culprit" in note for note in answer["notes"])


def test_a_local_version_that_no_index_has_names_the_usual_index(cli: Cli, place: Path) -> None:
    (place / "old.txt").write_text(f"--no-index\n-f {index_of(place)}\nculprit==1.0\ntorch==2.1.0+cu118\n")
    done = cli("bisect", "old.txt", "old.txt", *COMMAND)
    assert done.returncode != 0
    assert "write --extra-index-url https://download.pytorch.org/whl/cu118 into the file" in done.stderr
    assert "--skip torch" not in done.stderr


@pytest.mark.slow
def test_all_that_cannot_be_installed_is_listed_at_once_with_the_way_out(cli: Cli, place: Path) -> None:
    index = index_of(place)
    make_wheel(index, "pywinpty", "2.0", tag="cp311-none-win_amd64")
    make_sdist(index, "winshell", "0.6")  # its source is there, and its training would not find Windows
    windows = "pywin32==305.1\npywinpty==2.0\nwinshell==0.6\nnowhere==3.0\n"
    for name, version in (("old", "1.0"), ("new", "2.0")):
        (place / f"{name}.txt").write_text(f"--no-index\n-f {index}\nculprit=={version}\nother=={version}\n{windows}")
    with (place / "old.txt").open("a") as old:
        old.write("gone==9.0\n")
    done = cli("bisect", "old.txt", "new.txt", *COMMAND)
    assert done.returncode != 0
    for report in (
        "4 of the pinned packages cannot be installed here",
        "gone 9.0 of OLD (",
        "nowhere 3.0 of OLD and NEW (the index does not have the project)",
        "pywinpty 2.0 of OLD and NEW (has no wheel for this Python and platform)",
        "these pins are of Windows (pywin32, pywinpty, winshell)",
        "--skip gone --skip nowhere --skip pywin32 --skip pywinpty --skip winshell",
    ):
        assert report in done.stderr
    skip = [word for name in ("gone", "nowhere", "PyWin32", "pywinpty", "winshell") for word in ("--skip", name)]
    done = cli("bisect", "old.txt", "new.txt", *skip, *COMMAND)
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"]) == ("proved", ["culprit"])
    assert "skipped on both sides: gone, nowhere, pywin32, pywinpty, winshell" in report["notes"]


def test_a_package_to_skip_that_no_side_has_is_refused(cli: Cli, place: Path) -> None:
    write(place, f"--no-index\n-f {index_of(place)}")
    done = cli("bisect", "old.txt", "new.txt", "--skip", "culpit", *COMMAND)
    assert done.returncode == 2
    assert "neither OLD nor NEW has culpit" in done.stderr
    assert "did you mean culprit?" in done.stderr
