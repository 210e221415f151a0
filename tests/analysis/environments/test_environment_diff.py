from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.builders import a_snapshot

from contexta.analysis.environments.environment_diff import compare_environments
from contexta.contract import Note, StableRef
from contexta.contract.environment import UNKNOWN
from contexta.findings import EnvironmentDiff
from contexta.findings.reproduction import RECONSTRUCTED

LEFT, RIGHT = StableRef("run", "p.a"), StableRef("run", "p.b")


def diff(left: dict[str, Any] | None, right: dict[str, Any] | None) -> EnvironmentDiff:
    return compare_environments(
        LEFT,
        a_snapshot(run="a", **left) if left is not None else None,
        RIGHT,
        a_snapshot(run="b", **right) if right is not None else None,
    )


def test_packages_are_compared_by_normalised_name_and_pep_440() -> None:
    difference = diff(
        {"packages": {"Scikit_Learn": "1.2", "torch": "2.0.0", "gone": "1", "local": "2.1.0"}},
        {"packages": {"scikit-learn": "1.2.0", "Torch": "2.1.0", "new": "3", "local": "2.1.0+cu118"}},
    )
    assert [str(change) for change in difference.changed_packages] == [
        "local: 2.1.0 -> 2.1.0+cu118",
        "torch: 2.0.0 -> 2.1.0",
    ]
    assert [str(change) for change in difference.added_packages] == ["new: absent -> 3"]
    assert [str(change) for change in difference.removed_packages] == ["gone: 1 -> absent"]
    assert difference.unchanged_package_count == 1
    assert difference.differs


def test_python_platform_and_variables_are_compared() -> None:
    difference = diff(
        {"python_version": "3.11.0", "platform": "linux", "environment_variables": {"A": "1", "B": "1", "C": "1"}},
        {"python_version": "3.12.0", "platform": "darwin", "environment_variables": {"A": "1", "B": "2", "D": "1"}},
    )
    assert difference.python_version_changed
    assert difference.platform_changed
    assert [change.key for change in difference.changed_variables] == ["B"]
    assert [change.key for change in difference.added_variables] == ["D"]
    assert [change.key for change in difference.removed_variables] == ["C"]
    assert not diff({"python_version": "3.11"}, {"python_version": "3.11.0"}).python_version_changed


def test_missing_snapshot_is_a_note_and_no_phantom_addition() -> None:
    for left, right, who in ((None, {}, "run:p.a"), ({}, None, "run:p.b")):
        difference = diff(left, right)
        assert not difference.differs
        assert difference.package_changes == () == difference.variable_changes
        assert [note for note in difference.completeness_notes if who in note and "no environment snapshot" in note]
    assert len(diff(None, None).completeness_notes) == 2


def test_snapshot_without_packages_is_noted() -> None:
    assert "has no packages" in diff({"packages": {}}, {}).completeness_notes[0]


def dist(name: str, version: str = "1.0", **facts: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "origin": {"kind": "index"}, **facts}


def captured(*distributions: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"packages": {}, "distributions": distributions, **facts}


def test_same_version_with_another_build_or_origin_is_a_change() -> None:
    git = {"kind": "vcs", "url": "https://example.org/x.git", "commit": "a" * 40, "dirty": True}
    difference = diff(
        captured(dist("torch", build="a" * 64), dist("mine"), dist("same", build="b" * 64), dist("half")),
        captured(
            dist("torch", build="c" * 64),
            dist("mine", origin=git),
            dist("same", build="b" * 64),
            dist("half", build="d" * 64),
        ),
    )
    assert difference.changed_packages == ()
    assert [(change.key, change.right_value) for change in difference.build_changes] == [("torch", "c" * 64)]
    assert [str(change) for change in difference.origin_changes] == [
        "mine: index -> vcs https://example.org/x.git at aaaaaaaaaaaa, with uncommitted changes"
    ]
    assert difference.differs


def test_commit_that_one_side_could_not_read_is_no_change() -> None:
    place = {"kind": "editable", "url": "file:///libs/mine"}
    read = dist("mine", origin={**place, "commit": "a" * 40, "dirty": False})
    unread = dist("mine", origin=place)
    moved = dist("mine", origin={**place, "commit": "b" * 40, "dirty": False})
    assert diff(captured(read), captured(unread)).origin_changes == ()
    assert len(diff(captured(read), captured(moved)).origin_changes) == 1


