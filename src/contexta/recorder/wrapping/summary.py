"""Summarise a recorded command in two lines, from its journals: no database is read or written.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import os
import re

from contexta.core import settings
from contexta.recorder.journal import process_journals
from contexta.recorder.journal.decoding import record_of
from contexta.recorder.journal.writer import SUFFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Set, Tuple

    from contexta.recorder.journal.objects import Objects

_MOST_READ = 32 * 1024 * 1024  # bytes of a journal that are searched for metrics: a quarter of a second
_METRIC_KEY = re.compile(rb'"t":"metric","at":\d+,"k":("[^"\\]*(?:\\.[^"\\]*)*")')
_UNCERTAIN = re.compile(rb'^.*"t":"fact".*"name":"uncertain_metrics".*$', re.MULTILINE)
_ENVIRONMENT = re.compile(rb'^.*"t":"environment".*$', re.MULTILINE)


class RecordedCounts:
    """The counts of a finished run, from its journals. is_found: whether its first journal is still there."""

    def __init__(self, journals: str, objects: Objects, run: str) -> None:
        """run: ``project.run``."""
        self._journals = journals
        self._objects = objects
        self._run = run
        self._is_whole = True  # whether every journal was read to its end
        self._metrics: "Set[bytes]" = set()
        self._environments: "List[Tuple[int, str]]" = []  # (time, digest)
        own = [os.path.join(folder, run + SUFFIX) for folder in _folders(journals)]
        self.is_found = any(map(os.path.exists, own))
        for path in [*own, *process_journals.files_of(journals, run)]:
            self._read(path)

    def counts(self) -> str:
        """``3 metrics, 52 packages``; a count that may be higher has a ``+``."""
        if not self.is_found:
            return "its journal was removed: its content is unknown"
        metrics = f"{len(self._metrics)}{'' if self._is_whole else '+'} metric{'' if len(self._metrics) == 1 else 's'}"
        count = self._package_count()
        packages = "packages unknown" if count is None else f"{count} package{'' if count == 1 else 's'}"
        return f"{metrics}, {packages}"

    def earlier_run(self) -> "Optional[str]":
        """The previous run of the same project, if its journal still exists. That of a deleted run is empty."""
        project = self._run.partition(".")[0]
        began, latest = self._began(), (0.0, "")
        for folder in _folders(self._journals):
            try:
                entries = list(os.scandir(folder))
            except OSError:
                continue  # it does not exist
            for entry in entries:
                run = entry.name[: -len(SUFFIX)]
                if entry.name.endswith(SUFFIX) and run != self._run and run.split(".")[:-1] == [project]:
                    latest = max(latest, (_changed(entry), run) if 0 < _changed(entry) <= began else latest)
        return latest[1] or None

    def _began(self) -> float:
        for folder in _folders(self._journals):
            try:
                with open(os.path.join(folder, self._run + SUFFIX), "rb") as file:
                    return float((record_of(file.readline()) or {}).get("at", 0)) / 1e6
            except OSError:
                continue  # it is in the other folder
        return 0.0

    def _read(self, path: str) -> None:
        try:
            with open(path, "rb") as file:
                data = file.read(_MOST_READ)
                self._is_whole &= not file.read(1)
        except OSError:
            return  # it is in the other folder, or was removed
        self._metrics.update(_METRIC_KEY.findall(data))
        for line in _UNCERTAIN.findall(data):
            names = (record_of(line) or {}).get("value", ())
            self._metrics.difference_update(json.dumps(name).encode("ascii") for name in names)
        for line in _ENVIRONMENT.findall(data):
            record = record_of(line)
            if record is not None and "digest" in record:
                self._environments.append((record["at"], record["digest"]))

    def _package_count(self) -> "Optional[int]":
        """The packages of the first environment; None if no environment was recorded or it cannot be read."""
        if not self._environments:
            return None
        try:
            return len(json.loads(self._objects.get(min(self._environments)[1]))["distributions"])
        except Exception:  # noqa: BLE001  # a summary may not fail, whatever is damaged
            return None


def _folders(journals: str) -> "Tuple[str, str]":
    return journals, os.path.join(journals, settings.ENDED)


def _changed(entry: "os.DirEntry[str]") -> float:
    """When a journal was written last; 0 if it is empty or was removed."""
    try:
        status = entry.stat()
    except OSError:
        return 0.0
    return status.st_mtime if status.st_size else 0.0
