"""Write the end of a program's output to a file while the program runs, so that a page can show it.

The file belongs to one stream of one run. Its text is redacted, and it is removed when the output is stored; a killed
recorder leaves it. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import re
import threading
import time

from contexta.core.files import atomic_files
from contexta.recorder.journal.writer import OUTPUT_SUFFIX
from contexta.recorder.notes import reason
from contexta.recorder.redaction import cutting, redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional, Sequence

    from contexta.recorder.session.run import LiveRun
    from contexta.recorder.wrapping.output import Stream

_PAUSE = 1.0  # seconds between two writes
_SHARE = 0.05  # of one processor that redacting may take
_LINE_END = re.compile(r"[\r\n]")


class RecentOutput:
    """The files of the streams of one command."""

    def __init__(self, run: LiveRun) -> None:
        self._run = run
        self._streams: Sequence[Stream] = ()
        self._written: Dict[str, int] = {}  # stream -> its size when it was written
        self._stop = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def start(self, streams: Sequence[Stream]) -> None:
        self._streams = streams
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Remove the files: the whole output is stored now."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_PAUSE * 2)
        for stream in self._written:
            try:
                os.unlink(self._path(stream))
            except OSError:
                pass  # only ``gc`` can remove it

    def _follow(self) -> None:
        pause = _PAUSE
        while not self._stop.wait(pause):
            began = time.thread_time()
            try:
                for stream in self._streams:
                    self._write(stream)
            except Exception as error:  # noqa: BLE001  # a fault of the recorder may not stop the program
                self._run.note("log", f"the output could not be shown while the command ran: {reason(error)}")
                return
            pause = max(_PAUSE, (time.thread_time() - began) / _SHARE)

    def _write(self, stream: Stream) -> None:
        size, recent = stream.log.size, stream.recent
        if self._written.get(stream.name, 0) == size:
            return
        self._written[stream.name] = size
        text = recent_text(recent, self._run._salt, is_cut=size > len(recent))
        atomic_files.write(self._path(stream.name), text.encode("utf-8", "backslashreplace"))

    def _path(self, stream: str) -> str:
        return os.path.join(self._run._journal.folder, f".{self._run.ref.value}.{stream}{OUTPUT_SUFFIX}")


def recent_text(data: bytes, salt: bytes, *, is_cut: bool) -> str:
    """The complete lines of the end of a stream, without secrets.

    is_cut: whether the stream began before. Then the first half only shows the redaction what the second half means.
    """
    text = data.decode("utf-8", "backslashreplace")
    if is_cut:
        text = cutting.ending(text, len(text) - 1)
    text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    text, _ = cutting.with_short_lines(cutting.beginning(f"{text} ", len(text)))
    text = redact.inside(text, salt)
    if is_cut:
        line_end = _LINE_END.search(text, len(text) // 2)
        text = text[line_end.end() :] if line_end else ""
    return text


__all__ = ["RecentOutput", "recent_text"]