def test_interpreter_machine_and_native_libraries_are_compared_but_not_where_they_lie() -> None:
    def side(gil: bool, cpu: str, blas: str, folder: str) -> dict[str, Any]:
        return captured(
            dist("numpy"),
            interpreter={"gil": gil, "executable": f"{folder}/python", "prefix": folder},
            machine={"cpu": cpu, "gpus": [{"name": "A100"}]},
            native_libraries=[
                {"kind": "blas", "name": "openblas", "version": "1", "path": f"{folder}/numpy.libs/x.so"},
                {
                    "kind": "blas",
                    "name": "openblas",
                    "version": blas,
                    "path": f"{folder}/scipy.libs/x.so",
                    "threads": 4,
                },
                {"kind": "framework", "name": "torch", "version": "2", "tf32": gil},
            ],
        )

    difference = diff(side(True, "epyc", "0.3.21", "/a"), side(False, "xeon", "0.3.27", "/b"))
    assert [str(change) for change in difference.interpreter_changes] == ["gil: true -> false"]
    assert [str(change) for change in difference.machine_changes] == ["cpu: epyc -> xeon"]
    assert [str(change) for change in difference.native_changes] == [
        "openblas (scipy): 0.3.21 -> 0.3.27",
        "torch tf32: true -> false",
    ]
    assert not diff(side(True, "epyc", "1", "/a"), side(True, "epyc", "1", "/b")).differs


def test_what_a_hand_written_side_lacks_is_unknown_and_not_a_change() -> None:
    full = captured(dist("numpy", build="a" * 64), interpreter={"gil": True}, machine={"cpu": "x"})
    difference = diff({"packages": {"numpy": "1.0"}}, full)
    assert not difference.differs
    assert "written by hand" in difference.completeness_notes[0]


@pytest.mark.parametrize(
    ("field", "left", "right", "is_unknown"),
    [
        ("python_version", UNKNOWN, "3.11.7", True),
        ("python_version", "3.11.7", UNKNOWN, True),
        ("python_version", UNKNOWN, UNKNOWN, True),
        ("platform", "linux-x86_64-glibc2.36", UNKNOWN, True),
        ("platform", UNKNOWN, "linux", True),
        ("platform", "linux", "linux-x86_64-glibc2.36", True),
        ("platform", "Linux-6.1.0-x86_64-with-glibc2.36", "linux-x86_64-glibc2.36", False),
    ],
)
def test_a_python_or_platform_that_a_side_did_not_record_is_unknown_and_not_a_change(
    field: str, left: str, right: str, is_unknown: bool
) -> None:
    difference = diff({field: left}, {field: right})
    assert not difference.differs
    aspect = {"python_version": "python"}.get(field, field)
    assert (aspect in {unknown.what for unknown in difference.unknowns}) is is_unknown


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("linux", "darwin"),
        ("linux-x86_64-glibc2.36", "linux-aarch64-glibc2.36"),
        ("linux-x86_64-glibc2.36", "linux-x86_64-glibc2.31"),
        ("linux-x86_64-glibc2.36", "linux-x86_64-musl"),
        ("Windows-10-10.0.19041", "Windows-11-10.0.22631"),
        ("freebsd-13", "linux"),
    ],
)
def test_platforms_whose_recorded_parts_differ_are_a_change(left: str, right: str) -> None:
    assert diff({"platform": left}, {"platform": right}).platform_changed


@pytest.mark.parametrize(
    ("topic", "words"), [("import", "imported"), (RECONSTRUCTED, "reconstructed"), (None, "written by hand")]
)
def test_the_source_of_an_environment_that_was_not_captured_is_named(topic: str | None, words: str) -> None:
    side = {"notes": [Note(topic=topic, text="from a file")] if topic else []}
    difference = diff(side, captured(dist("numpy")))
    assert f"run:p.a was {words}: changes of builds" in difference.completeness_notes[0]
    reasons = {unknown.what: unknown.reason for unknown in difference.unknowns}
    assert reasons["builds and origins"] == f"the environment was {words}"


def test_change_has_whether_it_was_imported_and_requested() -> None:
    imports = {"distributions": {"numpy": ["numpy"]}, "own": []}
    old = captured(dist("numpy", "1.24"), dist("torch", "2.0"), imports=imports)
    new = captured(dist("numpy", "1.26", requested=True), dist("torch", "2.1", requested=False), imports=imports)
    numpy, torch = diff(old, new).changed_packages
    assert (numpy.direction, numpy.size, numpy.imported, numpy.requested) == ("upgrade", "minor", True, True)
    assert (torch.imported, torch.requested) == (False, False)
    half = diff(captured(dist("numpy", "1.24"), dist("torch", "2.0")), new).changed_packages
    assert [change.imported for change in half] == [True, None]


names = st.from_regex(r"[a-z]{1,3}(-[a-z]{1,3})?", fullmatch=True)
packages = st.dictionaries(names, st.sampled_from(["1.0", "1.0.0", "2.0", "2.0+cpu", "odd"]), max_size=8)


@given(packages, packages)
def test_diff_backwards_is_the_mirror_image(left: dict[str, str], right: dict[str, str]) -> None:
    forth, back = diff({"packages": left}, {"packages": right}), diff({"packages": right}, {"packages": left})
    assert [c.key for c in forth.added_packages] == [c.key for c in back.removed_packages]
    assert [(c.key, c.left_value) for c in forth.changed_packages] == [
        (c.key, c.right_value) for c in back.changed_packages
    ]
    assert forth.unchanged_package_count == back.unchanged_package_count
    assert not diff({"packages": left}, {"packages": left}).differs
