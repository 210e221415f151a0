"""Find metrics that lines of the same form print with different values for the same step.

One program that logs several times in an epoch prints them, and so do several processes that write to one output. Only
the caller can know which of the two it is. Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

    class Disagreement(NamedTuple):
        step: Optional[int]
        first: float
        other: float
else:
    from collections import namedtuple

    Disagreement = namedtuple("Disagreement", "step first other")

UNCERTAIN_METRICS = "uncertain_metrics"  # see ``findings.runs``
_MOST = 20_000  # places that are remembered; the first ones are enough
_CLOCK = re.compile(r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}|[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,][0-9]+)?")
_SPEED = re.compile(r"[0-9]+(?:\.[0-9]+)?\s?(?:ms|us|s|sec|seconds|min|m|h|it/s|s/it|ms/step|s/step)(?![\w])")
_NUMBER = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]|\s?%)|(?<=[=:] )[0-9]+|(?<=[=:])[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"|(?<![\w])(?:nan|inf)(?![\w])",
    re.IGNORECASE,
)  # no integers, which may be steps and positions, but values


def uncertain(name: str, disagreement: "Disagreement") -> str:
    """The text of a note about a metric that several processes printed with different values."""
    step, first, other = disagreement
    where = "" if step is None else f" for step {step}"
    return (
        f"several processes printed different values of {name}{where} ({first:g} and {other:g}) without saying which "
        "rank they are, so its printed values are not recorded; print it from one process, or print the rank before "
        "each line, as in '[rank0]: loss=0.5' (torchrun --tee 3, srun --label and mpirun --tag-output do)"
    )


class Disagreements:
    """The values that were printed, by name, step and the rest of the line."""

    def __init__(self) -> None:
        self._values: "Dict[Tuple[str, Optional[int], int], float]" = {}
        self._differing: "Dict[Tuple[str, Optional[int], int], float]" = {}
        self._stepless: "Dict[Tuple[str, int], Tuple[float, Optional[float]]]" = {}  # first value, another value

    def add(self, line: str, values: "Mapping[str, float]", step: "Optional[int]", *, is_own: bool = True) -> None:
        """Compare the values of a line with those of the same form, name and step. is_own: the line names its step."""
        form = hash(_form(line, list(values.values())))
        for key, value in values.items():
            place = key, step, form
            if not is_own:
                self._add_stepless((key, form), value)
            if place not in self._values:
                if len(self._values) < _MOST:
                    self._values[place] = value
                continue
            earlier = self._values[place]
            if earlier != value and not (earlier != earlier and value != value):
                self._differing.setdefault(place, value)

    def _add_stepless(self, place: "Tuple[str, int]", value: float) -> None:
        first, other = self._stepless.get(place, (value, None))
        if len(self._stepless) < _MOST:
            self._stepless[place] = first, value if other is None and value != first else other

    def by_name(self) -> "Dict[str, Disagreement]":
        """The first disagreement of each metric of which lines disagree at half of the places or more.

        Then the steps of lines that do not name theirs are unknown, too, and all their values are compared.
        """
        counts: "Dict[str, int]" = {}
        for key, _, _ in self._values:
            counts[key] = counts.get(key, 0) + 1
        differing: "Dict[str, List[Disagreement]]" = {}
        for place, other in self._differing.items():
            differing.setdefault(place[0], []).append(Disagreement(place[1], self._values[place], other))
        names = {key: same[0] for key, same in differing.items() if len(same) * 2 >= counts[key]}
        if names:
            for (key, _), (first, another) in self._stepless.items():
                if another is not None:
                    names.setdefault(key, Disagreement(None, first, another))
        return names


def _form(line: str, values: "List[float]") -> str:
    """A line without its values, times and speeds."""
    text = _SPEED.sub("#", _CLOCK.sub("#", line))
    return _NUMBER.sub(lambda match: "#" if float(match[0]) in values or match[0].lower() == "nan" else match[0], text)
