"""Find the epoch, step or iteration of a printed line.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional

_INDEX = r"\s*[:=#-]?\s*[\[(]?\s*(?P<step>[0-9]{1,15})(?P<fraction>\.[0-9]+)?(?![\w]|\.[0-9]|:[0-9]|%)"
_EPOCH = re.compile(rf"(?<![\w./-])(?:\w+[_ ])?(?:epochs?|ep\.?)(?:\([a-z]+\))?[\"']?{_INDEX}", re.IGNORECASE)
_BEFORE_EPOCH = re.compile(r"(?<![\w./-])(?P<step>[0-9]{1,12})epoch(?= results|:)")
_GLOBAL = re.compile(rf"(?<![\w./])(?:global[_ ]?step|total_timesteps){_INDEX}", re.IGNORECASE)
_STEP = re.compile(
    rf"(?<![\w./-])(?:step|steps|iter|iters|iteration|iterate|round|trial|fold|update|generation|episode|batch|it)"
    rf"[\"']?{_INDEX}",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"\s*\[\s*(?P<step>[0-9]{1,12})\s*(?:[,/]\s*[0-9]+)?\](?=[\s:\[]|$)")
_SECOND_BRACKET = re.compile(r"[^\[\]]{0,120}\] \[(?P<step>[0-9]{1,12})\] ")
_NUMBERED = re.compile(r"\s*(?P<step>[0-9]{1,12})(?::|/[0-9]{1,12}:?)\s+(?=[A-Za-z])")
_OF_MAPPING = ("step", "global_step", "_step", "train_step", "iteration", "iter", "total_timesteps", "epoch", "round")
MOST = 2**63 - 1


def epoch_of(line: str) -> "Optional[int]":
    """The epoch of a line; of a fraction, the epochs that are complete."""
    match = _EPOCH.search(line) or _BEFORE_EPOCH.search(line)
    return int(match["step"]) if match is not None else None


def step_of(line: str) -> "Optional[int]":
    """The step of a line: its global step, else its epoch, else its iteration, round, trial or leading number."""
    for pattern in (_GLOBAL, _EPOCH, _BEFORE_EPOCH, _STEP):
        match = pattern.search(line)
        if match is not None and not (pattern is _STEP and match["fraction"]):  # return per episode: 14.34
            return int(match["step"])
    match = _BRACKET.match(line) or _NUMBERED.match(line) or _SECOND_BRACKET.match(line)
    return int(match["step"]) if match is not None else None


def step_in(values: "Mapping[str, Any]") -> "Optional[int]":
    """The step of a printed mapping; of a fraction, the epochs that are complete."""
    for name in _OF_MAPPING:
        value = values.get(name)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < MOST:
            return int(value)
    return None
