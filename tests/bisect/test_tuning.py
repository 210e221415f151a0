"""Each tuning constant says its unit, its source and its sensitivity."""

from __future__ import annotations

import dataclasses

import pytest

from contexta.bisect.tuning import TUNING, Tuning


def test_each_constant_has_a_unit_a_meaning_a_source_and_a_sensitivity() -> None:
    constants = dataclasses.fields(Tuning)
    assert len(constants) > 70
    for constant in constants:
        assert constant.metadata.keys() == {"unit", "meaning", "source", "sensitivity"}
        assert all(text.strip() for text in constant.metadata.values()), constant.name


def test_constants_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TUNING.prior_none = 0.5  # type: ignore[misc]  # that it is refused is the claim


def test_the_priors_of_all_hypotheses_leave_room_for_single_causes() -> None:
    others = TUNING.prior_together + TUNING.prior_parts + TUNING.prior_several + TUNING.prior_none
    assert 0.5 < 1 - others < 1
