"""Call a method every few seconds in a thread. It flushes a journal and shows that its process lives.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import _thread
import os
import sys
import weakref
from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

BEAT = 5.0  # seconds between two fsyncs; each also shows readers on other machines that the process lives


class Beat:
    """The thread. It is not a ``threading.Thread``: a program that lists its threads does not see it, the exit does not
    wait for it, and it handles no signals."""

    def __init__(self, beat: "Callable[[int], None]", every: float = BEAT) -> None:
        """beat: a method, called with the number of this beat, from 1 on. The thread ends with the method's object.
        every: seconds."""
        self._every = every
        self._stop = _thread.allocate_lock()
        self._done = _thread.allocate_lock()
        self._stop.acquire()
        self._done.acquire()
        self._task = ""
        try:
            _thread.start_new_thread(self._run, (weakref.WeakMethod(beat),))
        except RuntimeError:  # no more threads: only records show that the process lives
            self._done.release()

    def _run(self, reference: "weakref.WeakMethod[Any]") -> None:
        import signal

        if sys.platform == "linux":
            self._task = f"/proc/self/task/{_thread.get_native_id()}"
        try:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            count = 0
            while not self._stop.acquire(timeout=self._every):
                beat = reference()
                if beat is None:
                    return
                count += 1
                beat(count)
                del beat
        finally:
            self._done.release()

    def stop(self) -> None:
        """Return when the thread has ended, or has been stuck on a slow disk for half a second."""
        self._stop.release()
        if self._done.acquire(timeout=0.5) and self._task:
            # The thread is done, but the system may list it for some microseconds more, and Python warns a program that
            # forks while there is another thread.
            deadline = monotonic() + 0.1
            while os.path.exists(self._task) and monotonic() < deadline:
                sleep(0.0001)
