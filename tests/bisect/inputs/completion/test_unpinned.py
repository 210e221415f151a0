"""Requirements without an exact version are resolved once, as of a date, and reported."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta.bisect.inputs.both_sides import BothSides, Install, both_sides
from contexta.bisect.inputs.sides.requirements_files import RequirementsFile
from contexta.core.errors import InvalidInput
from contexta.reproduce.uv.commands import find_uv

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version in ("1.0", "1.5", "2.0"):
        make_wheel(index, "outer", version, requires=["inner>=1"])
        make_wheel(index, "inner", version)
    return tmp_path


def read(folder: Path, old: str, new: str = "outer==2.0\ninner==2.0\n", dates: Mapping[str, str] = {}) -> BothSides:
    sides = {}
    for end, text in (("old", old), ("new", new)):
        (folder / f"{end}.txt").write_text(text)
        sides[end] = RequirementsFile(folder / f"{end}.txt")
    python: Mapping[str, str | None] = {"old": PYTHON, "new": PYTHON}
    return both_sides(sides, python, {"old": {}, "new": {}}, find_uv(), Install(dates={**dates}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("outer<2\n", {"outer": "1.5", "inner": "2.0"}),
        ("outer~=1.0\ninner==1.0\n", {"outer": "1.5", "inner": "1.0"}),
        ("outer\n", {"outer": "2.0", "inner": "2.0"}),
        ("outer!=2.0\ninner<1.5 ; python_version >= '3'\n", {"outer": "1.5", "inner": "1.0"}),
        ("outer<2 ; python_version < '3'\ninner<2\n", {"inner": "1.5"}),
        ("outer==1.*\n", {"outer": "1.5", "inner": "2.0"}),
    ],
)
def test_ranges_and_bare_names_become_the_versions_that_uv_installs(
    project: Path, text: str, expected: dict[str, str]
) -> None:
    both = read(project, text)
    assert {name: both.old.packages[name] for name in ("outer", "inner") if name in both.old.packages} == expected
    assert any(note.startswith(f"{project / 'old.txt'}, resolved with uv as of ") for note in both.notes)
    assert both.resolved_at.keys() == {"old"}


def test_constraints_hold_for_what_is_resolved(project: Path) -> None:
    (project / "limits.txt").write_text("inner<1.5\n")
    both = read(project, "-c limits.txt\nouter<2\n")
    assert (both.old.packages["outer"], both.old.packages["inner"]) == ("1.5", "1.0")


def test_exact_pins_are_not_resolved_and_need_no_note(project: Path) -> None:
    both = read(project, "outer==1.0\ninner==1.0\n")
    assert not [note for note in both.notes if "resolved" in note]
    assert both.resolved_at == {}


@pytest.mark.parametrize(
    ("old", "dates", "message"),
    [
        ("outer>3\n", {}, "old.txt cannot be resolved: .*outer"),
        ("unheard-of\n", {}, "old.txt cannot be resolved: .*unheard-of"),
        ("outer\n", {"old": "yesterday"}, 'old_exclude_newer= cannot be "yesterday"'),
    ],
)
def test_what_cannot_be_resolved_is_refused_with_the_reason(
    project: Path, old: str, dates: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(project, old, dates=dates)


def test_date_for_a_side_without_requirements_is_refused(project: Path, cli: Cli) -> None:
    (project / "old.txt").write_text("outer==1.0\ninner==1.0\n")
    (project / "poetry.lock").write_text(
        '[metadata]\nlock-version = "2.1"\npython-versions = "*"\ncontent-hash = "0"\n'
    )
    done = cli("bisect", "old.txt", "poetry.lock", "--new-exclude-newer", "2025-02-15", "--python", PYTHON, "--plan")
    assert (done.returncode, "NEW is not a requirements file" in done.stderr) == (2, True)


def test_plan_of_a_file_of_ranges_lists_the_resolved_changes(project: Path, cli: Cli) -> None:
    (project / "old.txt").write_text("outer<2\n")
    (project / "new.txt").write_text("outer==2.0\ninner==2.0\n")
    done = cli("bisect", "old.txt", "new.txt", "--python", PYTHON, "--plan", "--json", "--", "python", "-c", "")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert [change["key"] for change in plan["changes"]] == ["outer"]
    assert any("outer 1.5 (outer<2), and 1 more that they require" in note for note in plan["notes"])


@pytest.mark.online
def test_old_side_is_resolved_as_of_its_date(tmp_path: Path) -> None:
    both = read(tmp_path, "six\nidna>=2\n", "six\nidna>=2\n", {"old": "2020-06-01", "new": "2022-01-01T00:00:00Z"})
    assert (both.old.packages["six"], both.new.packages["six"]) == ("1.15.0", "1.16.0")
    assert (both.old.packages["idna"], both.new.packages["idna"]) == ("2.9", "3.3")
    assert both.resolved_at == {"old": "2020-06-01", "new": "2022-01-01T00:00:00Z"}
    assert any("resolved with uv as of 2020-06-01: six 1.15.0 (six), idna 2.9 (idna>=2)" in note for note in both.notes)
