from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.killing import all_end
from support.projects import a_project
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta.core.errors import InvalidInput
from contexta.core.processes import process
from contexta.reproduce.uv.commands import LEAST_VERSION, Uv, find_uv, python_in
from contexta.reproduce.uv.error_messages import IndexUnreachable, NoSuchVersion, NoWheel, UvMissing
from contexta.reproduce.uv.newest_release import newest_between
from contexta.reproduce.uv.requirement_options import requirement_lines


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of wheels as the only index of uv, and a separate cache."""
    only_index(monkeypatch, tmp_path / "index", tmp_path / "cache")
    return tmp_path / "index"


def environment(uv: Uv, tmp_path: Path) -> Path:
    at = tmp_path / "environment"
    uv.create(PYTHON, at)
    return at


def test_exactly_the_pins_are_installed_without_their_requirements(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "a", "1.0", requires=["b"])
    make_wheel(index, "a", "2.0")
    make_wheel(index, "b", "1.0")
    uv = find_uv()
    at = environment(uv, tmp_path)
    uv.install(at, {"a": "1.0"})
    assert uv.installed(at) == {"a": "1.0"}


def test_installed_modules_are_byte_compiled_once(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "a", "1.0")
    uv = find_uv()
    at = environment(uv, tmp_path)
    uv.install(at, {"a": "1.0"})
    assert list(at.rglob("__pycache__/a.*.pyc"))


def test_a_missing_version_and_a_version_without_a_wheel_raise_different_errors(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "a", "1.0")
    make_wheel(index, "b", "1.0", tag="cp27-cp27m-win32")
    uv = find_uv()
    at = environment(uv, tmp_path)
    with pytest.raises(NoSuchVersion):
        uv.install(at, {"a": "9.9"})
    with pytest.raises(NoWheel):
        uv.install(at, {"b": "1.0"})


def test_an_index_that_does_not_answer_is_no_missing_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    uv = find_uv()
    with pytest.raises(IndexUnreachable, match="check the network"):
        uv.install(environment(uv, tmp_path), {"a": "1.0"})
    with pytest.raises(IndexUnreachable):
        uv.has_wheel(PYTHON, "a", "1.0")


def test_offline_a_release_outside_the_cache_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    uv = find_uv(offline=True)
    with pytest.raises(IndexUnreachable):
        uv.install(environment(uv, tmp_path), {"a": "1.0"})


def test_has_wheel_installs_nothing(index: Path, tmp_path: Path) -> None:
    make_wheel(index, "a", "1.0")
    make_wheel(index, "b", "1.0", tag="cp27-cp27m-win32")
    uv = find_uv()
    before = sorted(tmp_path.iterdir())
    assert [uv.has_wheel(PYTHON, name, "1.0") for name in ("a", "b", "missing")] == [True, False, False]
    assert sorted({*tmp_path.iterdir()} - {tmp_path / "cache"}) == before, "asking leaves nothing where the user stands"
    assert not (tmp_path / "a.py").exists()


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("--index-url=http://127.0.0.1:9", "1.0"),
        ("-r", "1.0"),
        ("a", "1.0 --index-url=x"),
        ("a", "1.0\n-e ."),
        ("a @ file:///tmp/x", "1.0"),
        ("a[extra]", "1.0"),
        ("a; os_name == 'posix'", "1.0"),
        ("a", "git+ssh://-oProxyCommand=touch sentinel"),
        ("a", "$(touch sentinel)"),
    ],
)
def test_names_and_versions_are_never_options(tmp_path: Path, name: str, version: str) -> None:
    with pytest.raises(InvalidInput):
        requirement_lines({name: version})
    assert not (tmp_path / "sentinel").exists()


@pytest.mark.parametrize("request_", ["--help", "3.11; touch x", "../nowhere/python", "", "cpython@3.11"])
def test_a_program_that_is_no_python_is_refused(request_: str) -> None:
    with pytest.raises(InvalidInput, match="is no Python"):
        find_uv().interpreter(request_)


def test_an_interpreter_has_its_version_and_markers() -> None:
    interpreter = find_uv().interpreter(PYTHON)
    assert interpreter.version == ".".join(map(str, sys.version_info[:3]))
    assert interpreter.markers["sys_platform"] == sys.platform
    assert interpreter.markers["python_version"] == f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_a_version_that_is_not_on_this_machine_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no Python 3.99"):
        find_uv().interpreter("3.99")


def test_every_python_of_a_line_on_this_machine_is_listed() -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    interpreters = find_uv().interpreters(f"{sys.version_info[0]}.{sys.version_info[1]}")
    assert find_uv().interpreter(interpreters[version]).version == version
    assert find_uv().interpreters("3.99") == {}


def test_releases_between_two_exclude_both_and_include_post_releases(index: Path) -> None:
    for version in ("1.0", "1.0.post1", "1.1", "2.0"):
        make_wheel(index, "a", version)
    between, below = list[str](), "2.0"
    while (newest := newest_between(find_uv(), sys.executable, "a", "1.0", below)) is not None:
        between.append(newest)
        below = newest
    assert between == ["1.1", "1.0.post1"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_build_does_not_outlive_a_killed_program(tmp_path: Path) -> None:
    building = tmp_path / "building"
    source = a_project(
        tmp_path / "own",
        build=f"open({str(building)!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}} '); import time; time.sleep(60)",
    )
    at = environment(find_uv(), tmp_path)
    code = (
        "from pathlib import Path\n"
        "from contexta.reproduce.uv.commands import find_uv\n"
        f"find_uv().install_linked(Path({str(at)!r}), ['own @ {source.as_uri()}'])\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not (building.exists() and building.read_text().endswith(" ")):
        assert time.monotonic() < deadline, "nothing is being built"
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    assert all_end([int(pid) for pid in building.read_text().split()]), "what was being built outlived the program"


@pytest.mark.parametrize("output", ["uv 0.11.14", "uv 0.4.0 (abc 2024-01-01)", "something else"])
def test_a_uv_that_is_too_old_is_refused_with_the_minimum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    fake = tmp_path / "bin" / "uv"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho '{output}'\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    monkeypatch.setitem(sys.modules, "uv", None)  # the package is not there
    with pytest.raises(UvMissing, match=LEAST_VERSION):
        find_uv()


def test_a_uv_that_cannot_be_started_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin" / "uv"
    fake.parent.mkdir()
    fake.write_text("neither a program nor a script")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(UvMissing, match=LEAST_VERSION):
        find_uv()


def test_without_uv_the_hint_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(UvMissing, match="pip install"):
        find_uv()


def test_the_packaged_uv_is_used_when_none_is_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    uv = find_uv()
    assert process.run([uv.path, "--version"], timeout=60).exit_code == 0


def test_the_interpreter_of_an_environment_is_the_one_it_was_made_with(tmp_path: Path) -> None:
    at = environment(find_uv(), tmp_path)
    finished = process.run([str(python_in(at)), "-c", "import sys; print(sys.prefix)"], timeout=60)
    assert finished.stdout.decode().strip() == str(at)
