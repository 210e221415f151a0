from __future__ import annotations

from pathlib import Path

import pytest
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta.core.processes import process
from contexta.reproduce.environments.builder import Built, Contents, EnvironmentChanged, build, require_pins
from contexta.reproduce.environments.cache import EnvironmentCache, find_cache
from contexta.reproduce.environments.linker import edited_file, link
from contexta.reproduce.uv.commands import Uv, find_uv, python_in
from contexta.reproduce.uv.error_messages import NoSuchVersion
from contexta.reproduce.uv.interpreters import Interpreter


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
def cache() -> EnvironmentCache:
    return find_cache()


@pytest.fixture
def ends(uv: Uv, cache: EnvironmentCache) -> tuple[Interpreter, Built, Built]:
    python = uv.interpreter(PYTHON)
    old = build(uv, cache, python, Contents({"a": "1.0", "b": "1.0"}))
    new = build(uv, cache, python, Contents({"a": "2.0", "b": "2.0"}))
    return python, old, new


Ends = tuple[Interpreter, Built, Built]


def output_of(environment: Path, code: str) -> str:
    done = process.run([str(python_in(environment)), "-c", code], timeout=60)
    assert done.exit_code == 0, done.stderr
    return done.stdout.decode().strip()


def mix(uv: Uv, ends: Ends, at: Path) -> Path:
    """a from NEW, b from OLD."""
    python, old, new = ends
    link(uv, at, python, {"a": new, "b": old}, {"a": "2.0", "b": "1.0"})
    return at


def test_a_built_environment_has_the_metadata_of_its_packages(ends: Ends) -> None:
    _, old, _ = ends
    assert old.pins == {"a": "1.0", "b": "1.0"}
    assert old.packages["b"].requires == ("a",)
    assert old.packages["b"].requires_python == ">=3.8"


def test_a_mix_holds_each_package_from_its_side(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    assert output_of(at, "import a, b; print(a.version, b.version)") == "2.0 1.0"
    assert uv.installed(at) == {"a": "2.0", "b": "1.0"}


def test_a_mix_shares_files_and_bytecode_with_its_endpoints(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    for name in ("a.py", "__pycache__/a.*.pyc"):
        (ours,) = at.rglob(name)
        (theirs,) = ends[2].at.rglob(name)
        assert ours.samefile(theirs)


@pytest.mark.parametrize("setting", ["", "1"])
def test_a_mix_compiles_nothing_with_any_setting_of_bytecode(
    uv: Uv, cache: EnvironmentCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", setting)
    python = uv.interpreter(PYTHON)
    built = build(uv, cache, python, Contents({"a": "1.0"}))
    link(uv, tmp_path / "mix", python, {"a": built}, {"a": "1.0"})
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
    output_of(tmp_path / "mix", "import a")
    (compiled,) = (tmp_path / "mix").rglob("a.*.pyc")
    assert compiled.stat().st_nlink == 2, "it was compiled again"


def test_scripts_of_a_mix_start_its_own_interpreter(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    script = python_in(at).parent / "say-a"
    assert str(python_in(at)) in script.read_text()
    done = process.run([str(script)], timeout=60)
    assert done.stdout.decode().split() == ["script", "2.0"]


def test_a_file_that_a_program_adds_stays_in_its_mix(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    output_of(at, "import pathlib, a; pathlib.Path(a.__file__).with_name('left.py').write_text('x')")
    assert not list(ends[2].at.rglob("left.py"))


def test_a_file_edited_in_place_is_named_and_its_cached_environment_never_used_again(
    uv: Uv, ends: Ends, cache: EnvironmentCache, tmp_path: Path
) -> None:
    python, old, new = ends
    at, parts = mix(uv, ends, tmp_path / "mix"), {"a": new, "b": old}
    (edited,) = at.rglob("a.py")
    assert edited_file(at, parts) is None
    edited.write_text("version = 'something else entirely'\n")
    assert str(edited_file(at, parts)).endswith("a.py")
    again = build(uv, cache, python, Contents({"a": "2.0", "b": "2.0"}))
    assert output_of(again.at, "import a; print(a.version)") == "2.0"


def test_a_file_that_a_program_replaces_changes_only_its_mix(uv: Uv, ends: Ends, tmp_path: Path) -> None:
    at = mix(uv, ends, tmp_path / "mix")
    (file,) = at.rglob("a.py")
    file.unlink()
    file.write_text("version = 'mine'\n")
    assert edited_file(at, {"a": ends[2], "b": ends[1]}) is None
    assert output_of(ends[2].at, "import a; print(a.version)") == "2.0"


def test_a_cached_environment_is_used_as_it_is(uv: Uv, ends: Ends, cache: EnvironmentCache) -> None:
    python, old, _ = ends
    (old.at / "here before").touch()
    again = build(uv, cache, python, Contents({"a": "1.0", "b": "1.0"}))
    assert again.pins == old.pins
    assert (again.at / "here before").exists()


def test_an_environment_that_was_never_finished_is_built_again(uv: Uv, ends: Ends, cache: EnvironmentCache) -> None:
    python, old, _ = ends
    (old.at.parent / "current.json").unlink()
    again = build(uv, cache, python, Contents({"a": "1.0", "b": "1.0"}))
    assert again.at != old.at
    assert output_of(again.at, "import b; print(b.version)") == "1.0"


def test_an_environment_that_cannot_be_built_leaves_nothing_behind(uv: Uv, cache: EnvironmentCache) -> None:
    with pytest.raises(NoSuchVersion):
        build(uv, cache, uv.interpreter(PYTHON), Contents({"a": "9.0"}))
    assert not [path for folder in cache.folder.iterdir() if folder != cache.links for path in folder.iterdir()]


def test_an_environment_with_other_packages_than_its_pins_is_an_error(uv: Uv, ends: Ends) -> None:
    with pytest.raises(EnvironmentChanged, match=r"a is 1.0, not 3.0"):
        require_pins(uv, ends[1].at, {"a": "3.0", "b": "1.0"})
