"""The journal: what a live run says, one JSON line per record, one ``write`` per line, one file per process.

A record that ``write`` returned for survives the death of the process; ``flush`` makes it survive the machine's.
Nobody shares a file, so there are no locks between processes. Lines carry ``s`` (a running number), ``t`` (the type)
and ``at`` (microseconds since 1970 UTC, never going back); the other keys depend on the type:

====================  =====================================================================================
``run``               first line: run, project, name, project_name, pid ...
``environment``       name, digest (the body is that object)
``stage``             stage, name, order
``stage-end``         stage, status
``metric``            k (key), x (value), optionally i (step), g (stage)
``param``             k, x (any JSON value)
``tag``               k, x (text)
``note``              topic, text
``end``               status, optionally failure {type, message}; nothing follows
====================  =====================================================================================

Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from typing import Any, Dict, Optional

SUFFIX = ".jsonl"


class Journal:
    """One process's open journal file. Every method is thread safe.

    A disk that fails does not raise: the first failure is told on stderr, and ``lost`` counts the records that could
    not be written.
    """

    def __init__(self, path: str) -> None:
        """Create the file. Raises FileExistsError when the name is taken, OSError when it cannot be created."""
        self.path = path
        self.lost = 0
        self._number = 0
        self._last = 0
        self._lock = threading.Lock()
        self._keys: Dict[str, str] = {}
        flags = (
            os.O_WRONLY
            | os.O_CREAT
            | os.O_EXCL
            | os.O_APPEND
            | getattr(os, "O_CLOEXEC", 0)
            | getattr(os, "O_BINARY", 0)
        )
        self._handle: Optional[int] = os.open(path, flags, 0o644)

    def write(self, type_: str, **fields: Any) -> None:
        """Append one record. ``fields`` are JSON values."""
        self._append(type_, json.dumps(fields, separators=(",", ":"))[1:-1])

    def metric(self, key: str, value: float, step: Optional[int], stage: Optional[str]) -> None:
        """Append one measurement; the hot path, hence formatted by hand."""
        known = self._keys.get(key)
        if known is None:
            known = self._keys[key] = json.dumps(key)
        number = repr(value) if type(value) is int or math.isfinite(value) else _NOT_FINITE[repr(value)]
        tail = f'"k":{known},"x":{number}'
        if step is not None:
            tail += f',"i":{step}'
        if stage is not None:
            tail += f',"g":"{stage}"'
        self._append("metric", tail)

    def flush(self) -> None:
        """Bring everything written to the disk."""
        with self._lock:
            if self._handle is not None:
                try:
                    os.fsync(self._handle)
                except OSError as error:
                    self._fail(error)

    def close(self) -> None:
        """Flush and release the file; later records are counted as lost."""
        self.flush()
        with self._lock:
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None

    def _append(self, type_: str, tail: str) -> None:
        with self._lock:
            self._last = at = max(self._last, time.time_ns() // 1000)
            line = f'{{"s":{self._number},"t":"{type_}","at":{at}{"," if tail else ""}{tail}}}\n'.encode("ascii")
            self._number += 1
            try:
                if self._handle is None:
                    raise OSError("the journal is closed")
                written = os.write(self._handle, line)
                while written < len(line):  # a disk that is nearly full takes a part
                    written += os.write(self._handle, line[written:])
            except OSError as error:
                self.lost += 1
                self._fail(error)

    def _fail(self, error: OSError) -> None:
        """Say once that records are being lost; training goes on."""
        if self.lost <= 1:
            print(f"contexta: the journal {self.path} cannot be written: {error}; training goes on", file=sys.stderr)  # noqa: T201  # the one place inside a training process where there is nobody else to tell


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
