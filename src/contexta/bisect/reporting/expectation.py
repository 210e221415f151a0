"""Compare the reruns of a reconstructed OLD with the metric that the user remembers. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from statistics import mean

from contexta.analysis.metrics.stats import pooled_spread, student_quantile
from contexta.bisect.inference.values.scale import Scale
from contexta.findings import RunDetails
from contexta.findings.bisect import ExpectedValue
from contexta.findings.reproduction import expected_metrics, uncertain_packages
from contexta.reports.pages.bisect import expectation_sentence

_FEWEST = 3  # values that show their spread
_MOST_ROUNDING = 0.01  # of a value


def expected_value(run: RunDetails | None, metric: str) -> ExpectedValue | None:
    """What the reconstructed run of OLD is expected to give; None where nothing is remembered of the metric."""
    value = expected_metrics(run.metadata).get(metric) if run is not None else None
    if run is None or value is None:
        return None
    return ExpectedValue(run_ref=run.run_ref, value=value, uncertain=uncertain_packages(run.metadata))


def compared(expected: ExpectedValue | None, values: Sequence[float]) -> ExpectedValue | None:
    """The expectation with its outcome; without one as long as OLD gave no value."""
    if expected is None or not values:
        return expected
    half_a_unit = 0.5 * 10.0 ** -decimals([expected.value])
    return expected.model_copy(update={"is_confirmed": repeats(expected.value, values, half_a_unit)})


def outcome_of_first(expected: ExpectedValue | None, metric: str, values: Sequence[float]) -> str | None:
    """A sentence after the first value of OLD; else None."""
    result = compared(expected, values)
    return expectation_sentence(result, metric, mean(values)) if result is not None and len(values) == 1 else None


def repeats(value: float, reruns: Sequence[float], rounding: float) -> bool:
    """Whether reruns repeat a value, by Student's t at 1 in 300 from three reruns on.

    rounding: the error of the value that its last decimal place allows; at most 1 % of the value counts.
    """
    scale = Scale.of([*reruns, value])
    scaled = [scale(rerun) for rerun in reruns]
    tolerance = scale.length(min(rounding, _MOST_ROUNDING * abs(value)))
    noise = 0.0
    if len(reruns) >= _FEWEST:
        reach = student_quantile(1 - 1 / 600, len(reruns) - 1)
        noise = reach * pooled_spread(scaled) * math.sqrt(1 + 1 / len(reruns))
    return abs(scale(value) - mean(scaled)) <= noise + tolerance


def decimals(values: Sequence[float]) -> int:
    """The largest number of decimal places."""
    return max(len(f"{Decimal(repr(value)):f}".rstrip("0").partition(".")[2]) for value in values)
