"""A thread that calls a function every few seconds: a journal is brought to the disk, and shows that its process lives.

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

BEAT = 5.0  # seconds between two fsyncs; each also tells readers on other machines that the process lives


class Beat:
    """The thread that beats. Not one of ``threading``'s: a program that lists its threads does not see it, nothing
    waits for it at exit, and it takes no signals."""

    def __init__(self, beat: "Callable[[int], None]") -> None:
        """beat: a method, called with the number of this beat, from 1 on. The thread ends with the method's object."""
        self._stop = _thread.allocate_lock()
        self._done = _thread.allocate_lock()
        self._stop.acquire()
        self._done.acquire()
        self._task = ""
        try:
            _thread.start_new_thread(self._run, (weakref.WeakMethod(beat),))
        except RuntimeError:  # the system gives no more threads: then only records tell that the process lives
            self._done.release()

    def _run(self, reference: "weakref.WeakMethod[Any]") -> None:
        import signal

        if sys.platform == "linux":
            self._task = f"/proc/self/task/{_thread.get_native_id()}"
        try:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            count = 0
            while not self._stop.acquire(timeout=BEAT):
                beat = reference()
                if beat is None:
                    return
                count += 1
                beat(count)
                del beat
        finally:
            self._done.release()

    def stop(self) -> None:
        """Returns when the thread has ended, or is stuck on a slow disk for half a second."""
        self._stop.release()
        if self._done.acquire(timeout=0.5) and self._task:
            # The thread has said its last word, but the system may count it for some microseconds more, and Python
            # warns a program that forks while there is another thread.
            give_up = monotonic() + 0.1
            while os.path.exists(self._task) and monotonic() < give_up:
                sleep(0.0001)
