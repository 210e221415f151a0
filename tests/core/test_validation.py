from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.core.errors import InvalidInput
from contexta.core.validation import from_microseconds, number, require_storable, text, timestamp, to_microseconds


@pytest.mark.parametrize(
    ("given_", "canonical"),
    [
        ("2025-02-15T08:00:00Z", "2025-02-15T08:00:00Z"),
        ("2025-02-15T08:00:00.000Z", "2025-02-15T08:00:00Z"),
        ("2025-02-15T08:00:00.5Z", "2025-02-15T08:00:00.500000Z"),
        ("2025-02-15T08:00:00.123456000Z", "2025-02-15T08:00:00.123456Z"),
        (datetime(2025, 2, 15, 8, tzinfo=timezone.utc), "2025-02-15T08:00:00Z"),
        (datetime(2025, 2, 15, 10, tzinfo=timezone(timedelta(hours=2))), "2025-02-15T08:00:00Z"),
    ],
)
def test_timestamp_has_one_canonical_text(given_: object, canonical: str) -> None:
    assert timestamp(given_) == canonical


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ("2025-02-15T08:00:00", "does not end in Z"),
        ("2025-02-15T08:00:00+02:00", "in UTC it is 2025-02-15T06:00:00Z"),
        ("2025-02-15 08:00:00Z", "no ISO 8601"),
        ("2025-02-30T08:00:00Z", "no moment of the calendar"),
        ("2025-02-15T08:00:00.1234567Z", "finer than a microsecond"),
        ("yesterday", "no ISO 8601"),
        ("", "no ISO 8601"),
        (datetime(2025, 2, 15), "no time zone"),
        (1739606400, "no timestamp"),
        (None, "no timestamp"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), "outside the years"),
    ],
)
def test_a_time_that_is_not_in_utc_is_refused(given_: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words.replace("+", r"\+")):
        timestamp(given_)


@given(st.datetimes(timezones=st.just(timezone.utc)))
def test_microseconds_round_trip(moment: datetime) -> None:
    canonical = timestamp(moment)
    assert from_microseconds(to_microseconds(canonical)) == canonical == timestamp(canonical)


@given(st.one_of(st.integers(-(10**999), 10**999), st.floats()))
def test_a_number_is_stored_exactly(value: float) -> None:
    stored = number(value)
    assert type(stored) is type(value)
    assert stored == value or (math.isnan(stored) and math.isnan(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Decimal("0.1"), 0.1), (Decimal("-Infinity"), -math.inf), (numpy.array(0.25), 0.25), (numpy.array([[3]]), 3)],
)
def test_a_decimal_and_an_array_of_one_element_are_numbers(value: object, expected: float) -> None:
    assert (number(value), type(number(value))) == (expected, type(expected))


@pytest.mark.parametrize(
    "value",
    [
        True,
        "0.9",
        None,
        Fraction(1, 3),
        10**1000,
        [1],
        1j,
        Decimal("sNaN"),
        Decimal("1e400"),
        numpy.array([1, 2]),
        numpy.bool_(True),
    ],
)
def test_a_value_that_is_no_exact_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        number(value)


@pytest.mark.parametrize(
    ("words", "fault"), [("a\0b", "NUL character at index 1"), ("a\ud800", "surrogate at index 1")]
)
def test_text_that_no_database_holds_is_refused(words: str, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        require_storable(words)


def test_error_about_a_long_text_quotes_only_its_beginning() -> None:
    with pytest.raises(InvalidInput) as refusal:
        text("x" * 10_000_000)
    assert "(10000000 characters)" in str(refusal.value)
    assert len(str(refusal.value)) < 300
