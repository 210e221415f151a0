"""Runs of Contexta that record the values that a program logs to trackers.

The first run of a tracker is the run of the program; every further run, as in a sweep, is a separate run. Trackers that
log in parallel share their runs, and a value that two of them log is recorded once.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import _thread
import atexit
import os
from collections import deque
from time import time_ns

from contexta.core.errors import InvalidInput
from contexta.core.validation import text
from contexta.recorder.journal.heartbeat import Beat
from contexta.recorder.mirrors import images
from contexta.recorder.mirrors.shared_points import SharedPoints
from contexta.recorder.notes import reason, storable
from contexta.recorder.parts import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Dict, Iterable, List, Mapping, Optional, Protocol, Sequence, Set, Tuple

    from contexta.core.references import StableRef
    from contexta.recorder.journal.writer import Journal

    class MirrorTarget(Protocol):
        """The part of a live run that a mirror uses."""

        ref: StableRef
        _journal: Journal
        _ended: bool
        status_of_tracker: str

        def param(self, name: str, value: Any) -> None: ...
        def tag(self, name: str, value: str = ...) -> None: ...
        def note(self, topic: str, words: str) -> None: ...
        def image(self, name: str, image: Any, *, step: Optional[int] = ...) -> Optional[str]: ...
        def table(
            self, name: str, rows: Any, *, columns: Optional[Sequence[str]] = ..., step: Optional[int] = ...
        ) -> Optional[str]: ...
        def finish(self, status: str = ...) -> None: ...
        def _head(self, key: Any) -> str: ...

    Logged = Tuple["MirroredRun", str, Mapping[Any, Any], Any, int, str]
    """(run, tracker, values, step, nanoseconds since 1970, prefix of the names)"""
    Point = Tuple[str, str, Any, Any, int]
    """(tracker, name, value, step, microseconds since 1970)"""
    RunFor = Callable[[Optional[str], bool], Tuple[MirrorTarget, bool]]

_DELAY = 0.1  # seconds that points wait in memory; a killed process loses this time
_MOST_NAMES = 20_000  # of metrics that are remembered
_MOST_NOTES = 100  # notes about values that are not numbers


class Mirror:
    """The runs of this process that trackers log to."""

    def __init__(self, run_for: RunFor) -> None:
        """run_for: takes a display name and whether this is the first run of a tracker; returns the run to record to,
        and whether it was begun for it and ends with it."""
        self._run_for = run_for
        self._runs: List[MirroredRun] = []
        self._waiting: Deque[Logged] = deque()
        self._waiting_media: Deque[Tuple[MirroredRun, images.Medium, Any]] = deque()
        self._media = self._media_bytes = 0  # that were logged
        self._lock = _thread.RLock()
        self._beat: Optional[Beat] = None
        self._is_exiting = False
        self.has_tracker = False  # whether a tracker has begun a run
        atexit.register(self._exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._pause, after_in_child=self._forget_waiting)

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        self._waiting_media.clear()

    def begin(
        self, tracker: str, label: str, name: Optional[str] = None, identities: Sequence[str] = ()
    ) -> MirroredRun:
        """The run that records the values of one run of a tracker. label, identities: as in ``MirroredRun.join``. name:
        the name that the program chose.
        """
        run = next((run for run in self._runs if run.is_open and tracker not in run.trackers), None)
        if run is None:
            run = MirroredRun(self, *self._run_for(name, not self.has_tracker))
            self._runs.append(run)
        run.join(tracker, label, identities)
        return run

    def current(self, tracker: str, label: str, identities: Sequence[str]) -> MirroredRun:
        """The run that records the values of a tracker without runs: the latest open run."""
        run = next((run for run in reversed(self._runs) if run.is_open), None)
        if run is None:
            return self.begin(tracker, label, identities=identities)
        run.join(tracker, label, identities)
        return run

    def of(self, run: MirrorTarget, framework: str) -> MirroredRun:
        """The part of a run that records what a framework reports to a callback. Trackers that begin now share it."""
        part = next((part for part in self._runs if part._run is run), None)
        if part is None:
            part = MirroredRun(self, run, is_own=False)
            self._runs.append(part)
        part.add_source(framework)
        return part

    def append(self, logged: Logged) -> None:
        """Queue logged values for the thread. This is the hot path of a training loop."""
        self._waiting.append(logged)
        if self._beat is None:
            self._start()

    def append_medium(self, run: MirroredRun, medium: images.Medium, step: Any) -> bool:
        """Queue an image or a table for the thread. Returns whether it is within the limits of a process."""
        size = images.size_of(medium[2])
        if self._media >= images.MOST or self._media_bytes + size > images.MOST_BYTES:
            return False
        self._media += 1
        self._media_bytes += size
        self._waiting_media.append((run, medium, step))
        if self._beat is None:
            self._start()
        return True

    def _start(self) -> None:
        if self._is_exiting:
            self.write_points()
        else:
            self._beat = Beat(self._write_waiting, _DELAY)

    def _pause(self) -> None:
        """Stop the thread while the process forks: Python would warn the program of a second thread."""
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.stop()
        self.write_points()

    def _exit(self) -> None:
        self._is_exiting = True
        self._pause()

    def _write_waiting(self, count: int) -> None:  # noqa: ARG002  # the thread numbers its calls
        self.write_points()

    def write_points(self) -> None:
        """Write all queued points to the journals of their runs."""
        with self._lock:
            points: Dict[MirroredRun, List[Point]] = {}
            try:
                while True:
                    run, tracker, values, step, at, prefix = self._waiting.popleft()
                    points.setdefault(run, []).extend(
                        (tracker, f"{prefix}{name}", value, step, at // 1000) for name, value in values.items()
                    )
            except IndexError:
                pass
            for run, points_of_run in points.items():
                run.write(points_of_run)
            try:
                while True:
                    run, medium, step = self._waiting_media.popleft()
                    run.write_medium(medium, step)
            except IndexError:
                pass


class MirroredRun:
    """One run, and the trackers that log to it."""

    def __init__(self, mirror: Mirror, run: MirrorTarget, is_own: bool) -> None:
        """is_own: whether the run was begun for a tracker, and ends with it."""
        self._mirror = mirror
        self._append = mirror.append
        self._run = run
        self._is_own = is_own
        self.trackers: Set[str] = set()
        """Trackers that log to the run, or did."""
        self._open: Set[str] = set()  # trackers that have not finished
        self._heads: Dict[str, str] = {}  # name of a metric -> the beginning of its records
        self._params: Dict[str, Any] = {}
        self._left_out: Set[Any] = set()  # what a note says is missing
        self._points = SharedPoints(run._journal)
        run._journal.on_close = mirror.write_points

    @property
    def reference(self) -> str:
        """The reference of the run that records the values."""
        return self._run.ref.value

    @property
    def is_open(self) -> bool:
        return not self._run._ended and (not self._is_own or bool(self._open))

    def join(self, tracker: str, label: str, identities: Sequence[str] = ()) -> None:
        """Note that a tracker begins to log to this run.

        label: the tracker's name of its run. identities: by which its files are recognised; by default the label.
        """
        self._open.add(tracker)
        self.add_source(tracker)
        self._mirror.has_tracker = True
        source = storable(f"{tracker} ({label})" if label else tracker)[:1_000]
        runs = [storable(f"{tracker} {identity}")[:1_000] for identity in identities or (label,)]
        self._run._journal.write("fact", facts={"mirrored_from": [source], "tracker_runs": runs})

    def add_source(self, source: str) -> None:
        """Note that a tracker or a callback may log to this run."""
        self.trackers.add(source)
        self._points.sources.add(source)

    def log(self, tracker: str, values: Mapping[Any, Any], step: Any, prefix: str = "") -> None:
        """Record the numbers of a mapping; a mapping inside becomes ``outer.inner``."""
        for value in values.values():
            if type(value) is not float and type(value) is not int:
                plain = self.numbers_of(tracker, values, step)
                break
        else:
            plain = dict(values)  # the program may reuse the mapping
        self._append((self, tracker, plain, step, time_ns(), prefix))

    def numbers_of(self, tracker: str, values: Mapping[Any, Any], step: Any = None) -> Dict[Any, Any]:
        """Copy the numbers, because the program may change an array or reuse the mapping. Images and tables of the
        tracker are queued."""
        plain = {}
        for name, value in numbers.flattened(values):
            number, _ = numbers.number_of(value)
            if number is not None:
                plain[name] = number
            elif self.media(tracker, images.media_of(str(name), value), step):
                continue
            elif name not in self._left_out and len(self._left_out) < _MOST_NOTES:
                self._left_out.add(name)
                kind = type(value).__name__
                self._note(f"of the values logged to {tracker}, {storable(str(name))[:200]} is not recorded: {kind}")
        return plain

    def media(self, tracker: str, media: Iterable[images.Medium], step: Any) -> bool:
        """Record images and tables. Returns whether there are any."""
        count = 0
        try:
            for medium in media:
                count += 1
                if not self._mirror.append_medium(self, medium, step) and images not in self._left_out:
                    self._left_out.add(images)
                    limit = f"{images.MOST} images and tables, or {images.MOST_BYTES >> 20} MiB of them"
                    self._note(f"of what is logged to {tracker}, only {limit} are recorded")
        except Exception:  # noqa: BLE001  # of a class of a tracker: the numbers of the call are recorded
            return False
        return count > 0

    def write_medium(self, medium: images.Medium, step: Any) -> None:
        """Store an image or a table."""
        kind, name, content, columns = medium
        try:
            step = step if type(step) is int else numbers.step_of(step)[0]
            if kind == "table":
                self._run.table(numbers.name_of(name), content, columns=columns, step=step)
            else:
                self._run.image(numbers.name_of(name), content, step=step)
        except Exception as error:  # noqa: BLE001  # of a library that draws; the training goes on
            self._note(f"the {kind} {storable(name)[:200]} is not recorded: {reason(error)}")

    def write(self, points: Iterable[Point]) -> None:
        """Write points to the journal."""
        lines = []
        for tracker, key, value, step, at in points:
            head = self._heads.get(key)
            if head is None:
                try:
                    head = self._run._head(numbers.name_of(key))
                except InvalidInput:
                    continue
                if len(self._heads) < _MOST_NAMES:
                    self._heads[key] = head
            if type(step) is not int:
                step, _ = numbers.step_of(step)
            if not self._points.is_repeated(tracker, head, step, value):
                lines.append((head, value, step, at))
        if lines:
            self._run._journal.metrics(lines)

    def has_metric(self, name: str) -> bool:
        """Whether a tracker or a callback has logged this metric."""
        self._mirror.write_points()
        return name in self._heads

    def params(self, values: Mapping[Any, Any]) -> None:
        """Record parameters that have not been recorded with these values."""
        for name, value in list(values.items()):
            name = storable(str(name))
            try:
                plain = numbers.plain(value)
                if name in self._params and self._params[name] == plain:
                    continue
                self._params[name] = plain
                self._run.param(text(name, printable=True), plain)
            except InvalidInput as error:
                self._note(f"the parameter {name[:200]!r} is not recorded: {error.what}")

    def tags(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            try:
                self._run.tag(storable(str(name)), storable(str(value)))
            except InvalidInput as error:
                self._note(f"the tag {storable(str(name))[:200]!r} is not recorded: {error.what}")

    def summary(self, tracker: str, values: Mapping[str, Any]) -> None:
        """Record results without a step: as a metric, or as the parameter ``summary.<name>`` if the metric has steps or
        the value is not a number."""
        self._mirror.write_points()
        for name, value in numbers.flattened(dict(values)):
            if name not in self._heads and numbers.number_of(value)[0] is not None:
                self.log(tracker, {name: value}, None)
            else:
                self.params({f"summary.{name}": value})

    def finish(self, tracker: str, status: str = "completed") -> None:
        """Note that a tracker ends its run. A run that was begun for trackers ends with the last one."""
        self._open.discard(tracker)
        self._mirror.write_points()
        if self._run._ended:
            return
        if not self._is_own:
            self._run.status_of_tracker = status
        elif not self._open:
            self._run.finish(status)

    def _note(self, words: str) -> None:
        if not self._run._ended:
            self._run.note("mirror", words[:10_000])
