"""Pass the signals of this process on to the program that it runs.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import signal
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, Callable, Dict, List, Optional

_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_GRACE = 0.5  # seconds in which the program may end by a signal from the terminal, before the signal is passed on


class ForwardedSignals:
    """The signals that this process receives while a program runs."""

    def __init__(self) -> None:
        self.received: "List[int]" = []
        self.process: "Optional[subprocess.Popen[bytes]]" = None
        self._handlers: "Dict[int, Any]" = {}  # those before

    def catch(self, on_resize: "Callable[[], object]") -> None:
        """Handle signals until ``release``. on_resize: called when the window of the terminal has another size."""
        for name in (*_FORWARDED, "SIGWINCH"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:
                handler = (lambda *_: on_resize()) if name == "SIGWINCH" else self._receive
                self._handlers[number] = signal.signal(number, handler)

    def release(self) -> None:
        """Handle signals as before."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def _receive(self, number: int, _: object) -> None:
        self.received.append(number)
        if number in (signal.SIGINT, getattr(signal, "SIGQUIT", None)):
            if _in_foreground():
                return  # Ctrl-C: the terminal signals the program too
            later = threading.Timer(_GRACE, self._forward, (number,))
            later.daemon = True
            later.start()
        else:
            self._forward(number)

    def _forward(self, number: int) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)


def _in_foreground() -> bool:
    """Whether a terminal sends its signals to this process and to the command."""
    for descriptor in (0, 1, 2):
        try:
            if os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp():
                return True
        except OSError:
            continue  # closed, or the terminal of another session
    return False
