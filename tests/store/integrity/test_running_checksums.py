from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contexta.store.integrity import running_checksums

ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.integers(0, 2**60),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    ),
    min_size=1,
)


def columns(rows: list[Any]) -> list[Any]:
    return list(zip(*rows, strict=True))


@given(ROWS, st.data())
def test_check_does_not_depend_on_the_portions_rows_came_in(rows: list[Any], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(rows)))
    first = running_checksums.extended(running_checksums.POINTS, columns(rows[:cut]))
    both = running_checksums.extended(running_checksums.POINTS, columns(rows[cut:]), first) if rows[cut:] else first
    assert both == running_checksums.extended(running_checksums.POINTS, columns(rows))
    assert len(both) == 4 * len(running_checksums.POINTS)


@given(ROWS, st.data())
def test_flipped_bit_of_a_value_changes_the_check(rows: list[Any], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    step, at, value, exact = rows[place]
    damaged = [*rows]
    damaged[place] = (step, at ^ (1 << data.draw(st.integers(0, 59))), value, exact)
    assert running_checksums.extended(running_checksums.POINTS, columns(damaged)) != running_checksums.extended(
        running_checksums.POINTS, columns(rows)
    )


def test_none_and_nan_are_the_same_double_and_no_text_is_the_empty_one() -> None:
    assert running_checksums.extended(["double", "text"], [[None], [None]]) == running_checksums.extended(
        ["double", "text"], [[math.nan], [""]]
    )
