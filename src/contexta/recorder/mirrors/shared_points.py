"""Find points of a run that another source has logged: the program itself, a callback of a framework, or a tracker.

Each point of a source hides at most one equal point of every other source.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
from collections import OrderedDict

from contexta.recorder.journal.decoding import decoded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Set, Tuple

    from contexta.recorder.journal.writer import Journal

    Point = Tuple[Optional[int], Any]  # (step, value)
    Waiting = OrderedDict[Point, None]

_PROGRAM = ""  # the source of what the program logs to the run
_MOST = 1_000  # points of a metric that wait for another source
_MOST_OF_ALL = 20_000  # of all metrics, and of metrics
_READ_BACK = 65_536  # bytes of the journal


class _Metric:
    """The points of one metric that another source may log too."""

    __slots__ = ("latest", "waiting")

    def __init__(self) -> None:
        self.latest: Dict[str, Point] = {}  # by source
        self.waiting: Dict[str, Waiting] = {}  # by the source that has not logged them

    def waiting_for(self, source: str) -> Waiting:
        waiting = self.waiting.get(source)
        if waiting is None:
            waiting = self.waiting[source] = OrderedDict()
            for other, point in list(self.latest.items()):
                if other != source:
                    waiting[point] = None
        return waiting


class SharedPoints:
    """The latest points of a run by their source.

    Nothing is locked, because a process may fork while another thread logs: a race records a point twice at worst.
    """

    def __init__(self, journal: Journal) -> None:
        """journal: of the run. What the program logs to it from now on is compared."""
        self._metrics: Dict[str, _Metric] = {}  # by the beginning of the records
        self.sources: Set[str] = set()  # that may log; one alone is not compared
        self._read_back(journal)
        journal.is_repeated = self._is_repeated_by_program

    def is_repeated(self, source: str, head: str, step: Optional[int], value: Any) -> bool:
        """Whether another source has logged this point; if not, it is remembered.

        Trackers count steps differently, and some log all their values at the end. So a point with another step is
        equal to the latest value of another source, and to the next one in the order of their values.
        """
        metric = self._metrics.get(head)
        if metric is None:
            if len(self._metrics) >= _MOST_OF_ALL:
                return False  # a program with so many names generates them
            metric = self._metrics[head] = _Metric()
        if source not in self.sources:
            self.sources.add(source)
        point = step, value if value == value else "nan"
        if len(self.sources) > 1:
            if self._takes(metric.waiting_for(source), point, is_program=source == _PROGRAM):
                return True
            most = max(2, min(_MOST, _MOST_OF_ALL // len(self._metrics)))
            for other in list(self.sources):
                if other != source:
                    waiting = metric.waiting_for(other)
                    waiting[point] = None
                    if len(waiting) > most:
                        waiting.popitem(last=False)
        metric.latest[source] = point
        return False

    @staticmethod
    def _takes(waiting: Waiting, point: Point, *, is_program: bool) -> bool:
        """Whether an equal point waits, which then waits no more. is_program: its own steps are never replaced."""
        if not waiting:
            return False
        step, value = point
        if point in waiting:
            del waiting[point]
            return True
        latest = next(reversed(waiting))
        if latest[1] == value and (not is_program or step is None or latest[0] is None):
            waiting.clear()  # the two sources are abreast
            return True
        first = next(iter(waiting))
        if first[1] == value and not is_program:
            del waiting[first]
            return True
        return False

    def _is_repeated_by_program(self, head: str, value: float, step: Optional[int]) -> bool:
        try:
            return self.is_repeated(_PROGRAM, head, step, value)
        except (KeyError, RuntimeError, StopIteration):  # another thread logs the same metric
            return False

    def _read_back(self, journal: Journal) -> None:
        """Remember the latest points that the program logged before a tracker or a callback began."""
        try:
            with open(journal.path, "rb") as file:
                file.seek(max(0, os.path.getsize(journal.path) - _READ_BACK))
                data = file.read()
        except OSError:
            return  # nothing is recorded yet
        for _, record in decoded(data):
            if record is not None and record.get("t") == "metric" and "o" not in record:
                value = record["x"] if record["x"] == record["x"] else "nan"
                metric = self._metrics.setdefault(journal.metric_head(record["k"], record.get("g")), _Metric())
                metric.latest[_PROGRAM] = record.get("i"), value
                self.sources.add(_PROGRAM)
