"""Read metrics from lines by the pattern of a user.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

# isort: split
from contexta.core.errors import InvalidInput, shown
from contexta.recorder.printed.disagreements import Disagreements
from contexta.recorder.printed.parser import Measurement
from contexta.recorder.printed.rank_prefixes import rank_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Pattern


def compiled(text: str) -> Pattern[str]:
    """The pattern of a user. Raises InvalidInput for a text that is not a regular expression with a named group."""
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise InvalidInput(f"{shown(text)} is no regular expression: {error}") from None
    if not pattern.groupindex:
        raise InvalidInput(f"{shown(text)} has no named group", hint=r"name the metric: 'loss=(?P<loss>\S+)'")
    return pattern


class PatternParser:
    """The measurements that a pattern finds; the same methods as ``OutputParser``."""

    def __init__(self, pattern: Pattern[str]) -> None:
        """pattern: groups ``key`` and ``value``, and perhaps ``step``; or groups named like metrics, and perhaps
        ``step``."""
        self._pattern = pattern
        self._has_matched = self._has_number = False
        self.disagreements = Disagreements()
        """Values that lines without the prefix of a rank give for the same name and step."""

    def feed(self, text: str, *, is_redrawn: bool = False) -> List[Measurement]:
        """The measurements of a line."""
        del is_redrawn  # each state of a line counts
        measurements = []
        rank, _ = rank_of(text)
        for match in self._pattern.finditer(text):
            self._has_matched = True
            groups = {name: value for name, value in match.groupdict().items() if value is not None}
            step = groups.pop("step", "")
            if "key" in groups and "value" in groups:
                groups = {groups["key"]: groups["value"]}
            for key, value in groups.items():
                try:
                    measurement = Measurement(key, float(value), int(step) if step.isdigit() else None, rank or 0)
                except ValueError:
                    continue  # the group matched something that is not a number
                self._has_number = True
                measurements.append(measurement)
                if rank is None:
                    self.disagreements.add(text, {key: measurement.value}, measurement.step)
        return measurements

    @property
    def fault(self) -> str:
        """Why the pattern has found no metric; empty where it has."""
        if self._has_number:
            return ""
        return "it matched no number" if self._has_matched else "it matched nothing"

    def finish(self) -> List[Measurement]:
        """Nothing: no line is held back."""
        return []
