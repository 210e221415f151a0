"""Read the journals of the processes of a run, for the `contexta run` around them.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core import settings
from contexta.recorder.journal.decoding import record_of
from contexta.recorder.journal.writer import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Optional, Tuple

_LAST = 256 * 1024  # bytes that hold the last line of a journal: a traceback is cut at 20,000 characters


def files_of(journals: str, run: str) -> "List[str]":
    """The journals of the processes that joined a run, without the first journal of the run."""
    paths = []
    for folder in (journals, os.path.join(journals, settings.ENDED)):
        try:
            names = os.listdir(folder)
        except OSError:
            continue  # it does not exist, or was removed meanwhile
        paths += [
            os.path.join(folder, name)
            for name in names
            if name.startswith(f"{run}.") and name.endswith(SUFFIX) and name != run + SUFFIX
        ]
    return paths


def has_recorded_environment(journals: str, run: str, pid: int) -> bool:
    """Whether a process of the run has recorded its environment."""
    for path in files_of(journals, run):
        if os.path.basename(path).startswith(f"{run}.{pid}-"):
            try:
                with open(path, "rb") as file:
                    if b'"t":"environment"' in file.read(_LAST):
                        return True
            except OSError:
                continue  # it was removed meanwhile
    return False


def program_status(journals: str, run: str) -> str:
    """The last status that a program set with ``finish`` or a ``with`` block; empty where none did."""
    statuses: "List[Tuple[int, str]]" = []
    for path in files_of(journals, run):
        last = _last_record(path)
        if last.get("t") == "close" and isinstance(last.get("status"), str):
            statuses.append((last.get("at", 0), last["status"]))
    return max(statuses)[1] if statuses else ""


def have_common_output(journals: str, run: str) -> bool:
    """Whether several programs of a run ran at the same time: ranks of one job, or programs of one parent."""
    processes = []
    for path in files_of(journals, run):
        try:
            with open(path, "rb") as file:
                first = record_of(file.readline()) or {}
        except OSError:
            continue  # it was removed
        last = _last_record(path)
        processes.append((first.get("rank"), first.get("parent"), first.get("at"), last.get("at", first.get("at"))))
    return are_concurrent(processes)


def are_concurrent(processes: "Iterable[Tuple[Optional[int], Optional[int], Any, Any]]") -> bool:
    """Whether several processes ran at the same time. processes: rank, parent, first and last moment of each."""
    others: "List[Tuple[Optional[int], Optional[int], Any, Any]]" = []
    for rank, parent, first, last in processes:
        for other_rank, other_parent, other_first, other_last in others:
            if rank is not None and other_rank is not None and rank != other_rank:
                return True
            if parent is not None and parent == other_parent and None not in (first, other_first):
                if first < (other_last or other_first) and other_first < (last or first):
                    return True
        others.append((rank, parent, first, last))
    return False


def _last_record(path: str) -> "Dict[str, Any]":
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST))
            return record_of(file.read().rstrip(b"\n").rpartition(b"\n")[2]) or {}  # its process died while it wrote
    except OSError:
        return {}  # it was removed
