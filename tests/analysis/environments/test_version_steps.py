from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.analysis.environments.version_steps import distance


@pytest.mark.parametrize(
    ("left", "right", "direction", "size"),
    [
        ("1.2.3", "2.0", "upgrade", "major"),
        ("2.0", "1.9.9", "downgrade", "major"),
        ("1.2.3", "1.3.0", "upgrade", "minor"),
        ("1.2", "1.2.1", "upgrade", "patch"),
        ("1.2.3.4", "1.2.3.5", "upgrade", "patch"),
        ("1.0rc1", "1.0", "upgrade", "pre-release"),
        ("1.0.dev1", "1.0.dev2", "upgrade", "pre-release"),
        ("2023.3", "2023.3.post1", "upgrade", "post-release"),
        ("2.1.0", "2.1.0+cu118", "upgrade", "local"),
        ("2.1.0+cu121", "2.1.0+cu118", "downgrade", "local"),
        ("2.0", "1!1.0", "upgrade", "major"),
        ("1.0", "1.0.0", None, None),
        ("odd build", "1.0", None, None),
        (None, "1.0", None, None),
        ("1.0", None, None, None),
    ],
)
def test_step_between_two_versions(
    left: str | None, right: str | None, direction: str | None, size: str | None
) -> None:
    assert distance(left, right) == (direction, size)


versions = st.from_regex(
    r"([0-9]!)?[0-9]{1,2}(\.[0-9]{1,2}){0,3}(rc[0-9])?(\.post[0-9])?(\+[a-z]{1,3})?", fullmatch=True
)


@given(versions, versions)
def test_step_backwards_has_the_same_size_and_the_other_direction(left: str, right: str) -> None:
    forth, back = distance(left, right), distance(right, left)
    assert forth[1] == back[1]
    assert {forth[0], back[0]} in ({"upgrade", "downgrade"}, {None})
