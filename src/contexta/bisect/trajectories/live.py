"""Read the series of a trial while it runs, and tell when it has followed an endpoint far enough.

Sources: the metrics in the journals of its processes (recorded by the program, or by a tracker that is mirrored), and
its output. A fault here never stops or changes a trial: then nothing more is read, the trial runs to its end, and
``fault`` names the reason.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.bisect.trajectories.early_rule import (
    NO_COINCIDENCE,
    Decision,
    EarlyRule,
    Followed,
    Name,
    Reference,
    equal,
)
from contexta.bisect.trajectories.jitter import CLEAR, Fit
from contexta.bisect.trajectories.trajectory import MOST_POINTS, MOST_SERIES, Point, is_timing
from contexta.recorder.journal.writer import SUFFIX
from contexta.recorder.printed.parser import OutputParser, pieces

_STREAMS = ("stdout", "stderr")
_MOST_PARSED = 8 * 1024 * 1024  # bytes of each stream: a limit in bytes, unlike one in seconds, is the same in each run
_LONGEST = 64 * 1024  # bytes of a line


class LiveTrajectory:
    """The trajectory of one trial. ``process.run`` calls ``receive`` and ``is_set``."""

    def __init__(self, rule: EarlyRule, journals: Path, stop: threading.Event | None) -> None:
        """journals: the directory in which the processes of the trial write. stop: ends the trial."""
        self.followed: Followed | None = None
        """The endpoint whose trajectory was followed far enough; None so far."""
        self.series: dict[str, list[Point]] = {}
        self._rule, self._journals, self._stop = rule, journals, stop
        self._offsets: dict[Path, int] = {}
        self._outputs = [_Stream(name) for name in _STREAMS]
        self._compared: dict[tuple[str, str], int] = {}  # (endpoint, series) -> equal points
        self._fits: dict[tuple[str, str], Fit] = {}  # the same, for series that repeat up to jitter
        self._left: dict[Name, Reference] = {}
        self.fault = rule.fault
        """Why the trial gets no early verdict, or its series are not stored; empty without a fault."""
        self._is_broken = False
        self._guarded(self._begin)

    @property
    def may_stop(self) -> bool:
        """Whether the rule can still end the trial."""
        return self._rule.may_stop and bool(self._left)

    def is_set(self) -> bool:
        """Whether the trial must end now: it was stopped, or it has followed an endpoint far enough."""
        if self._stop is not None and self._stop.is_set():
            return True
        if self._left and self.followed is None:
            self._guarded(self._read_journals)
            self._guarded(self._compare)
        return self.followed is not None and self._rule.may_stop

    @property
    def is_stopped_by_rule(self) -> bool:
        """Whether the rule ended the trial, not the study."""
        is_stopped = self._stop is not None and self._stop.is_set()
        return self.followed is not None and self._rule.may_stop and not is_stopped

    def receive(self, stream: int, data: bytes) -> None:
        """Bytes of an output of the trial: 0 is stdout, 1 is stderr."""
        self._guarded(lambda: self._add_all(self._outputs[stream].points(data)))

    def finish(self) -> dict[str, list[Point]]:
        """The whole trajectory, once the trial has ended; empty after a fault."""
        self._guarded(self._read_journals)
        for stream in self._outputs:
            self._guarded(lambda stream=stream: self._add_all(stream.last_points()))
        if self.followed is None:
            self._guarded(self._compare)
        return {} if self._is_broken else self.series

    # ------------------------------------------------------------------------------------------ reading

    def _guarded(self, work: Any) -> None:
        if self._is_broken:
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001  # see the module: the trial goes on without early verdict
            self._is_broken, self.fault = True, f"its series cannot be read: {type(error).__name__}: {error}"
            self._left = {}

    def _read_journals(self) -> None:
        for path in sorted(self._journals.glob(f"*{SUFFIX}")):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                data = file.read()
            complete = data[: data.rfind(b"\n") + 1]
            self._offsets[path] = self._offsets.get(path, 0) + len(complete)
            for line in complete.splitlines():
                if b'"t":"metric"' in line:
                    self._add_record(line)

    def _add_record(self, line: bytes) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            return  # the process was ended while it wrote
        if record.get("t") == "metric" and not record.get("r"):  # of a distributed job those of the first rank
            stage = record.get("g")
            name = f"{stage}/{record['k']}" if stage else str(record["k"])
            self._add(name, (record.get("i"), float(record["x"])))

    def _add_all(self, points: Iterator[tuple[str, Point]]) -> None:
        for name, point in points:
            self._add(name, point)

    def _add(self, name: str, point: Point) -> None:
        points = self.series.get(name)
        if points is None:
            if len(self.series) >= MOST_SERIES or is_timing(name):
                return
            points = self.series[name] = []
        if len(points) < MOST_POINTS:
            points.append(point)

    # ------------------------------------------------------------------------------------------ comparing

    def _begin(self) -> None:
        decidable = [reference for reference in self._rule.references if self._rule.decisions.get(reference.endpoint)]
        self._left = {reference.endpoint: reference for reference in decidable}

    def _compare(self) -> None:
        for endpoint, reference in list(self._left.items()):
            if not all(self._is_equal(reference, name) for name in self._rule.common):
                del self._left[endpoint]
            elif self._has_decided(endpoint):
                self.followed = self._followed(reference)
                return

    def _is_equal(self, reference: Reference, name: str) -> bool:
        """Whether the points so far equal those of the reference."""
        points, others = self.series.get(name, []), reference.trajectory[name]
        key = reference.endpoint, name
        for number in range(self._compared.get(key, 0), len(points)):
            if number >= len(others) or not self._repeats(reference, name, number, points[number]):
                return False
            self._compared[key] = number + 1
        return True

    def _repeats(self, reference: Reference, name: str, number: int, point: Point) -> bool:
        """Whether a point may be that of the reference; for series with jitter by the likelihood of all so far."""
        own, jitter = reference.trajectory[name][number], reference.jitter.get(name)
        if jitter is None or point[0] != own[0]:
            return equal(point, own)
        distance = 0.0 if equal(point, own) else abs(point[1] - own[1])
        other = next(other for other in self._rule.references if other is not reference).trajectory[name]
        contrast = abs(own[1] - other[number][1]) if number < len(other) else 0.0
        if not contrast >= CLEAR * jitter[number]:
            return distance <= CLEAR * jitter[number]
        fit = self._fits.setdefault((reference.endpoint, name), Fit())
        fit.add(distance, jitter[number], contrast)
        return fit.nats > -NO_COINCIDENCE

    def _has_decided(self, endpoint: str) -> bool:
        return all(self._is_decided(endpoint, decision) for decision in self._rule.decisions[endpoint])

    def _is_decided(self, endpoint: str, decision: Decision) -> bool:
        key = endpoint, decision.name
        fit = self._fits.get(key)
        return self._compared.get(key, 0) >= decision.enough and (fit is None or fit.nats >= NO_COINCIDENCE)

    def _followed(self, reference: Reference) -> Followed:
        last = self._rule.decisions[reference.endpoint][-1]
        points = reference.trajectory[last.name]

        def step(number: int) -> int:
            label = points[number][0]
            return number + 1 if label is None else label

        return Followed(
            endpoint=reference.endpoint,
            run=reference.run,
            value=reference.value,
            step=step(last.enough - 1),
            last_step=step(len(points) - 1),
            since=step(last.first),
            stopped=self._rule.may_stop,
            after=self._rule.after,
        )


class _Stream:
    """The series in one output stream."""

    def __init__(self, name: str) -> None:
        self._name, self._parser = name, OutputParser()
        self._line, self._parsed = b"", 0

    def points(self, data: bytes) -> Iterator[tuple[str, Point]]:
        """The points that the next bytes complete."""
        self._parsed += len(data)
        if self._parsed > _MOST_PARSED:
            return
        text = self._line + data
        end = text.rfind(b"\n") + 1
        self._line = text[end:][:_LONGEST]
        for piece, is_redrawn in pieces(text[:end].decode(errors="replace")):
            for measurement in self._parser.feed(piece, is_redrawn=is_redrawn) if piece else ():
                if measurement.rank:
                    continue  # of a distributed job the first rank counts
                yield f"{self._name}: {measurement.key}", (measurement.step, measurement.value)

    def last_points(self) -> Iterator[tuple[str, Point]]:
        """The points of the last lines."""
        yield from self.points(b"\n")
        for measurement in self._parser.finish():
            if measurement.rank:
                continue
            yield f"{self._name}: {measurement.key}", (measurement.step, measurement.value)
