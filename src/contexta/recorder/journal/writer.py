"""Write the journal of one process of a run: one JSON line per record, with one ``write`` call each.

A record survives the death of the process once ``write`` has returned, and the death of the machine once ``flush`` has
returned. A forked child never writes to the file of its parent. The package describes the format.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import _thread
import atexit
import json
import os
import sys
from time import time_ns

from contexta.core.files.atomic_files import sync_directory
from contexta.recorder.journal import forks, reserved_space
from contexta.recorder.journal.decoding import name_of
from contexta.recorder.journal.heartbeat import Beat
from contexta.recorder.journal.processes import is_worker, session
from contexta.recorder.notes import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Sequence, Tuple

SUFFIX = ".jsonl"
OUTPUT_SUFFIX = ".output"  # of the latest output of a live run; the name of the file begins with a dot
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_NONE = -1  # no descriptor: os.write() refuses it, so the fast path needs no test


class Journal:
    """The journal of one process of one run. Every method is thread safe, also for signal handlers.

    A disk that fails does not raise. One warning goes to stderr, lost records are counted, and a ``lost`` record says
    so as soon as the file can be written again. Reserved space makes that possible at the end at the latest.
    """

    def __init__(self, folder: str, run: str, *, first: bool, rank: Optional[int] = None, beats: bool = True) -> None:
        """folder: the directory of the journals. run: ``project.run``. first: create the run's first file, now; else
        this is another process of the run, and its first record creates the file. beats: whether a thread shows that
        the process lives.

        Raises FileExistsError when the reference is taken, OSError when the first file cannot be created.
        """
        self.folder = os.path.abspath(folder)
        self.run = run
        self.first = first
        self.rank = rank
        self.lost = 0
        self.path = ""  # of the file, once it exists
        self.on_close: Optional[Callable[[], None]] = None  # called while records are still accepted
        self.is_repeated: Optional[Callable[[str, float, Optional[int]], bool]] = None  # another source logged a point
        self._beats = beats
        self._is_void = False  # whether nothing is recorded, and the user knows
        self._session = session() if first else None  # of the process that began the run; None in others
        self._begin()
        if first:
            self._open(os.path.join(self.folder, run + SUFFIX))
        forks.notify(self)

    def _begin(self) -> None:
        """Set the state of a new journal; also in the child of a fork."""
        self._lock = _thread.RLock()
        self._handle = _NONE  # the descriptor of the fast path
        self._file: Optional[int] = None  # the open file, also while it fails
        self._closed = False
        self._torn = False  # whether the last write was cut short: the next one starts on a new line
        self._warned = False
        self._is_entry_durable = False  # whether the directory entry of the file is on the disk
        self._missing: Dict[str, Tuple[int, str]] = {}  # reason -> (count, the first one): not recorded yet
        self._late: Optional[Journal] = None  # records what was lost after the end
        self._token, self._turn = os.urandom(4).hex(), 1  # the names of the files of a process have an order
        self._number = 0 if self.first else 1  # 0 is the join record, written when the file is created
        self._last = 0
        self._beating: Optional[Beat] = None
        self.on_beat: Optional[Callable[[], None]] = None  # the heartbeat calls it

    # ------------------------------------------------------------------------------------------ writing

    def write(self, type_: str, **fields: Any) -> None:
        """Append one record. ``fields`` are JSON values."""
        tail = json.dumps(fields, separators=(",", ":"))[1:-1]
        with self._lock:
            self._append(self._line(type_, tail))

    def write_first(self, type_: str, **fields: Any) -> None:
        """Write the first record of a run. Raises OSError when that is impossible; then its file is gone."""
        tail = json.dumps(fields, separators=(",", ":"))[1:-1]
        try:
            with self._lock:
                self._write_all(self._line(type_, tail))
        except OSError:
            self.withdraw()
            raise

    def metric(self, head: str, value: float, step: Optional[int]) -> None:
        """Append one measurement. head: of ``metric_head``. This is the hot path, so the record is a plain f-string."""
        if self.is_repeated is not None and self.is_repeated(head, value, step):
            return
        number = repr(value) if value - value == 0 else _NOT_FINITE[repr(value)]
        with self._lock:
            at = time_ns() // 1000
            if at < self._last:
                at = self._last
            self._last = at
            serial = self._number
            self._number = serial + 1
            if step is None:
                line = f'{{"s":{serial},"t":"metric","at":{at}{head}{number}}}\n'.encode()
            else:
                line = f'{{"s":{serial},"t":"metric","at":{at}{head}{number},"i":{step}}}\n'.encode()
            try:
                if os.write(self._handle, line) == len(line):
                    return
                self._torn = True
            except OSError:
                pass
            self._append_slowly(line)

    def metrics(self, points: Sequence[Tuple[str, float, Optional[int], int]]) -> None:
        """Append measurements by one write. points: (head, value, step, microseconds since 1970)."""
        with self._lock:
            lines = []
            for head, value, step, at in points:
                self._last = max(self._last, at)
                number = repr(value) if value - value == 0 else _NOT_FINITE[repr(value)]
                end = "" if step is None else f',"i":{step}'
                lines.append(f'{{"s":{self._number},"t":"metric","at":{self._last}{head}{number}{end}}}\n'.encode())
                self._number += 1
            data = b"".join(lines)
            try:
                written = os.write(self._handle, data)
            except OSError:
                written = 0
            if written == len(data):
                return
            complete = data[:written].count(b"\n")
            self._torn = self._torn or written > sum(map(len, lines[:complete]))
            for line in lines[complete:]:
                self._append_slowly(line)

    def metric_head(
        self, key: str, stage: Optional[str], *, is_printed: bool = False, rank: Optional[int] = None
    ) -> str:
        """The part of a record that all measurements of a metric share. is_printed: read from the output, of a rank."""
        head = f',"k":{json.dumps(key)}'
        if stage is not None:
            head += f',"g":"{stage}"'
        if rank or self.rank:
            head += f',"r":{rank or self.rank}'
        if is_printed:
            head += ',"o":"output"'
        return head + ',"x":'

    def _line(self, type_: str, tail: str) -> bytes:
        self._last = at = max(self._last, time_ns() // 1000)
        line = f'{{"s":{self._number},"t":"{type_}","at":{at}{"," if tail else ""}{tail}}}\n'
        self._number += 1
        return line.encode("ascii")

    def _append(self, line: bytes) -> None:
        try:
            if os.write(self._handle, line) == len(line):
                return
            self._torn = True
        except OSError:
            pass
        self._append_slowly(line)

    def _append_slowly(self, line: bytes) -> None:
        """Write the first record of a process, or one that the disk refused or took only in part."""
        if self._closed:
            self.lose("recorded after the end of the run", name_of(line))
            return
        try:
            if self._file is None:
                self._join()
            self._write_all(line)
        except OSError as error:
            self._handle = _NONE
            self.lose(error.strerror.lower() if error.strerror else reason(error), name_of(line))
            self._warn(f"cannot be written: {reason(error)}")
            return
        self._handle = self._file if self._file is not None else _NONE
        try:
            self._write_losses()
        except OSError:
            self._handle = _NONE  # the next record tries again

    def lose(self, why: str, record: str, *, now: bool = True) -> None:
        """Count a record that is not written.

        what: its type and name. now: where the journal has ended, record the loss at once; else when the process ends.
        """
        if self._is_void:
            return
        with self._lock:
            self.lost += 1
            count, first = self._missing.get(why, (0, record))
            self._missing[why] = (count + 1, first)
            if self._closed and now and self._late is None:
                self._warn("has ended: later records are lost")
                self._record_late_losses()

    def _write_losses(self) -> None:
        """Write how many records were lost, and why. Raises OSError; then a later call writes it."""
        for why, (count, first) in list(self._missing.items()):
            tail = json.dumps({"count": count, "why": why, "first": first}, separators=(",", ":"))[1:-1]
            self._write_all(self._line("lost", tail))
            del self._missing[why]

    def _record_late_losses(self) -> None:
        """Record losses after the end in another file: the first one at once, the others when the process ends."""
        self._late = late = self.for_another_file(beats=False)
        late._missing = self._missing
        try:
            late._join()
            late._write_losses()
        except OSError:
            pass  # tried again at the end
        atexit.register(late.close)

    def for_another_file(self, *, beats: bool = True) -> Journal:
        """A journal of this process for another file of the same run."""
        journal = Journal(self.folder, self.run, first=False, rank=self.rank, beats=beats)
        journal._token, journal._turn = self._token, self._turn + 1
        if self._is_void:
            journal.give_up()
        return journal

    def _write_all(self, line: bytes) -> None:
        assert self._file is not None  # the caller has opened it
        data = b"\n" + line if self._torn else line
        written = 0
        while written < len(data):  # a disk that is nearly full writes a part
            self._torn = self._torn or written > 0
            written += os.write(self._file, data[written:])
        self._torn = False

    # ------------------------------------------------------------------------------------------ the file

    def _open(self, path: str) -> None:
        self._file = self._handle = os.open(path, _FLAGS, 0o644)
        self.path = path
        self._beating = Beat(self.beat) if self._beats else None

    def _join(self) -> None:
        """Create the file of another process of the run, with its join record."""
        from contexta.recorder.journal.processes import identity

        turn = f"{self._turn:06}" if self._turn > 1 else ""
        name = f"{self.run}.{os.getpid()}-{self._token}{turn}{SUFFIX}"
        process: Dict[str, Any] = {**identity(), "rank": self.rank}
        if self.is_heir():
            process["heir"] = True
        at = max(self._last, time_ns() // 1000)
        tail = json.dumps({"run": self.run, **process}, separators=(",", ":"))[1:-1]
        line = f'{{"s":0,"t":"join","at":{at},{tail}}}\n'.encode("ascii")
        path = os.path.join(self.folder, name)
        self._open(path)
        forks.close_at_exit_of_child(self.close)
        try:
            self._write_all(line)
        except OSError:
            self._release()
            os.unlink(path)  # a file without its first record means nothing
            raise

    def is_heir(self) -> bool:
        """Whether this process is a daemon that continues the process that began the run: a fork of it, in another
        session. It ends the run; a worker does not."""
        return self._session is not None and not self.first and self._session != session() and not is_worker()

    def flush(self) -> None:
        """Flush all records to the disk."""
        with self._lock:
            handle = self._file
            if handle is None or self._closed:
                return
            handle = os.dup(handle)  # so that the lock is not held while the disk works
        try:
            os.fsync(handle)
            if not self._is_entry_durable:  # a file without a directory entry is lost with the machine
                sync_directory(self.folder)
                self._is_entry_durable = True
            if os.fstat(handle).st_nlink == 0:
                self._warn("has been deleted; its records are lost")
        except OSError as error:
            self._warn(f"cannot be flushed to the disk: {reason(error)}")
        finally:
            os.close(handle)

    def beat(self, count: int) -> None:
        """Flush, and show that this process lives: readers elsewhere see the file's modification time."""
        self.flush()
        with self._lock:
            if self._file is not None and os.utime in os.supports_fd:
                try:
                    os.utime(self._file)
                except OSError:
                    pass  # then readers elsewhere may take the process for dead until it records something
        # After 5, 10, 20, 40 ... seconds, then every five minutes: most is imported in the beginning
        if self.on_beat is not None and (count & (count - 1) == 0 or count % 64 == 0):
            self.on_beat()

    def close(self, **end: Any) -> None:
        """Write the last record (``end`` of a run, ``close`` of another process), flush and close the file.

        A process without records leaves no file. Later records are counted as lost.
        """
        if self.on_close is not None and not self._closed:
            self.on_close()
        with self._lock:
            if self._closed:
                return
            if self.first:
                self._write_last("end", end)
            elif self._file is not None or self._missing or self.is_heir():
                self._write_last("close", {name: end[name] for name in ("status", "failure") if name in end})
            self.flush()
            self._closed = True
            self._release()
        self._stop_beating()

    def _write_last(self, type_: str, fields: Dict[str, Any]) -> None:
        """Write the losses and the last record; on a full disk in the reserved space."""
        tail = json.dumps(fields, separators=(",", ":"))[1:-1]
        for is_last_try in (False, True):
            try:
                if self._file is None:
                    self._join()
                self._write_losses()
                self._write_all(self._line(type_, tail))
                return
            except OSError as error:
                if is_last_try or not reserved_space.release_space(self.folder, error):
                    self._warned = False
                    lost = sum(count for count, _ in self._missing.values())
                    self._warn(f"cannot be ended: {reason(error)}; {lost} records are lost")
                    return

    def withdraw(self) -> None:
        """Remove the file without records: the reference belongs to another run."""
        with self._lock:
            self._closed = True
            self._release()
        self._stop_beating()
        try:
            os.unlink(os.path.join(self.folder, self.run + SUFFIX))
        except FileNotFoundError:
            pass  # a reader has removed the empty file

    def give_up(self) -> None:
        """Record nothing, without a warning: the user knows."""
        self._closed = self._warned = self._is_void = True

    def _release(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._handle = None, _NONE

    def _warn(self, words: str) -> None:
        """Warn once that records are lost; the training continues."""
        if not self._warned:
            self._warned = True
            text = f"contexta: the journal of {self.run} in {self.folder} {words}; the program continues"
            print(text, file=sys.stderr)  # noqa: T201  # a training process has no other way to report it

    # ------------------------------------------------------------------------------------------ fork

    def _stop_beating(self) -> None:
        beating, self._beating = self._beating, None
        if beating is not None:
            beating.stop()

    def before_fork(self) -> None:
        """Stop the heartbeat while the process forks: Python would warn the program of a second thread."""
        self._stop_beating()

    def after_fork_in_parent(self) -> None:
        if self._file is not None and self._beats:
            self._beating = Beat(self.beat)

    def after_fork_in_child(self) -> None:
        closed, inherited = self._closed, self._file
        if inherited is not None and not self.first:
            self._session = None  # the child of a daemon that records is a worker of it
        self.first = False
        self._begin()
        self._closed = closed
        if inherited is not None:
            os.close(inherited)
