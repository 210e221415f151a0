"""Reruns of OLD repeat a remembered value within its rounding and their noise, or not."""

from __future__ import annotations

import pytest

from contexta.bisect.reporting.expectation import compared
from contexta.core.references import StableRef
from contexta.findings.bisect import ExpectedValue
from contexta.reports.pages.bisect import expectation_sentence


@pytest.mark.parametrize(
    ("value", "reruns", "is_confirmed"),
    [
        (0.91, (0.91,), True),
        (0.91, (0.9123,), True),  # rounds to 0.91
        (0.91, (0.88,), False),
        (0.91, (0.902,), False),
        (0.91, (0.88, 0.88, 0.88), False),
        (0.91, (0.90, 0.93, 0.88, 0.915), True),  # within the noise
        (1.0, (0.6,), False),  # a whole number is no permission to round by a half
        (0.0, (0.0,), True),
        (0.0, (0.1,), False),
        (1200.0, (1200.4,), True),
        (0.91, (), None),
    ],
)
def test_a_remembered_value_is_confirmed_by_reruns_that_repeat_it(
    value: float, reruns: tuple[float, ...], is_confirmed: bool | None
) -> None:
    result = compared(ExpectedValue(run_ref=StableRef.parse("run:p.old"), value=value), reruns)
    assert result is not None
    assert result.is_confirmed is is_confirmed


def test_an_expectation_that_fails_names_the_uncertain_packages() -> None:
    expected = ExpectedValue(run_ref=StableRef.parse("run:p.old"), value=0.91, uncertain=("idna", "numpy"))
    result = compared(expected, (0.88,))
    assert result is not None
    assert expectation_sentence(result, "accuracy", 0.88) == (
        "OLD does not give accuracy 0.91, as remembered: it gives 0.88; uncertain packages: idna, numpy"
    )
    assert compared(None, (0.88,)) is None
