"""One version of a package from other bytes is a change like any other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli, put_run
from support.tiny_index import PYTHON, only_index
from support.wheels import Venv, wheel

from contexta import Contexta


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The wheel with the good training; the index of uv is empty."""
    only_index(monkeypatch, tmp_path.parent / f"{tmp_path.name}-index", tmp_path.parent / f"{tmp_path.name}-cache")
    (tmp_path / "train.py").write_text(
        "import scorelib\nopen('../ran', 'a').write('x')\nprint('accuracy=%g' % (0.9 - scorelib.worse))\n"
    )
    return a_build(tmp_path, "good", 0.0)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return a_build(tmp_path, "bad", 0.5)


def a_build(place: Path, name: str, worse: float) -> Path:
    return wheel(place.parent / f"{place.name}-{name}", "scorelib", "1.0", {"scorelib.py": f"worse = {worse}\n"})


def sha256(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def study(cli: Cli, old: str, new: str, code: int = 0) -> dict[str, Any]:
    done = cli("bisect", old, new, "--metric", "accuracy", "--python", PYTHON, "--json", "--", "python", "train.py")
    assert done.returncode == code, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def with_hashes(place: Path, name: str, *hashes: str, links: tuple[Path, ...]) -> None:
    """A requirements file of one release that may come from the files of these hashes."""
    options = "".join(f"--find-links {link.parent}\n" for link in links)
    (place / name).write_text(f"{options}scorelib==1.0 {' '.join(f'--hash={hashe}' for hashe in hashes)}\n")


def test_files_with_other_hashes_are_a_change_that_is_proved(cli: Cli, tmp_path: Path, good: Path, bad: Path) -> None:
    with_hashes(tmp_path, "old.txt", sha256(good), links=(good, bad))
    with_hashes(tmp_path, "new.txt", sha256(bad), links=(good, bad))
    report = study(cli, "old.txt", "new.txt")
    assert (report["verdict"], report["culprits"]) == ("proved", ["scorelib"])
    assert report["next"] == [f"python -m pip install 'scorelib @ {good.as_uri()}#{sha256(good).replace(':', '=')}'"]
    assert any("the same version from other files" in note for note in report["notes"])
    assert report["changes"][0]["left_value"] == f"1.0 @ {good.name} {sha256(good)[:19]}"


def test_hash_lists_that_allow_the_same_file_are_no_change(cli: Cli, tmp_path: Path, good: Path) -> None:
    with_hashes(tmp_path, "old.txt", sha256(good), links=(good,))
    with_hashes(tmp_path, "new.txt", sha256(good), f"sha256:{'0' * 64}", links=(good,))
    report = study(cli, "old.txt", "new.txt")
    assert (report["verdict"], report["changes"], report["runs"]) == ("no_regression", [], 0)


@pytest.mark.parametrize("new", ["a hash that nobody has", "the same hash"])
def test_a_hash_that_does_not_fit_stops_the_study(cli: Cli, tmp_path: Path, good: Path, new: str) -> None:
    unknown_hash = f"sha256:{'0' * 64}"
    with_hashes(tmp_path, "old.txt", unknown_hash if new == "the same hash" else sha256(good), links=(good,))
    with_hashes(tmp_path, "new.txt", unknown_hash, links=(good,))
    done = cli("bisect", "old.txt", "new.txt", "--python", PYTHON, "--metric", "accuracy", "--", "python", "train.py")
    assert done.returncode not in (0, 1), done.stdout
    assert "not the cause" not in done.stdout + done.stderr
    comparison = "Hash mismatch" if new == "the same hash" else "the build of scorelib 1.0 differs and cannot be rerun"
    assert comparison in done.stderr
    assert not (tmp_path.parent / "ran").exists(), "a training was spent on it"


def environments(place: Path, *builds: Path, by_path: bool) -> None:
    """OLD and NEW as environments that the builds were installed into, by their paths or from an index."""
    for end, build in zip(("old", "new"), builds, strict=True):
        venv = Venv(place / f"{end}-env", PYTHON)
        venv.install(*([build] if by_path else ["--find-links", build.parent, "scorelib==1.0"]))


@pytest.mark.slow
@pytest.mark.parametrize("by_path", [False, True], ids=["from an index", "by path"])
def test_environments_with_other_builds_differ_in_them(
    cli: Cli, tmp_path: Path, good: Path, bad: Path, by_path: bool
) -> None:
    environments(tmp_path, good, bad, by_path=by_path)
    report = study(cli, "old-env", "new-env")
    assert (report["verdict"], report["culprits"]) == ("proved", ["scorelib"])


@pytest.mark.slow
def test_a_wheel_that_was_built_again_at_its_place_is_packed_from_where_it_is_installed(
    cli: Cli, tmp_path: Path, good: Path
) -> None:
    old = Venv(tmp_path / "old-env", PYTHON)
    old.install(good)
    again = a_build(tmp_path, "good", 0.5)
    assert again == good
    Venv(tmp_path / "new-env", PYTHON).install(again)
    report = study(cli, "old-env", "new-env")
    assert (report["verdict"], report["culprits"]) == ("proved", ["scorelib"])


def test_a_build_that_cannot_be_had_is_never_called_innocent(cli: Cli, tmp_path: Path, bad: Path, good: Path) -> None:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    (index / bad.name).write_bytes(bad.read_bytes())
    about: dict[str, Any] = {"python_version": "3.11.7", "platform": "linux"}
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        for name, build in (("march", "a" * 64), ("april", "b" * 64)):
            distribution = {"name": "scorelib", "version": "1.0", "build": build, "origin": {"kind": "index"}}
            put_run(ctx, name, environment={**about, "packages": {"scorelib": "1.0"}, "distributions": [distribution]})
    report = study(cli, "march", "april", code=1)
    assert (report["verdict"], report["runs"]) == ("undecided", 0)
    assert report["why"].startswith("the build of scorelib differs and cannot be rerun")
    assert "not the cause" not in json.dumps(report)
    assert "scorelib @ file:///PATH/TO/WHEEL" in report["next"][0]


@pytest.mark.slow
def test_an_environment_and_a_file_with_another_hash_differ_in_the_build(
    cli: Cli, tmp_path: Path, good: Path, bad: Path
) -> None:
    environments(tmp_path, good, bad, by_path=False)
    with_hashes(tmp_path, "new.txt", sha256(bad), links=(good, bad))
    assert study(cli, "old-env", "new.txt")["culprits"] == ["scorelib"]
    with_hashes(tmp_path, "same.txt", sha256(good), links=(good, bad))
    report = study(cli, "old-env", "same.txt")
    assert (report["verdict"], report["changes"]) == ("no_regression", [])


UV_LOCK = """version = 1
requires-python = ">=3.8"
[manifest]
requirements = [{{ name = "scorelib" }}]
[[package]]
name = "scorelib"
version = "1.0"
source = {{ registry = "https://example.org/simple" }}
wheels = [{{ url = "https://example.org/scorelib-1.0-py3-none-any.whl", hash = "{hash}" }}]
"""
PYLOCK = """lock-version = "1.0"
created-by = "tests"
[[packages]]
name = "scorelib"
version = "1.0"
[[packages.wheels]]
url = "https://example.org/scorelib-1.0-py3-none-any.whl"
hashes = {{ sha256 = "{digits}" }}
"""


@pytest.mark.slow
@pytest.mark.parametrize("lock", [UV_LOCK, PYLOCK], ids=["uv.lock", "pylock.toml"])
def test_locks_with_other_hashes_differ_in_the_build(
    cli: Cli, tmp_path: Path, good: Path, bad: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    monkeypatch.setenv("UV_FIND_LINKS", f"{good.parent},{bad.parent}")
    for name, build in (("old.lock", good), ("new.lock", bad)):
        (tmp_path / name).write_text(lock.format(hash=sha256(build), digits=sha256(build).partition(":")[2]))
    assert study(cli, "old.lock", "new.lock")["culprits"] == ["scorelib"]
