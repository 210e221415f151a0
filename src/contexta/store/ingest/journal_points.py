"""Turn the metric lines of a journal into points of series, many times faster than line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from contexta.core.errors import ContextaError
from contexta.core.validation import number
from contexta.store.entities.series import Points, SeriesKey
from contexta.store.ingest import journal_parsing

# A metric line as the recorder writes it: time; key, stage, rank and origin as one text; value; step.
_METRIC = re.compile(
    rb'^\{"s":\d+,"t":"metric","at":(\d+),("k":"[^"\\]*(?:\\.[^"\\]*)*"(?:,"g":"[^"\\]*")?(?:,"r":\d+)?(?:,"o":"output")?)'
    rb',"x":([^,}]+)(?:,"i":(-?\d+))?\}\n',
    re.MULTILINE,
)
_SERIES = itemgetter(1)

Lines = list[tuple[bytes, ...]]


def split(data: bytes) -> tuple[Lines, bytes]:
    """(metric lines, all other lines) of whole lines of a journal."""
    metrics = _METRIC.findall(data)
    if not metrics:
        return metrics, data
    return metrics, b"" if len(metrics) == data.count(b"\n") else _METRIC.sub(b"", data)


class PointCollector:
    """The points of one portion of a journal, by series."""

    def __init__(self, report: Callable[[str], None], count_lost: Callable[[int, str], None]) -> None:
        """report: called with the text of a note. count_lost: called with the number of skipped points and the
        reason."""
        self.points: dict[SeriesKey, Points] = {}
        self.printed: dict[SeriesKey, Points] = {}  # read from the output of the command
        self._report = report
        self._count_lost = count_lost

    def add_lines(self, lines: Lines, run_id: int, stage_id: Callable[[str], int]) -> None:
        """stage_id: the key of a stage by its component."""
        for head, same in groupby(sorted(lines, key=_SERIES), _SERIES):  # the sort keeps the order within a series
            try:
                series = json.loads(b"{" + head + b"}")
                journal_parsing.name(series["k"])
                key = self._key(run_id, stage_id, series)
            except (ContextaError, ValueError) as error:
                count = len(list(same))
                self._report(f"{count} metric records were skipped: {error}")
                self._count_lost(count, str(error))
                continue
            times, _, values, steps = zip(*same, strict=True)
            self._extend(self._points_of(series).setdefault(key, Points()), times, values, steps)

    def add_record(self, record: dict[str, Any], run_id: int, stage_id: Callable[[str], int]) -> None:
        """Parse a metric record with another layout than the recorder's. Raises ValueError, KeyError or
        ContextaError."""
        key = self._key(run_id, stage_id, record)
        if not journal_parsing.is_step(record.get("i")):
            raise ValueError(f"{record['i']!r} is not a step")
        value = number(record["x"])
        self._points_of(record).setdefault(key, Points()).add(record.get("i"), record["at"], value)

    def _points_of(self, series: dict[str, Any]) -> dict[SeriesKey, Points]:
        return self.printed if "o" in series else self.points

    def _key(self, run_id: int, stage_id: Callable[[str], int], series: dict[str, Any]) -> SeriesKey:
        stage = stage_id(series["g"]) if "g" in series else None
        return run_id, stage, str(series["k"]), f"rank-{int(series['r'])}" if series.get("r") else ""

    def _extend(self, points: Points, times: Sequence[bytes], values: Sequence[bytes], steps: Sequence[bytes]) -> None:
        """Column by column where all values are plain floats, which is far faster."""
        at = list(map(int, times))
        step: Sequence[int | None]
        step = [int(text) if text else None for text in steps] if b"" in steps else list(map(int, steps))
        is_plain = b",".join(values).count(b".") == len(values)  # a plain float has one point
        if is_plain and journal_parsing.is_moment(min(at)) and journal_parsing.is_moment(max(at)) and _fit(step):
            points.extend(step, at, list(map(float, values)))
            return
        for line in zip(step, at, values, strict=True):
            self._add_checked(points, *line)

    def _add_checked(self, points: Points, step: int | None, at: int, value: bytes) -> None:
        """One point of a series with integers, NaN or infinities. An invalid point is reported."""
        try:
            if not (journal_parsing.is_moment(at) and journal_parsing.is_step(step)):
                raise ValueError(f"its time {at} or its step {step} is out of range")
            points.add(step, at, number(json.loads(value)))
        except (ContextaError, TypeError, ValueError) as error:
            self._report(f"a metric record was skipped: {error}")
            self._count_lost(1, str(error))


def _fit(steps: Sequence[int | None]) -> bool:
    """Whether every step fits into the database; checks only the smallest and the largest."""
    present = [step for step in steps if step is not None]
    return not present or (journal_parsing.is_step(min(present)) and journal_parsing.is_step(max(present)))
