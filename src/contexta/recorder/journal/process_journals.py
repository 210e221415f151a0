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
    from typing import Any, Dict, List, Tuple

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


def _last_record(path: str) -> "Dict[str, Any]":
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LAST))
            return record_of(file.read().rstrip(b"\n").rpartition(b"\n")[2]) or {}  # its process died while it wrote
    except OSError:
        return {}  # it was removed
