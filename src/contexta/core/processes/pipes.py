"""Read and write the pipes of a child process: its output up to a limit, and its input.

On POSIX one thread reads and writes all of them: Python 3.12.0 and 3.12.1 start no thread while a program ends.
On Windows pipes cannot be polled, so each has its own thread. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen
    from threading import Thread
    from typing import IO, Any, Callable, Dict, List, Optional, Union

_CHUNK = 64 * 1024


class Output:
    """The beginning and the end of one output. The middle is read and dropped, so that the program never waits."""

    def __init__(self, pipe: Any, limit: int, receive: Optional[Callable[[bytes], None]] = None) -> None:
        """limit: bytes kept, half of them from the beginning. receive: gets all bytes as they arrive."""
        self.pipe = pipe
        self._receive = receive
        self.is_done = False
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    @property
    def truncated(self) -> bool:
        return self._dropped > 0

    def content(self) -> bytes:
        self._cut()
        between = b"\n[... %d bytes left out ...]\n" % self._dropped if self._dropped else b""
        return bytes(self._head) + between + bytes(self._tail)

    def read(self) -> None:
        """Read what the pipe holds; wait when it holds nothing. Sets ``is_done`` at its end."""
        try:
            chunk = os.read(self.pipe.fileno(), _CHUNK)
        except (OSError, ValueError):
            chunk = b""  # the pipe was closed after the program was terminated
        if not chunk:
            self.is_done = True
            return
        if self._receive is not None:
            self._receive(chunk)
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._half + _CHUNK:  # not at every chunk
            self._cut()

    def read_all(self) -> None:
        while not self.is_done:
            self.read()

    def _cut(self) -> None:
        over = len(self._tail) - self._half
        if over > 0:
            del self._tail[:over]
            self._dropped += over


def connect(
    process: Popen[bytes],
    data: Optional[bytes],
    limit: int,
    on_output: Optional[Callable[[int, bytes], None]] = None,
) -> Union[Polled, Threaded]:
    """Begin to read the output of a program and to write its input. data: None when its stdin is not a pipe.

    on_output: see ``process.run``.
    """
    from functools import partial

    outputs = [
        Output(pipe, limit, None if on_output is None else partial(on_output, number))
        for number, pipe in enumerate((process.stdout, process.stderr))
    ]
    return Threaded(outputs, process.stdin, data) if os.name == "nt" else Polled(outputs, process.stdin, data)


class Polled:
    """The pipes, polled by the thread that calls."""

    def __init__(self, outputs: List[Output], stdin: Optional[IO[bytes]], data: Optional[bytes]) -> None:
        from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

        self.outputs = outputs
        self._stdin = stdin
        self._rest = memoryview(data or b"")
        self._selector = DefaultSelector()
        for output in outputs:
            self._selector.register(output.pipe, EVENT_READ, output)
        if stdin is not None:
            os.set_blocking(stdin.fileno(), False)
            self._selector.register(stdin, EVENT_WRITE)

    def attend(self, seconds: float) -> bool:
        """Read and write ready pipes; wait at most that long. Returns whether any was ready."""
        from time import sleep

        if not self._selector.get_map():
            sleep(seconds)
            return False
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if isinstance(key.data, Output):
                key.data.read()
                if key.data.is_done:
                    self._selector.unregister(key.fileobj)
            else:
                self._feed()
        return bool(ready)

    def drain(self, seconds: float) -> None:
        """Read until both outputs have ended, at most that long."""
        from time import monotonic

        deadline = monotonic() + seconds
        while not all(output.is_done for output in self.outputs):
            left = deadline - monotonic()
            if left <= 0:
                return
            self.attend(left)

    def close(self) -> None:
        self._selector.close()
        for pipe in (*(output.pipe for output in self.outputs), self._stdin):
            if pipe is not None:
                _close(pipe)

    def _feed(self) -> None:
        assert self._stdin is not None  # else it is not registered
        try:
            self._rest = self._rest[os.write(self._stdin.fileno(), self._rest) :]
        except BlockingIOError:
            return
        except OSError:
            self._rest = self._rest[:0]  # the program ended or closed its stdin without reading all of it
        if not self._rest:
            self._selector.unregister(self._stdin)
            _close(self._stdin)
            self._stdin = None


class Threaded:
    """The pipes, each with its own thread."""

    def __init__(self, outputs: List[Output], stdin: Optional[IO[bytes]], data: Optional[bytes]) -> None:
        self.outputs = outputs
        self._threads: Dict[int, Thread] = {number: _thread(output.read_all) for number, output in enumerate(outputs)}
        self._feeder = _thread(lambda: _feed(stdin, data or b"")) if stdin is not None else None

    def attend(self, seconds: float) -> bool:
        """Wait at most that long; wake up at the end of stdout."""
        from time import sleep

        if self._threads[0].is_alive():
            self._threads[0].join(seconds)
        else:
            sleep(seconds)
        return False

    def drain(self, seconds: float) -> None:
        """Read until both outputs have ended, at most that long."""
        from time import monotonic

        deadline = monotonic() + seconds
        for thread in self._threads.values():
            thread.join(max(0.0, deadline - monotonic()))

    def close(self) -> None:
        for output in self.outputs:
            if output.is_done:  # else a process that escaped holds the other end, and closing would wait for the reader
                _close(output.pipe)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        pass  # the program has ended: nothing remains to be written


def _thread(work: Any) -> Thread:
    from threading import Thread

    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def _feed(pipe: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(pipe.fileno(), rest) :]
    except OSError:
        pass  # the program ended or closed its stdin without reading all of it
    _close(pipe)
