from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.builders import put_run
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.bisect.inputs.both_sides import BothSides, both_sides
from contexta.bisect.inputs.sides.kinds import side_of
from contexta.bisect.inputs.sides.side import Side
from contexta.core.errors import InvalidInput
from contexta.reproduce.uv.commands import find_uv, python_in

HERE = find_uv().interpreter(PYTHON).version


def side_at(path: Path) -> Side:
    return side_of(path, Contexta())


def ends(old: Side, new: Side, python: str | None = None, variables: Mapping[str, str] | None = None) -> BothSides:
    """variables: of NEW, by its user."""
    pythons = {"old": python, "new": python}
    return both_sides({"old": old, "new": new}, pythons, {"old": {}, "new": variables or {}}, find_uv())


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment as its user made it: a release, an editable project, a wheel from a file, and pip."""
    only_index(monkeypatch, tmp_path / "index", tmp_path / "cache")
    make_wheel(tmp_path / "index", "released", "1.5")
    make_wheel(tmp_path / "index", "pip", "99.0")
    filed = make_wheel(tmp_path / "elsewhere", "filed", "2.5")
    project = tmp_path / "project"
    project.mkdir()
    uv, at = find_uv(), tmp_path / "env"
    uv.create(PYTHON, at)
    uv.install(at, {"released": "1.5", "pip": "99.0"}, compile_bytecode=False)
    uv.install_linked(at, [f"filed @ {filed.as_uri()}"])
    info = next(at.rglob("site-packages")) / "mine-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 0.1\n")
    (info / "direct_url.json").write_text(f'{{"url": "{project.as_uri()}", "dir_info": {{"editable": true}}}}')
    return at


def test_an_environment_is_a_side_with_its_packages_and_its_python(environment: Path, tmp_path: Path) -> None:
    result = ends(side_at(environment), side_at(environment))
    assert dict(result.old.packages) == {"pip": "99.0", "released": "1.5"}
    assert [item.name for item in result.fixed] == ["filed"]
    assert (result.old.python, result.old.variables) == (HERE, {})
    assert Path(result.pythons["old"].path).resolve() == Path(PYTHON).resolve()
    assert result.pythons["old"] is result.pythons["new"]
    assert any("filed as from its address now, the same in every mix" in note for note in result.notes)
    assert any("mine is in" in note for note in result.notes)


def test_file_is_completed_with_values_of_the_environment_on_the_other_side(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("released==2.0\n")
    result = ends(side_at(environment), side_at(tmp_path / "new.txt"))
    assert dict(result.new.packages) == {"pip": "99.0", "released": "2.0"}
    assert result.new.python == result.old.python


def test_a_named_python_comes_before_that_of_the_environment(environment: Path) -> None:
    result = ends(side_at(environment), side_at(environment), python=str(python_in(environment)))
    assert result.pythons["old"].path == str(python_in(environment))


def test_variables_of_a_run_hold_on_a_side_that_does_not_say(ctx: Contexta, tmp_path: Path) -> None:
    (tmp_path / "new.txt").write_text("numpy==2.0\n")
    recorded = {"OMP_NUM_THREADS": "4", "MODE": "exact", "HF_TOKEN": "secret:sha256:0123456789abcdef"}
    about = {"python_version": HERE, "environment_variables": recorded}
    put_run(ctx, environment=about, started_at="2025-02-15T08:00:00Z", ended_at="2025-02-15T08:00:12Z")
    result = ends(side_of("r", ctx), side_at(tmp_path / "new.txt"), python=PYTHON, variables={"MODE": "fast"})
    assert result.old.variables == {"OMP_NUM_THREADS": "4", "MODE": "exact"}
    assert result.new.variables == {"OMP_NUM_THREADS": "4", "MODE": "fast"}
    assert result.seconds == 12.0


def test_lock_file_is_recognised_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "march.txt").write_text('lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n')
    (tmp_path / "april").write_text('version = 1\nrequires-python = ">=3.8"\n[manifest]\n')
    (tmp_path / "may").write_text("# nothing yet\n")
    for name, what in (("march.txt", "the lock"), ("april", "the lock"), ("may", "the pins of")):
        assert side_at(tmp_path / name).label == f"{what} {tmp_path / name}"


def test_groups_of_a_lock_file_are_those_of_its_project(tmp_path: Path) -> None:
    package = 'version = "1.0"\nsource = { registry = "x" }\n'
    (tmp_path / "uv.lock").write_text(
        'version = 1\nrequires-python = ">=3.8"\n'
        f'[[package]]\nname = "six"\n{package}'
        '[[package]]\nname = "p"\nversion = "1"\nsource = { virtual = "." }\n'
        '[package.dev-dependencies]\ndocs = [{ name = "six" }]\n'
    )
    lock = tmp_path / "uv.lock"
    assert dict(ends(side_at(lock), side_at(lock), PYTHON).old.packages) == {}
    (tmp_path / "pyproject.toml").write_text('[tool.uv]\ndefault-groups = ["docs"]\n')
    assert dict(ends(side_at(lock), side_at(lock), PYTHON).old.packages) == {"six": "1.0"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("poetry.lock", '[[package]]\nname = "numpy"\n[metadata]\nlock-version = "2.0"\n', "not a known lock file"),
        ("pyproject.toml", "[project]\nname = 'p'\n", "not a known lock file"),
        ("uv.lock", "not [ toml", "is no TOML"),
        ("uv.lock", 'version = 1\nrequires-python = ">=3.8"\npackage = [{ name = "a" }]\nmanifest = 3\n', "is damaged"),
        ("environment.yml", "dependencies:\n  - numpy=1.26\n", "line 1"),
    ],
)
def test_unknown_kind_of_side_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput, match=message) as refused:
        side = side_at(tmp_path / name)
        ends(side, side, PYTHON)
    assert refused.value.hint


def test_a_directory_without_a_python_is_no_environment(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a directory without"):
        side_at(tmp_path)


def test_directory_of_a_project_is_refused_with_a_hint(tmp_path: Path) -> None:
    for name in ("requirements.txt", "uv.lock"):
        (tmp_path / name).touch()
        with pytest.raises(InvalidInput) as refused:
            side_at(tmp_path)
        assert refused.value.hint == f"give {tmp_path / name}"


def test_environment_without_its_python_is_refused(environment: Path) -> None:
    python = python_in(environment)
    python.unlink()
    python.write_text("#!/bin/sh\necho broken >&2; exit 3\n")
    python.chmod(0o755)
    assert subprocess.run([str(python)], capture_output=True, check=False).returncode == 3
    with pytest.raises(InvalidInput, match="cannot be read: broken"):
        side_at(environment)
