from __future__ import annotations

import pytest

from contexta.analysis.metrics.trend import changes_between

PACKAGES = {
    1: {"Python": "3.11.0", "torch": "2.0.0", "numpy": "1.24"},
    2: {"Python": "3.11.0", "torch": "2.1.0", "numpy": "1.24.0"},
    3: {"Python": "3.12.0", "torch": "2.1.0"},
}


@pytest.mark.parametrize(
    ("bodies", "changes"),
    [
        ([], []),
        ([1], [None]),
        ([1, 1], [None, []]),
        ([1, 2], [None, ["torch: 2.0.0 -> 2.1.0"]]),  # 1.24 is 1.24.0
        ([2, 3], [None, ["Python: 3.11.0 -> 3.12.0", "numpy: 1.24.0 -> absent"]]),
        ([1, None, 2], [None, None, ["torch: 2.0.0 -> 2.1.0"]]),
        ([None, 1], [None, None]),
    ],
)
def test_changes_are_against_the_last_known_environment(
    bodies: list[int | None], changes: list[list[str] | None]
) -> None:
    found = changes_between(bodies, PACKAGES)
    assert [None if each is None else [str(change) for change in each] for each in found] == changes
