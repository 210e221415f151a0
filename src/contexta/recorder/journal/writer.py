"""The journal: what a live run says, one JSON line per record, one ``write`` per line, one file per process.

A record that ``write`` returned for survives the death of the process; ``flush`` makes it survive the machine's.
Nobody shares a file, so there are no locks between processes. The first file of a run is ``<project>.<run>.jsonl``;
creating it reserves the reference. Every other process of the run writes ``<project>.<run>.<pid>-<hex>.jsonl``, made
when it has something to say; a forked child never touches its parent's.

Lines carry ``s`` (a running number), ``t`` (the type) and ``at`` (microseconds since 1970 UTC, never going back); the
other keys depend on the type:

====================  =====================================================================================
``run``               first line of a run: run, optionally name and project_name (left out where they are the last and
                      the first component of run), part_of (the run in whose process it began), number (which run of
                      its process it is, from 2 on), and the process (see processes.identity)
``join``              first line of another process of the run: run, rank, heir (true where it goes on as a daemon with
                      what the first process began), and the process
``environment``       the first of a process: digest (the body is that object), optionally of (how the digest begins
                      that it has without what is looked up later, by which the run tells environments apart).
                      Later ones: end (the object of what is known only after the start), optionally digest (of the
                      body with what was looked up)
``stage``             stage, name, order
``stage-end``         stage, status
``metric``            k (key), optionally g (stage) and r (rank), x (value), optionally i (step)
``param``             k, x (any JSON value)
``tag``               k, x (text)
``name``              name: what the run is called from now on
``artifact``          name, kind, location, digest, size, attributes
``fact``              name and value, or facts (several by name): about the run and no part of its environment
``note``              topic, text
``exec``              the process becomes another program; the last line, if it does
``lost``              count, why, first (what the first of them was): records that were not written
``end``               last line of a run: status, optionally failure {type, message, traceback}
``close``             last line of another process; status where the program said how it ended, optionally failure
====================  =====================================================================================

Standard library only, Python 3.8.
"""

from __future__ import annotations

import _thread
import atexit
import json
import os
import sys
import weakref
from time import time_ns

from contexta.core.files.atomic_files import sync_directory
from contexta.recorder.journal import reserved_space
from contexta.recorder.journal.heartbeat import Beat
from contexta.recorder.journal.processes import is_worker, session
from contexta.recorder.notes import reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Optional, Tuple

SUFFIX = ".jsonl"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_NONE = -1  # no descriptor: write() refuses it, which leads to the slow path without a test on the fast one


