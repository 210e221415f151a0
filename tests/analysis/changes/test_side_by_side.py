from __future__ import annotations

from typing import Any

import pytest
from support.builders import START, a_snapshot

from contexta.analysis.changes.side_by_side import Facts, differences, facts_of, steps
from contexta.contract import StableRef
from contexta.contract.environment import UNKNOWN
from contexta.findings.past_runs import PastRun, RunRecord

PACKAGES: dict[int, Facts] = {
    1: {"python": {"python": "3.11.0"}, "package": {"torch": "2.0.0", "numpy": "1.24"}},
    2: {"python": {"python": "3.11.0"}, "package": {"torch": "2.1.0", "numpy": "1.24.0"}},
    3: {"python": {"python": "3.12.0"}, "package": {"torch": "2.1.0"}},
}


@pytest.mark.parametrize(
    ("environments", "changes"),
    [
        ([], []),
        ([1], [None]),
        ([1, 1], [None, []]),
        ([1, 2], [None, ["torch: 2.0.0 -> 2.1.0"]]),  # 1.24 is 1.24.0
        ([2, 3], [None, ["python: 3.11.0 -> 3.12.0", "numpy: 1.24.0 -> absent"]]),
        ([1, None, 2], [None, None, ["torch: 2.0.0 -> 2.1.0"]]),
        ([None, 1], [None, None]),
    ],
)
def test_steps_are_against_the_last_run_that_recorded_the_same(
    environments: list[int | None], changes: list[list[str] | None]
) -> None:
    results = [
        made for made, _ in steps([PACKAGES[environment] if environment else {} for environment in environments])
    ]
    assert [None if made is None else list(map(str, made)) for made in results] == changes


def test_an_unrecorded_platform_is_unknown_in_every_step_and_hides_no_later_change() -> None:
    platforms = ["linux", UNKNOWN, "linux-x86_64", "darwin"]
    records = [
        RunRecord(
            PastRun(StableRef("run", f"p.{name}"), "completed", START, None),
            a_snapshot(run=name, platform=platform),
            {},
        )
        for name, platform in zip("abcd", platforms, strict=True)
    ]
    results = steps(facts_of(records))
    assert [list(map(str, made or ())) for made, _ in results] == [[], [], [], ["platform: linux-x86_64 -> darwin"]]
    assert ["platform" in unknown for _, unknown in results] == [False, True, False, False]
    (row,) = differences(facts_of(records))
    assert (row.name, row.recorded) == ("platform", (True, False, True, True))
    assert differences(facts_of(records[:3])) == ()


def test_a_run_that_recorded_no_parameters_is_unknown_and_not_a_change() -> None:
    runs: list[Facts] = [{"parameter": {"lr": "1"}}, {}, {"parameter": {"lr": "2", "depth": "3"}}]
    (depth, lr) = differences(runs)
    assert (depth.name, depth.values, depth.recorded) == ("parameter depth", (None, None, "3"), (True, False, True))
    assert (lr.name, lr.values, lr.recorded) == ("parameter lr", ("1", None, "2"), (True, False, True))
    assert [unknown[:2] for _, unknown in steps(runs)] == [
        ("source", "parameters"),
        ("source", "parameters"),
        ("source", "command"),
    ]


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({"build": {"x": "1"}}, {"build": {"x": "2"}}, ["build x"]),
        ({"package": {"x": "1"}, "build": {"x": "1"}}, {"package": {"x": "2"}, "build": {"x": "2"}}, ["x"]),
        ({"input": {"data": None}}, {"input": {"data": "sha256:1"}}, []),  # the content of one was not read
    ],
)
def test_a_build_counts_only_for_equal_versions_and_an_unread_input_never(
    first: Any, second: Any, names: list[str]
) -> None:
    assert [difference.name for difference in differences([first, second])] == names
