"""Compare the effective settings of two runs: what libraries really used, and which defaults changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contexta.findings import SettingChange
from contexta.findings.past_runs import PastRun
from contexta.findings.runs import SETTINGS


def changed_settings(old: PastRun, new: PastRun) -> tuple[SettingChange, ...]:
    """The settings that both runs recorded with different values, by name.

    One that only one run has is left out: a program that fits another model has other settings.
    """
    left, right = settings_of(old), settings_of(new)
    return tuple(
        SettingChange(
            key=name,
            left_value=str(left[name].get("value")),
            right_value=str(right[name].get("value")),
            package=right[name].get("package") or None,
            is_default=bool(left[name].get("default") and right[name].get("default")),
        )
        for name in sorted({*left} & {*right})
        if left[name].get("value") != right[name].get("value")
    )


def settings_of(run: PastRun) -> dict[str, Mapping[str, Any]]:
    """Name -> value, whether it is the default, and package."""
    recorded = run.metadata.get(SETTINGS)
    if not isinstance(recorded, Mapping):
        return {}
    return {str(name): setting for name, setting in recorded.items() if isinstance(setting, Mapping)}
