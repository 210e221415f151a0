from __future__ import annotations

from typing import Any

import pytest
from support.builders import a_snapshot

from contexta.contract import Distribution, Origin
from contexta.contract.environment import same_version
from contexta.core.errors import InvalidInput


def test_package_named_twice_with_different_versions_is_refused() -> None:
    with pytest.raises(InvalidInput, match="scikit-learn is named twice: scikit_learn 1.2 and Scikit-Learn 1.3"):
        a_snapshot(packages={"scikit_learn": "1.2", "Scikit-Learn": "1.3"})


def test_package_named_twice_with_one_version_counts_once() -> None:
    assert a_snapshot(packages={"scikit_learn": "1.2", "scikit-learn": "1.2.0"}).packages == {"scikit_learn": "1.2"}


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "x-", "../x", "x\n", "--index-url", "x[y]", "ü"])
def test_an_invalid_package_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="not a package name"):
        a_snapshot(packages={name: "1"})


@pytest.mark.parametrize("version", ["", " ", "x" * 251])
def test_an_invalid_version_is_refused(version: str) -> None:
    with pytest.raises(InvalidInput, match="version"):
        a_snapshot(packages={"x": version})


def test_packages_are_derived_from_distributions() -> None:
    snapshot = a_snapshot(packages={}, distributions=[{"name": "Scikit_Learn", "version": "1.2"}])
    assert snapshot.packages == {"scikit-learn": "1.2"}
    assert snapshot.distributions[0].display_name == "Scikit_Learn"
    assert type(snapshot).model_validate(snapshot.model_dump()) == snapshot


@pytest.mark.parametrize(
    ("packages", "words"),
    [
        ({"numpy": "1.24"}, "packages says numpy is 1.24, distributions says 1.26"),
        ({"numpy": "1.26", "torch": "2"}, "packages says torch is 2, distributions says absent"),
        ({"torch": "2"}, "packages says numpy is absent"),
    ],
)
def test_two_views_of_the_packages_may_not_contradict_each_other(packages: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        a_snapshot(packages=packages, distributions=[Distribution(name="numpy", version="1.26")])


def test_distribution_listed_twice_is_refused() -> None:
    twice = [{"name": "numpy", "version": "1"}, {"name": "NumPy", "version": "2"}]
    with pytest.raises(InvalidInput, match="listed twice"):
        a_snapshot(packages={}, distributions=twice)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"environment_snapshot_ref": "environment:p.other.snapshot"}, "does not belong"),
        ({"packages": [("a", "1")]}, "not a mapping"),
        ({"packages": {"a": 1}}, "is no text"),
        ({"environment_variables": {"A": None}}, "is no text"),
        ({"python_version": ""}, "blank"),
        ({"distributions": [{"name": "x", "version": "1", "origin": {"kind": "moon"}}]}, "moon"),
    ],
)
def test_broken_snapshot_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        a_snapshot(**changes)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("1.0", "1.0.0", True),
        ("2.1.0+cu118", "2.1.0", False),
        ("2.1.0+cu118", "2.1.0+CU118", True),
        ("1.0rc1", "1.0.0RC1", True),
        ("1!1.0", "1.0", False),
        ("weird build", "weird build", True),
        ("weird build", "weird  build", False),
        ("1.0", None, False),
        (None, None, True),
    ],
)
def test_versions_compare_by_pep_440_else_as_text(left: str | None, right: str | None, same: bool) -> None:
    assert same_version(left, right) is same is same_version(right, left)


def test_origin_is_unknown_until_it_is_recorded() -> None:
    assert Distribution(name="x", version="1").origin == Origin(kind="unknown")
