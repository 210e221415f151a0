"""Capture the source of a run in the background, while its program runs.

Git needs seconds for a repository with ten thousands of untracked files or with a slow filter. The program does not
wait for that. Files that it writes meanwhile are not part of its source.

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

    Captured = Tuple[Dict[str, Any], List[Dict[str, str]]]  # facts and notes

EARLY = 0.25  # seconds that the program waits for git; most repositories take a tenth of that
_SECONDS = 60.0  # for each query once the program runs
_GRACE = 1.0  # seconds that a capture may take after it was stopped


class _Flag:
    """A flag that stops a capture. ``threading.Event`` would make the program import ``threading``."""

    is_raised = False

    def is_set(self) -> bool:
        return self.is_raised


class SourceReading:
    """The capture, in a thread that Python's ``threading`` does not list."""

    def __init__(self, journal: Journal, read: Callable[[Limits], Captured]) -> None:
        """read: is called with its limits."""
        from contexta.recorder.source.limits import Limits

        self._journal = journal
        self._captured: Optional[Captured] = None
        self._stop = _Flag()
        self._limits = Limits(_SECONDS, stop=self._stop)
        self._lock = _thread.allocate_lock()
        self._done = _thread.allocate_lock()
        self._done.acquire()
        try:
            _thread.start_new_thread(self._run, (read,))
        except RuntimeError:  # the system gives no more threads, or the program ends (Python 3.12.0 and 3.12.1)
            self._run(read)

    def early(self) -> Optional[Captured]:
        """Facts and notes, if the capture takes less than EARLY seconds.

        Otherwise None: the program begins, and the thread writes facts and notes to the journal later.
        """
        self._wait(EARLY)
        with self._lock:
            if self._captured is None:
                self._limits.since = _moment(self._journal)
                _before_forks(self)
            return self._captured

    def finish(self, seconds: float) -> None:
        """Wait for the capture, but no longer than ``seconds``. Then stop it; its results so far stay."""
        if not self._wait(seconds):
            self._stop.is_raised = True
            self._wait(_GRACE)

    def _run(self, read: Callable[[Limits], Captured]) -> None:
        try:
            facts, notes = read(self._limits)
        except Exception as error:  # noqa: BLE001  # such as a full disk: the program continues, and the run has a note
            facts, notes = {}, [note("source", f"could not be captured: {reason(error)}")]
        with self._lock:
            self._captured = facts, notes
            is_late = self._limits.since is not None
        if is_late:
            if facts:
                self._journal.write("fact", facts={"source": facts})
            for entry in notes:
                self._journal.write("note", **entry)
        self._done.release()

    def _wait(self, seconds: float) -> bool:
        is_done = self._done.acquire(timeout=seconds)
        if is_done:
            self._done.release()
        return is_done


def _moment(journal: Journal) -> int:
    """The current time in nanoseconds, by the clock of the journal's file system, as the times of files are."""
    path = os.path.join(journal.folder, journal.run + SUFFIX)
    try:
        os.utime(path)
        return os.stat(path).st_mtime_ns
    except OSError:
        return time.time_ns()


def _before_forks(reading: SourceReading) -> None:
    """Make the process wait before it forks. Python 3.12 and newer warn about forks with threads."""
    reference = weakref.ref(reading)

    def wait() -> None:
        reading = reference()
        if reading is not None:
            reading.finish(_SECONDS)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=wait)