class Journal:
    """One process's journal of one run. Every method is thread safe, and may be interrupted by a signal handler that
    writes as well.

    A disk that fails does not raise: it is told once on stderr, what is lost is counted, and told by a ``lost`` record
    as soon as the file can be written again, at the latest at its end: some space is set aside for that.
    """

    def __init__(self, folder: str, run: str, *, first: bool, rank: Optional[int] = None, beats: bool = True) -> None:
        """folder: where the journals are. run: ``project.run``. first: create the run's first file, now; else this is
        another process of the run, and its file is made when there is something to write. beats: whether a thread
        shows that the process lives.

        Raises FileExistsError when the reference is taken, OSError when the first file cannot be created.
        """
        self.folder = os.path.abspath(folder)
        self.run = run
        self.first = first
        self.rank = rank
        self.lost = 0
        self._beats = beats
        self._is_void = False  # nothing is kept, by decision
        self._session = session() if first else None  # that of the process which began the run; None in others
        self._begin()
        if first:
            self._open(os.path.join(self.folder, run + SUFFIX))
        _journals.add(self)

    def _begin(self) -> None:
        """As new: also after a fork, in the child."""
        self._lock = _thread.RLock()
        self._handle = _NONE  # what the fast path writes to
        self._file: Optional[int] = None  # the open file, also while it fails
        self._closed = False
        self._torn = False  # whether the last write was cut short: the next one starts on a new line
        self._warned = False
        self._entered = False  # whether the directory's entry of the file is on the disk as well
        self._missing: Dict[str, Tuple[int, str]] = {}  # why -> (how many, the first of them): not told yet
        self._late: Optional[Journal] = None  # where is told what came after the end
        self._token, self._turn = os.urandom(4).hex(), 1  # the files of a process are read in the order of their names
        self._number = 0 if self.first else 1  # 0 is the join record, written when the file is made
        self._last = 0
        self._beating: Optional[Beat] = None
        self.beside: Optional[Callable[[], None]] = None  # called now and then by the thread that beats

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
        """Append one measurement. head: made by ``metric_head``. The hot path, hence formatted by hand."""
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

    def metric_head(self, key: str, stage: Optional[str]) -> str:
        """What every measurement of a metric says alike."""
        head = f',"k":{json.dumps(key)}'
        if stage is not None:
            head += f',"g":"{stage}"'
        if self.rank:
            head += f',"r":{self.rank}'
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
        """The first record of a process, or one that the disk refused or took only a part of: tried once more."""
        if self._closed:
            self.lose("recorded after the end of the run", _name_of(line))
            return
        try:
            if self._file is None:
                self._join()
            self._write_all(line)
        except OSError as error:
            self._handle = _NONE
            self.lose(error.strerror.lower() if error.strerror else reason(error), _name_of(line))
            self._warn(f"cannot be written: {reason(error)}")
            return
        self._handle = self._file if self._file is not None else _NONE
        try:
            self._tell_missing()
        except OSError:
            self._handle = _NONE  # the next record tries again

    def lose(self, why: str, what: str, *, now: bool = True) -> None:
        """Count a record that is not written. what: its type and name. now: tell so soon where the journal has ended;
        else by its end."""
        if self._is_void:
            return
        with self._lock:
            self.lost += 1
            count, first = self._missing.get(why, (0, what))
            self._missing[why] = (count + 1, first)
            if self._closed and now and self._late is None:
                self._warn("has ended: what is recorded now is lost")
                self._tell_late()

    def _tell_missing(self) -> None:
        """Write how many records were lost, and why. Raises OSError; then it is told later."""
        for why, (count, first) in list(self._missing.items()):
            tail = json.dumps({"count": count, "why": why, "first": first}, separators=(",", ":"))[1:-1]
            self._write_all(self._line("lost", tail))
            del self._missing[why]

    def _tell_late(self) -> None:
        """Tell what came after the end in a file of its own: the first at once, the rest when the process ends."""
        self._late = late = self.anew(beats=False)
        late._missing = self._missing
        try:
            late._join()
            late._tell_missing()
        except OSError:
            pass  # tried again at the end
        atexit.register(late.close)

    def anew(self, *, beats: bool = True) -> Journal:
        """Another file of this process for the same run."""
        journal = Journal(self.folder, self.run, first=False, rank=self.rank, beats=beats)
        journal._token, journal._turn = self._token, self._turn + 1
        if self._is_void:
            journal.give_up()
        return journal

    def _write_all(self, line: bytes) -> None:
        assert self._file is not None  # the caller has opened it
        data = b"\n" + line if self._torn else line
        written = 0
        while written < len(data):  # a disk that is nearly full takes a part
            self._torn = self._torn or written > 0
            written += os.write(self._file, data[written:])
        self._torn = False

    # ------------------------------------------------------------------------------------------ the file

    def _open(self, path: str) -> None:
        self._file = self._handle = os.open(path, _FLAGS, 0o644)
        self._beating = Beat(self.beat) if self._beats else None

    def _join(self) -> None:
        """Make the file of another process of the run, and say who it is."""
        from contexta.recorder.journal.processes import identity

        turn = f"{self._turn:06}" if self._turn > 1 else ""
        name = f"{self.run}.{os.getpid()}-{self._token}{turn}{SUFFIX}"
        who: Dict[str, Any] = {**identity(), "rank": self.rank}
        if self.is_heir():
            who["heir"] = True
        at = max(self._last, time_ns() // 1000)
        tail = json.dumps({"run": self.run, **who}, separators=(",", ":"))[1:-1]
        line = f'{{"s":0,"t":"join","at":{at},{tail}}}\n'.encode("ascii")
        path = os.path.join(self.folder, name)
        self._open(path)
        _close_at_exit_of_child(self)
        try:
            self._write_all(line)
        except OSError:
            self._release()
            os.unlink(path)  # a file without its first record says nothing
            raise

    def is_heir(self) -> bool:
        """Whether this is a daemon that the process which began the run has become: forked from it, in a session of its
        own. It ends the run; a worker does not."""
        return self._session is not None and not self.first and self._session != session() and not is_worker()

    def flush(self) -> None:
        """Bring everything written to the disk."""
        with self._lock:
            handle = self._file
            if handle is None or self._closed:
                return
            handle = os.dup(handle)  # so that the lock is not held while the disk works
        try:
            os.fsync(handle)
            if not self._entered:  # a file whose name is lost with the machine is lost with it
                sync_directory(self.folder)
                self._entered = True
            if os.fstat(handle).st_nlink == 0:
                self._warn("has been deleted; what was recorded is lost")
        except OSError as error:
            self._warn(f"cannot be brought to the disk: {reason(error)}")
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
        if self.beside is not None and (count & (count - 1) == 0 or count % 64 == 0):
            self.beside()

    def close(self, **end: Any) -> None:
        """Write the last record (``end`` of a run, ``close`` of another process), flush and release the file. A process
        that said nothing leaves no file. Later records are counted as lost."""
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
        """The last record, after what was lost; on a full disk in the space that was set aside."""
        tail = json.dumps(fields, separators=(",", ":"))[1:-1]
        for is_last_try in (False, True):
            try:
                if self._file is None:
                    self._join()
                self._tell_missing()
                self._write_all(self._line(type_, tail))
                return
            except OSError as error:
                if is_last_try or not reserved_space.make_room(self.folder, error):
                    self._warned = False
                    lost = sum(count for count, _ in self._missing.values())
                    self._warn(f"cannot be ended: {reason(error)}; {lost} records are lost")
                    return

    def withdraw(self) -> None:
        """Remove a file that nothing was written to: the reference belongs to another run."""
        with self._lock:
            self._closed = True
            self._release()
        self._stop_beating()
        try:
            os.unlink(os.path.join(self.folder, self.run + SUFFIX))
        except FileNotFoundError:
            pass  # a reader has set it aside: it holds nothing

    def give_up(self) -> None:
        """Nothing can be written, and somebody has said so already."""
        self._closed = self._warned = self._is_void = True

    def _release(self) -> None:
        if self._file is not None:
            os.close(self._file)
        self._file, self._handle = None, _NONE

    def _warn(self, words: str) -> None:
        """Say once that records are being lost; training goes on."""
        if not self._warned:
            self._warned = True
            print(f"contexta: the journal of {self.run} in {self.folder} {words}; the program goes on", file=sys.stderr)  # noqa: T201  # inside a training process there is nobody else to tell

    # ------------------------------------------------------------------------------------------ fork

    def _stop_beating(self) -> None:
        beating, self._beating = self._beating, None
        if beating is not None:
            beating.stop()

    def _before_fork(self) -> None:
        """No thread of ours runs while the process forks: Python would warn the program of it."""
        self._stop_beating()

    def _after_fork_in_parent(self) -> None:
        if self._file is not None and self._beats:
            self._beating = Beat(self.beat)

    def _after_fork_in_child(self) -> None:
        closed, inherited = self._closed, self._file
        if inherited is not None and not self.first:
            self._session = None  # the child of a daemon that records is a worker of it
        self.first = False
        self._begin()
        self._closed = closed
        if inherited is not None:
            os.close(inherited)


def _name_of(line: bytes) -> str:
    """The type of a record, and the name of what it records."""
    try:
        record = json.loads(line)
        return f"{record['t']} {record.get('k') or record.get('name') or record.get('topic') or ''}".strip()[:250]
    except (ValueError, KeyError):
        return "record"


def _close_at_exit_of_child(journal: Journal) -> None:
    """A process forked by ``multiprocessing`` ends without atexit; it has finalizers of its own."""
    process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, journal.close, exitpriority=-1000)


_journals: "weakref.WeakSet[Journal]" = weakref.WeakSet()


def _each(method: str) -> Any:
    def call() -> None:
        for journal in list(_journals):
            getattr(journal, method)()

    return call


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_each("_before_fork"),
        after_in_parent=_each("_after_fork_in_parent"),
        after_in_child=_each("_after_fork_in_child"),
    )
