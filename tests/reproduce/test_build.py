from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_index import PYTHON, make_wheel, only_index

from contexta import process
from contexta.reproduce.build import Built, EnvironmentChanged, assemble, build, require_pins
from contexta.reproduce.uv import Interpreter, Uv, find_uv, python_in


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "index"
    only_index(monkeypatch, folder, tmp_path / "cache")
    for version in ("1.0", "2.0"):
        make_wheel(folder, "a", version, "def main(): print('script', version)", scripts={"say-a": "a:main"})
        make_wheel(folder, "b", version, requires=["a"], requires_python=">=3.8")
    return folder


@pytest.fixture
def uv(index: Path) -> Uv:
    return find_uv()


@pytest.fixture
def ends(uv: Uv, tmp_path: Path) -> tuple[Interpreter, Built, Built]:
    python = uv.interpreter(PYTHON)
    old = build(uv, tmp_path / "old", python, {"a": "1.0", "b": "1.0"})
    new = build(uv, tmp_path / "new", python, {"a": "2.0", "b": "2.0"})
    return python, old, new


Ends = tuple[Interpreter, Built, Built]


def says(environment: Path, code: str) -> str:
    done = process.run([str(python_in(environment)), "-c", code], timeout=60)
    assert done.exit_code == 0, done.stderr
    return done.stdout.decode().strip()


def mix(uv: Uv, ends: Ends, at: Path) -> Path:
    """a from NEW, b from OLD."""
    python, old, new = ends
    assemble(uv, at, python, {"a": new, "b": old}, {"a": "2.0", "b": "1.0"})
    return at


def test_a_built_environment_tells_its_metadata(ends: Ends) -> None:
    _, old, _ = ends
    assert old.pins == {"a": "1.0", "b": "1.0"}
    assert old.packages["b"].requires == ("a",)
    assert old.packages["b"].requires_python == ">=3.8"


def test_a_mix_holds_each_package_from_its_side(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    assert says(at, "import a, b; print(a.version, b.version)") == "2.0 1.0"
    assert uv.installed(at) == {"a": "2.0", "b": "1.0"}


def test_a_mix_shares_its_files_and_its_bytecode_with_the_ends(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    for name in ("a.py", "__pycache__/a.*.pyc"):
        (ours,) = at.rglob(name)
        (theirs,) = ends[2].at.rglob(name)
        assert ours.samefile(theirs)


def test_scripts_of_a_mix_start_its_own_interpreter(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    script = python_in(at).parent / "say-a"
    assert str(python_in(at)) in script.read_text()
    done = process.run([str(script)], timeout=60)
    assert done.stdout.decode().split() == ["script", "2.0"]


def test_what_a_program_adds_to_a_mix_stays_in_it(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    says(at, "import pathlib, a; pathlib.Path(a.__file__).with_name('left.py').write_text('x')")
    assert not list(ends[2].at.rglob("left.py"))


def test_a_file_edited_in_place_is_noticed_before_the_next_mix(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    (edited,) = at.rglob("a.py")
    edited.write_text("version = 'something else entirely'\n")
    with pytest.raises(EnvironmentChanged, match="a.py was changed"):
        mix(uv, ends, tmp_path / "next")


def test_a_complete_environment_is_taken_as_it_is(uv: Uv, ends: Ends) -> None:
    python, old, _ = ends
    (old.at / "here before").touch()
    again = build(uv, old.at, python, {"a": "1.0", "b": "1.0"})
    assert again.pins == old.pins
    assert (old.at / "here before").exists()


@pytest.mark.parametrize("damage", ["half", "edited", "other pins"])
def test_an_environment_that_is_not_the_one_asked_for_is_built_anew(uv: Uv, ends: Ends, damage: str) -> None:
    python, old, _ = ends
    pins = {"a": "1.0", "b": "1.0"}
    if damage == "half":
        (old.at / "contexta-complete.json").unlink()
    elif damage == "edited":
        (file,) = old.at.rglob("b.py")
        file.unlink()
        file.write_text("broken")
    else:
        pins["a"] = "2.0"
    (old.at / "here before").touch()
    again = build(uv, old.at, python, pins)
    assert again.pins == pins
    assert not (old.at / "here before").exists()
    assert says(old.at, "import b; print(b.version)") == "1.0"


def test_the_pins_are_asserted_with_what_is_wrong(uv: Uv, ends: Ends) -> None:
    with pytest.raises(EnvironmentChanged, match=r"a is 1.0, not 3.0"):
        require_pins(uv, ends[1].at, {"a": "3.0", "b": "1.0"})


def test_what_marks_an_environment_complete_is_written_last(ends: Ends) -> None:
    kept = json.loads((ends[1].at / "contexta-complete.json").read_text())
    assert set(kept["marks"]) >= {file for package in ends[1].packages.values() for file in package.files}
