"""Capture the output of a program: pass it on unchanged and at once, and store it up to a limit.

Standard library only.
"""

from __future__ import annotations

import os
import stat
import threading
from collections import deque

from contexta.recorder.redaction import cutting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Deque, List, Optional

    from contexta.recorder.wrapping.printed_metrics import OutputSearch

KEPT = 8 * 1024 * 1024  # bytes kept of each stream: half from its beginning, half from its end
RECENT = 64 * 1024  # bytes of the end of each stream that can be shown while the program runs
_CHUNK = 64 * 1024


class BoundedLog:
    """The beginning and the end of a stream."""

    def __init__(self, limit: int = KEPT) -> None:
        self.size = 0
        self._half = limit // 2
        self._head = bytearray()
        self._tail: Deque[bytes] = deque()
        self._tail_size = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        room = self._half - len(self._head)
        self._head += data[:room]
        if data[room:]:
            self._tail.append(data[room:])
            self._tail_size += len(data) - room
            while self._tail_size - len(self._tail[0]) >= self._half:
                self._tail_size -= len(self._tail.popleft())

    def content(self) -> bytes:
        """The kept output; a line in between says how much is left out."""
        head, tail = bytes(self._head), b"".join(self._tail)[-self._half :]
        if self.size <= len(head) + len(tail):
            return head + tail
        head, tail = _without_last_word(head), _without_first_word(tail)
        return head + b"\n[contexta: %d bytes left out]\n" % (self.size - len(head) - len(tail)) + tail


def _without_last_word(data: bytes) -> bytes:
    """The data without the word or key block that a cut at its end split: half a secret is not recognised."""
    text = data.decode("utf-8", "surrogateescape")
    return cutting.beginning(text, len(text) - 1).encode("utf-8", "surrogateescape")


def _without_first_word(data: bytes) -> bytes:
    """The data without the word or key block that a cut at its beginning split."""
    text = data.decode("utf-8", "surrogateescape")
    return cutting.ending(text, len(text) - 1).encode("utf-8", "surrogateescape")


class Stream:
    """One output of the program, passed on to one of this process."""

    def __init__(self, name: str, target: int, *, terminal: bool, search: Optional[OutputSearch]) -> None:
        """target: descriptor of this process. terminal: whether the program gets a terminal. search: for metrics."""
        self.name = name
        self.log = BoundedLog()
        self.recent = b""  # the end of the stream so far: immutable, so another thread may read it
        self._target = target
        self._search = search
        if terminal:
            self._source, self.end = _pty(target)
        else:
            self._source, self.end = os.pipe()
        self._terminal = terminal
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def start(self) -> None:
        """Start to pass on output, once the program has its end of the pipe."""
        os.close(self.end)
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Wait for the rest of the output, at most that long: other processes may outlive the program."""
        self._thread.join(seconds)
        if self._search is not None and not self._thread.is_alive():
            self._search.finish()

    def resize(self) -> None:
        """Pass on the new size of the terminal's window."""
        if self._terminal:
            _copy_size(self._target, self._source)

    def _pass_on(self) -> None:
        try:
            while True:
                data = os.read(self._source, _CHUNK)
                if not data:
                    return
                self.recent = (self.recent + data)[-RECENT:]
                self.log.add(data)
                left = memoryview(data)
                while left:
                    left = left[os.write(self._target, left) :]
                if self._search is not None:
                    self._search.take(data)
        except OSError:
            pass  # a terminal whose other end is closed, or nothing reads the output any more
        finally:
            os.close(self._source)  # the program gets the same error as without this process


def open_streams(search: Callable[[str], Optional[OutputSearch]]) -> List[Stream]:
    """The program's stdout and stderr; one stream where both are terminals or one file (``> log 2>&1``), which keeps
    their order and their lines whole.

    search: the search for metrics in the stream of a name.
    """
    out, err = (hasattr(os, "openpty") and os.isatty(target) for target in (1, 2))
    if (out and err) or (not out and not err and _are_one_file(1, 2)):
        return [Stream("output", 1, terminal=out, search=search("output"))]
    return [
        Stream("stdout", 1, terminal=out, search=search("stdout")),
        Stream("stderr", 2, terminal=err, search=search("stderr")),
    ]


def _are_one_file(first: int, second: int) -> bool:
    """Whether two descriptors lead to one file, pipe or socket. Output to /dev/null has no order to keep."""
    try:
        left, right = os.fstat(first), os.fstat(second)
    except OSError:
        return False  # one of them is closed
    same = (left.st_dev, left.st_ino) == (right.st_dev, right.st_ino)
    return same and left.st_ino != 0 and not stat.S_ISCHR(left.st_mode)  # on Windows every pipe has the number 0


def _pty(target: int) -> tuple[int, int]:
    """(master, slave) of a terminal like the one at ``target``, which itself translates the newlines."""
    import termios

    master, slave = os.openpty()
    attributes = termios.tcgetattr(target)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    _copy_size(target, slave)
    return master, slave


def _copy_size(source: int, target: int) -> None:
    import fcntl
    import termios

    size = fcntl.ioctl(source, termios.TIOCGWINSZ, b"\0" * 8)
    fcntl.ioctl(target, termios.TIOCSWINSZ, size)
