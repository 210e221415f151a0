"""The series of numbers that one run logs, and their names that depend on time rather than on the training."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from contexta.recorder.printed.metric_words import parts_of

Point = tuple[int | None, float]
"""(step, value); the step is None where the program names none."""
Trajectory = Mapping[str, Sequence[Point]]
"""Name of a series -> its points, in the order in which they were logged."""

MOST_SERIES = 400
MOST_POINTS = 20_000
"""Per series; later points are left out."""

_TIMING_WORDS = frozenset(
    """
    time times timestamp eta elapsed duration second seconds sec secs ms minutes minute hours hour runtime walltime wall
    latency took remaining speed throughput fps ips qps wps ups sps tps mfu flops tflops memory mem rss vram gpu cpu
    cuda ram watts temperature utilization utilisation bandwidth clock date
    """.split()  # noqa: SIM905  # a table of words
)
_RATE = re.compile(r"per_|/(?:s|sec|second|min|h|hour)\b|_s\Z", re.IGNORECASE)


def is_timing(name: str) -> bool:
    """Whether a series is named like a time, a speed or a use of the machine, which differ in every run."""
    return bool(_RATE.search(name)) or not _TIMING_WORDS.isdisjoint(parts_of(name))


def encoded(trajectory: Trajectory) -> bytes:
    """A trajectory as JSON. Values are text, so that NaN and every digit survive."""
    body = {name: [[step, repr(value)] for step, value in points] for name, points in sorted(trajectory.items())}
    return json.dumps(body, separators=(",", ":")).encode()


def decoded(content: bytes) -> dict[str, tuple[Point, ...]]:
    """Raises ValueError for anything that ``encoded`` did not write."""
    try:
        return {
            name: tuple((step, float(value)) for step, value in points) for name, points in json.loads(content).items()
        }
    except (AttributeError, TypeError) as error:
        raise ValueError(f"no trajectory: {error}") from error
