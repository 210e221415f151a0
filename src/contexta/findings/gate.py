"""Whether a run may pass: what a build server asks."""

from __future__ import annotations

from typing import Literal

from pydantic import computed_field

from contexta.contract.fields import RunRef
from contexta.findings.finding import Finding

Strictness = Literal["same", "packages", "any"]


class Rule(Finding):
    """One thing that was demanded. status ``unknown``: it could not be decided, and so the run does not pass."""

    name: str
    status: Literal["pass", "fail", "unknown"]
    detail: str


class Gate(Finding):
    """What was demanded of a run, and whether it holds."""

    run_ref: RunRef
    baseline_ref: RunRef | None
    rules: tuple[Rule, ...]

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented order of the two decorators
    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return all(rule.status == "pass" for rule in self.rules)
