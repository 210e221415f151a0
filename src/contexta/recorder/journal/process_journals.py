"""The journals of the other processes of a run, as the process around them reads them at its end.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core import settings
from contexta.recorder.journal.decoding import record_of
from contexta.recorder.journal.writer import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

_LAST = 256 * 1024  # bytes that hold the last line of a journal: a traceback is cut at 20,000 characters


def files_of(journals: str, run: str) -> "List[str]":
    """The journals of the processes that took part in a run, without its own first one."""
    found = []
    for folder in (journals, os.path.join(journals, settings.ENDED)):
        try:
            names = os.listdir(folder)
        except OSError:
            continue  # there is none, or it was taken away meanwhile
        found += [
            os.path.join(folder, name)
            for name in names
            if name.startswith(f"{run}.") and name.endswith(SUFFIX) and name != run + SUFFIX
        ]
    return found


def has_told_environment(journals: str, run: str, pid: int) -> bool:
    """Whether a process of the run has recorded what it runs on."""
    for path in files_of(journals, run):
        if os.path.basename(path).startswith(f"{run}.{pid}-"):
            try:
                with open(path, "rb") as file:
                    if b'"t":"environment"' in file.read(_LAST):
                        return True
            except OSError:
                continue  # it was taken away meanwhile
    return False


def status_said(journals: str, run: str) -> str:
    """How the program said that the run has ended, with ``finish`` or a ``with`` block; the last word counts. Empty
    where it said nothing."""
    said: "List[Tuple[int, str]]" = []
    for path in files_of(journals, run):
        last = _last_record(path)
        if last.get("t") == "close" and isinstance(last.get("status"), str):
            said.append((last.get("at", 0), last["status"]))
    return max(said)[1] if said else ""


def _last_record(path: str) -> "Dict[str, Any]":
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST))
            return record_of(file.read().rstrip(b"\n").rpartition(b"\n")[2]) or {}  # its process died while it wrote
    except OSError:
        return {}  # it was taken away
