"""Limits of the capture of a source: its time, and the files that it may not contain."""

from __future__ import annotations

import os

from contexta.recorder.source.git import QUERY_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from contexta.core.processes.process import Stop


class Limits:
    """The limits of one capture."""

    def __init__(self, seconds: float = QUERY_SECONDS, stop: Optional[Stop] = None) -> None:
        """seconds: for each of about six queries. stop: another thread sets it to end the capture."""
        self.seconds = seconds
        self.stop = stop
        self.since: Optional[int] = None
        """When the program began (nanoseconds), if that was before the capture ended. The earlier content of a file
        that was written after that is unknown."""

    def is_too_new(self, path: str) -> bool:
        """Whether a file was written after the program had begun."""
        if self.since is None:
            return False
        try:
            facts = os.lstat(path)
        except OSError:  # it is deleted; its directory may know when
            try:
                return os.stat(os.path.dirname(path)).st_mtime_ns >= self.since
            except OSError:
                return True
        return max(facts.st_ctime_ns, facts.st_mtime_ns) >= self.since
