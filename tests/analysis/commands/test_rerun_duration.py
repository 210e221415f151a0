from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from contexta.analysis.commands.rerun_duration import expected_seconds, measured_seconds
from contexta.findings.reproduction import RECONSTRUCTED
from contexta.findings.runs import IMPORTED


@pytest.mark.parametrize(
    ("seconds", "metadata", "expected"),
    [
        (60.0, {}, 60.0),
        (60.0, {"command": ["python", "train.py"]}, 60.0),
        (None, {}, None),
        (0.0, {}, None),
        (0.0, {RECONSTRUCTED: {}}, None),
        (60.0, {RECONSTRUCTED: {}}, None),
        (60.0, {IMPORTED: {"tool": "MLflow"}}, None),
    ],
)
def test_only_a_run_that_was_recorded_measures_how_long_the_training_takes(
    seconds: float | None, metadata: Mapping[str, Any], expected: float | None
) -> None:
    assert measured_seconds(seconds, metadata) == expected


def test_a_rerun_is_expected_to_take_as_long_as_the_slower_run() -> None:
    assert expected_seconds([30.0, 50.0]) == 50.0
    assert expected_seconds([None, 50.0]) == 50.0
    assert expected_seconds([None, None]) is None
