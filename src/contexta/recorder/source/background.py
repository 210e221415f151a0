"""Read the source of a run while its program already runs.

A repository with ten thousands of untracked files, or with a slow filter, takes git seconds to read. The program does
not wait for that. What it writes meanwhile is no part of the source it started from.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import _thread
import os
import time
import weakref

from contexta.recorder.journal.writer import SUFFIX
from contexta.recorder.notes import note, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    from contexta.recorder.journal.writer import Journal
    from contexta.recorder.source.limits import Limits

    Told = Tuple[Dict[str, Any], List[Dict[str, str]]]

EARLY = 0.25  # seconds the program waits for git; most repositories take a tenth of that
_SECONDS = 60.0  # for each question to git once the program runs
_GRACE = 1.0  # seconds that a reading may still take after it was told to stop


class _Flag:
    """Says that a reading is to end. An ``Event`` would have the program import ``threading`` for it."""

    is_raised = False

    def is_set(self) -> bool:
        return self.is_raised


class SourceReading:
    """The source being read by a thread of its own, which Python's ``threading`` does not list."""

    def __init__(self, journal: Journal, read: Callable[[Limits], Told]) -> None:
        """read: called with the limits that it observes."""
        from contexta.recorder.source.limits import Limits

        self._journal = journal
        self._told: Optional[Told] = None
        self._stop = _Flag()
        self._limits = Limits(_SECONDS, stop=self._stop)
        self._lock = _thread.allocate_lock()
        self._done = _thread.allocate_lock()
        self._done.acquire()
        try:
            _thread.start_new_thread(self._run, (read,))
        except RuntimeError:  # the system gives no more threads, or the program ends (Python 3.12.0 and 3.12.1)
            self._run(read)

    def early(self) -> Optional[Told]:
        """What was read, if it was within EARLY seconds. Else None: the program begins, and the journal takes what was
        read when it is there."""
        self._wait(EARLY)
        with self._lock:
            if self._told is None:
                self._limits.since = _moment(self._journal)
                _before_forks(self)
            return self._told

    def finish(self, seconds: float) -> None:
        """Wait for the end of the reading no longer than that; then have it end with what it knows."""
        if not self._wait(seconds):
            self._stop.is_raised = True
            self._wait(_GRACE)

    def _run(self, read: Callable[[Limits], Told]) -> None:
        try:
            told = read(self._limits)
        except Exception as error:  # noqa: BLE001  # a disk that is full, say: the program goes on and the run says so
            told = {}, [note("source", f"could not be captured: {reason(error)}")]
        with self._lock:
            self._told = told
            is_late = self._limits.since is not None
        if is_late:
            if told[0]:
                self._journal.write("fact", facts={"source": told[0]})
            for each in told[1]:
                self._journal.write("note", **each)
        self._done.release()

    def _wait(self, seconds: float) -> bool:
        is_done = self._done.acquire(timeout=seconds)
        if is_done:
            self._done.release()
        return is_done


def _moment(journal: Journal) -> int:
    """Now, in nanoseconds, by the clock of the file system that the journal is on: files are compared with it."""
    path = os.path.join(journal.folder, journal.run + SUFFIX)
    try:
        os.utime(path)
        return os.stat(path).st_mtime_ns
    except OSError:
        return time.time_ns()


def _before_forks(reading: SourceReading) -> None:
    """Have the process wait before it forks: Python 3.12 and newer warn a program that forks with threads."""
    known = weakref.ref(reading)

    def wait() -> None:
        alive = known()
        if alive is not None:
            alive.finish(_SECONDS)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=wait)
