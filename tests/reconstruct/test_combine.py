from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.findings import Confidence
from contexta.reconstruct.combine import combine
from contexta.reconstruct.trace_values import Event, PointInTime, Trace

DAY = datetime(2025, 2, 15, tzinfo=timezone.utc)
MOMENT = PointInTime(DAY, DAY + timedelta(days=1, seconds=-1), "2025-02-15")


def trace(
    version: str,
    days: float,
    event: Event = "present",
    kind: Confidence = "observed",
    where: str = "",
    *,
    is_named: bool = False,
) -> Trace:
    """days: from the day of the moment."""
    return Trace("a", version, where or f"{version}.log:1", DAY + timedelta(days=days), kind, event, is_named)


@pytest.mark.parametrize(
    ("traces", "version"),
    [
        ([trace("1", -30), trace("2", -3)], "2"),
        ([trace("2", -3), trace("1", -30)], "2"),
        ([trace("1", -10), trace("2", 5)], "2"),  # a list of what is installed, shortly afterwards
        ([trace("1", -10), trace("2", 90)], "1"),
        ([trace("2", 5, "installed")], None),  # it was installed after the moment
        ([trace("2", 1.2, "installed")], "2"),  # the log ended on the next day
        ([trace("1", 5, "removed", where="x:1"), trace("2", 5, "installed", where="x:2")], "1"),
        ([trace("1", 1.1, "removed", where="x:1"), trace("2", 1.1, "installed", where="x:2")], "1"),
        ([trace("1", -5, "removed", where="x:1"), trace("2", -5, "installed", where="x:2")], "2"),
        ([trace("1", -9, "installed"), trace("1", -5, "removed")], None),
        ([trace("2", 300, "installed", is_named=True)], "2"),
        ([trace("1", -5, kind="unchanged"), trace("1.0", -5)], "1.0"),
        ([trace("1", -60), trace("2", -5, kind="unchanged")], "2"),  # installed after the trace, and there since
    ],
)
def test_the_trace_closest_to_the_moment_counts(traces: list[Trace], version: str | None) -> None:
    choice = combine(traces, MOMENT).choices.get("a")
    assert (choice and choice.version) == version


def test_contradicting_traces_are_kept_with_the_choice() -> None:
    choice = combine([trace("1", -30), trace("2", -3)], MOMENT).choices["a"]
    assert [item.version for item in choice.others] == ["1"]


EVENTS = st.sampled_from(["present", "installed", "removed"])
TRACES = st.lists(st.builds(trace, st.sampled_from("123"), st.integers(-40, 40), EVENTS))


@given(TRACES)
def test_the_chosen_version_is_one_that_a_trace_supports(traces: list[Trace]) -> None:
    combined = combine(traces, MOMENT)
    for choice in combined.choices.values():
        assert choice.best in traces
        assert choice.best.version == choice.version
        assert not {*choice.support} & {*choice.others}
    assert {*combined.late} <= {*traces}
