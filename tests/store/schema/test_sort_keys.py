from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from contexta.store.schema.sort_keys import MAX_WORDS, local_range, number_of, prefix_range, version_order, words_of

WHOLE = st.integers(0, 3) | st.integers(0, 10**30)


@st.composite
def versions(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(["", "1!"])) + ".".join(map(str, draw(st.lists(WHOLE, min_size=1, max_size=4))))
    text += draw(st.sampled_from(["", "a1", "b2", "rc1", "rc10"]))
    text += draw(st.sampled_from(["", ".post1", ".post300"])) + draw(st.sampled_from(["", ".dev0", ".dev3"]))
    return text + draw(st.sampled_from(["", "+cu118", "+cu118.2", "+1", "+abc.1.x"]))


@given(versions(), versions())
def test_bytes_compare_as_the_versions_do(first: str, second: str) -> None:
    left, right = version_order(first), version_order(second)
    assert left is not None
    assert right is not None
    assert (left < right, left == right) == (Version(first) < Version(second), Version(first) == Version(second))


@given(versions(), versions())
def test_range_of_a_public_version_contains_its_local_versions(first: str, second: str) -> None:
    public = first.partition("+")[0]
    result, order = local_range(public), version_order(second)
    assert result is not None
    assert order is not None
    assert (result[0] <= order < result[1]) == (Version(Version(second).public) == Version(public))


@given(versions(), st.sampled_from(["1", "2.1", "1.0", "0.9.1", "1!2"]))
def test_range_of_a_prefix_contains_the_versions_of_its_star(text: str, prefix: str) -> None:
    result, order = prefix_range(prefix), version_order(text)
    assert result is not None
    assert order is not None
    version, expected = Version(text), Version(prefix)
    padded = (*version.release, *[0] * 9)[: len(expected.release)]
    assert (result[0] <= order < result[1]) == ((version.epoch, padded) == (expected.epoch, expected.release))


@pytest.mark.parametrize("text", ["", "unknown", "2.x", "1.0-", "1." + "9" * 700])
def test_text_that_is_no_version_has_no_order(text: str) -> None:
    assert version_order(text) is None
    assert local_range(text) is None


NUMBERS: list[tuple[Any, float | None]] = [
    (0.1, 0.1), (3, 3.0), ("0.1", 0.1), ("1e-4", 1e-4), ("-.5", -0.5), (10**400, math.inf), (-(10**400), -math.inf),
    (True, None), (None, None), ("", None), ("1_000", None), ("nan", None), (math.nan, None), ("x1", None), ([1], None),
    ("9" * 300, None),
]  # fmt: skip


@pytest.mark.parametrize(("value", "number"), NUMBERS)
def test_number_of_a_parameter_may_be_a_text(value: Any, number: float | None) -> None:
    assert number_of(value) == number


def test_words_are_a_text_itself_and_json_of_anything_else() -> None:
    assert [words_of(value) for value in ("adam", True, None, 3, {"a": [1]})] == [
        "adam",
        "true",
        "null",
        "3",
        '{"a":[1]}',
    ]
    assert len(words_of("x" * 1_000)) == MAX_WORDS
