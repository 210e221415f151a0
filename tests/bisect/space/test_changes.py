from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from contexta.bisect.execution.isolation.sandbox import Revision
from contexta.bisect.execution.parameter_changes import Setting
from contexta.bisect.space.changes import End, Metadata, Release, Space, changes_between, space_between

LINUX = {"sys_platform": "linux", "python_version": "3.11", "python_full_version": "3.11.7", "extra": ""}


def end(packages: Mapping[str, str], python: str = "3.11.7", **variables: str) -> End:
    markers = {**LINUX, "python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    return End(packages, python, markers, variables)


def space(
    old: End,
    new: End,
    requires: Mapping[Release, tuple[str, ...]] | None = None,
    requires_python: Mapping[Release, str] | None = None,
    no_wheel: frozenset[tuple[Release, str]] = frozenset(),
) -> Space:
    releases = {*(requires or {}), *(requires_python or {})}
    metadata = {r: Metadata((requires or {}).get(r, ()), (requires_python or {}).get(r, "")) for r in releases}
    return space_between(old, new, metadata, lambda release, side: (release, side) not in no_wheel)


def brings(result: Space, key: str) -> set[str]:
    """The smallest set of changes that moves to NEW with this change."""
    group = next(number for number, group in enumerate(result.groups) if key in group.keys)
    return set(result.keys(result.mixes.closed(1 << group))) - {key}


def test_every_kind_of_difference_is_a_change() -> None:
    old = end({"a": "1.0", "gone": "1", "same": "2.0"}, MODE="fast")
    new = end({"a": "1.1", "come": "3", "same": "2.0.0"}, "3.12.1", MODE="exact", EXTRA="1")
    assert [str(change) for change in changes_between(old, new)] == [
        "a: 1.0 -> 1.1",
        "come: absent -> 3",
        "env:EXTRA: absent -> 1",
        "env:MODE: fast -> exact",
        "gone: 1 -> absent",
        "python: 3.11.7 -> 3.12.1",
    ]


def test_source_and_parameters_are_changes_where_they_were_recorded_and_bound_to_nothing() -> None:
    settings = [{"lr": Setting(("--lr", text), float(text), text), "x": Setting()} for text in ("1", "2")]
    settings[1]["x"] = Setting(("-x",), None, "given")
    revisions = Revision("a" * 40), Revision("b" * 40, b"patch")
    old, new = (
        replace(end({"source": version}), revision=revision, parameters=answer)
        for version, revision, answer in zip("12", revisions, settings, strict=True)
    )
    assert [str(change) for change in changes_between(replace(old, revision=None), replace(new, revision=None))] == [
        "param:lr: 1 -> 2",
        "param:x: absent -> given",
        "source: 1 -> 2",
    ], "a package may be called source"
    old, new = (replace(item, packages={}) for item in (old, new))
    result = space(old, new)
    assert [group.keys for group in result.groups] == [("param:lr",), ("param:x",), ("source",)]
    assert [str(change) for change in changes_between(old, new)][2] == (
        "source: aaaaaaaaaaaa -> bbbbbbbbbbbb and uncommitted changes"
    )
    assert [result.revision(mix) for mix in (0b011, 0b100)] == [*revisions]
    assert result.parameters(0b101) == {"lr": settings[1]["lr"], "x": Setting()}
    assert result.packages(0b111) == {}
    assert space(old, replace(new, revision=revisions[0])).keys(0b11) == ("param:lr", "param:x")


def test_a_requirement_that_only_new_satisfies_brings_it_along() -> None:
    result = space(end({"a": "1", "b": "1"}), end({"a": "2", "b": "2"}), {("a", "2"): ("b>=2",), ("a", "1"): ("b>=1",)})
    assert brings(result, "a") == {"b"}
    assert brings(result, "b") == set()


def test_a_requirement_that_only_old_satisfies_reads_backwards() -> None:
    result = space(end({"a": "1", "b": "1"}), end({"a": "2", "b": "2"}), {("a", "1"): ("b<2",)})
    assert brings(result, "b") == {"a"}
    assert brings(result, "a") == set()


def test_an_added_package_that_is_required_comes_along() -> None:
    result = space(end({"a": "1"}), end({"a": "2", "b": "1"}), {("a", "2"): ("b",)})
    assert brings(result, "a") == {"b"}


def test_a_removed_package_may_go_only_after_what_required_it() -> None:
    result = space(end({"a": "1", "b": "1"}), end({"a": "2"}), {("a", "1"): ("b",)})
    assert brings(result, "b") == {"a"}


def test_a_requirement_broken_in_its_own_end_is_taken_as_it_is() -> None:
    result = space(
        end({"a": "1", "b": "1", "c": "1"}),
        end({"a": "2", "b": "2", "c": "1"}),
        {("a", "1"): ("b>=2",), ("a", "2"): ("b<2",), ("c", "1"): ("b>=7",)},
    )
    assert brings(result, "a") == brings(result, "b") == set()


def test_markers_are_evaluated_for_the_interpreter() -> None:
    requires = {("a", "2"): ('b>=2; sys_platform == "win32"', 'c>=2; python_version >= "3.8"')}
    result = space(end({"a": "1", "b": "1", "c": "1"}), end({"a": "2", "b": "2", "c": "2"}), requires)
    assert brings(result, "a") == {"c"}


def test_extras_count_when_some_package_asks_for_them() -> None:
    requires = {("b", "2"): ('c>=2; extra == "fast"', 'd>=2; extra == "never"'), ("app", "1"): ("b[fast]",)}
    old = end({"app": "1", "b": "1", "c": "1", "d": "1"})
    new = end({"app": "1", "b": "2", "c": "2", "d": "2"})
    assert brings(space(old, new, requires), "b") == {"c"}


def test_changes_that_need_each_other_are_one_atom() -> None:
    requires = {("torch", "2"): ("vision==2",), ("vision", "2"): ("torch==2",), ("torch", "1"): ("vision==1",)}
    result = space(end({"torch": "1", "vision": "1", "x": "1"}), end({"torch": "2", "vision": "2", "x": "2"}), requires)
    assert sorted(group.keys for group in result.groups) == [("torch", "vision"), ("x",)]
    assert result.mixes.count == 2


def test_a_new_interpreter_needs_the_releases_that_have_wheels_for_it() -> None:
    old, new = end({"a": "1", "b": "1"}), end({"a": "2", "b": "2"}, "3.12.1")
    result = space(old, new, no_wheel=frozenset({(("a", "1"), "new")}))
    assert brings(result, "python") == {"a"}
    assert brings(result, "a") == set()


def test_a_release_that_refuses_the_old_interpreter_brings_the_new_one() -> None:
    old, new = end({"a": "1"}), end({"a": "2"}, "3.12.1")
    result = space(old, new, requires_python={("a", "2"): ">=3.12"})
    assert brings(result, "a") == {"python"}


def test_a_requirement_only_under_the_new_interpreter_ties_the_interpreter() -> None:
    old, new = end({"a": "1", "b": "1"}), end({"a": "1", "b": "2"}, "3.12.1")
    result = space(old, new, {("a", "1"): ('b>=2; python_version >= "3.12"',)})
    assert brings(result, "python") == {"b"}


def test_unreadable_requirements_are_no_rules() -> None:
    result = space(end({"a": "1", "b": "1"}), end({"a": "2", "b": "2"}), {("a", "2"): ("b (>=2,", "???")})
    assert brings(result, "a") == set()


@pytest.mark.parametrize("mix", [0, 1, 2, 3])
def test_a_mix_installs_what_its_changes_say(mix: int) -> None:
    result = space(end({"a": "1", "gone": "1", "same": "5"}), end({"a": "2", "same": "5"}))
    expected = {"same": "5", "a": "2" if mix & 1 else "1"} | ({} if mix & 2 else {"gone": "1"})
    assert result.packages(mix) == expected


def test_a_mix_sets_its_variables_and_picks_its_interpreter() -> None:
    result = space(end({}, MODE="fast", KEPT="1", DROPPED="1"), end({}, "3.12.1", MODE="exact", KEPT="1"))
    full = result.mixes.full
    assert result.variables(0) == {"MODE": "fast", "KEPT": "1", "DROPPED": "1"}
    assert result.variables(full) == {"MODE": "exact", "KEPT": "1", "DROPPED": None}
    assert (result.python_end(0), result.python_end(full)) == ("old", "new")


def test_both_ends_can_always_exist_and_nothing_has_a_prior_of_zero() -> None:
    requires = {("a", "2"): ("b>=2",), ("b", "1"): ("a<2",), ("c", "1"): ("a<2", "b>=2")}
    result = space(end({"a": "1", "b": "1", "c": "1"}), end({"a": "2", "b": "2", "c": "9"}), requires)
    assert result.mixes.can_exist(0)
    assert result.mixes.can_exist(result.mixes.full)
    assert min(result.weights()) > 0
