"""Digest the files that the processes of a command open, while it runs, and record them as inputs of the run.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import os
import threading
import time

from contexta.recorder.inputs.opened_files import MOST
from contexta.recorder.notes import reason
from contexta.recorder.session import artifacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence, Set

    from contexta.recorder.session.run import LiveRun

SUFFIX = ".opened"  # suffix of the file that processes report to; its name begins with a dot
DETECTED = "detected"  # the attribute of an input that no code names
_PAUSE = 0.5  # seconds between two scans of the reports
_MOST_INPUTS = 200  # of a run
_LIMIT = 256 * 1024 * 1024  # bytes up to which a file is read whole; of a larger file a sample is read
_LINGER = 5.0  # seconds for digests after the command has ended


class OpenedFiles:
    """The files that the processes of one command open."""

    def __init__(self, run: LiveRun, command: Sequence[str], directory: str, root: str) -> None:
        """directory: of the command. root: of the workspace, whose files are no inputs."""
        self._run = run
        self._file = os.path.join(run._journal.folder, f".{run.ref.value}{SUFFIX}")
        self._root = os.path.realpath(root)
        self._project = _project(os.path.realpath(directory), self._root)
        words = [word.rpartition("=")[2].lstrip("@") for word in command[1:]]
        paths = [os.path.join(directory, os.path.expanduser(word)) for word in words if word]
        self._named = [os.path.normpath(path) for path in paths if os.path.exists(path)]
        self._known: Set[str] = set()
        self._waiting: List[Dict[str, Any]] = []
        self._offset = 0
        self._rest = b""
        self._has_more = False
        self._left_out = 0
        self._stop = threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def variable(self) -> str:
        """The value of ``opened_files.VARIABLE`` for the command."""
        skipped = [os.path.join(self._root, "")]
        return json.dumps({"file": self._file, "project": self._project, "named": self._named, "skipped": skipped})

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Record the remaining files, within some seconds."""
        self._deadline = time.monotonic() + _LINGER
        self._stop.set()
        self._thread.join(_LINGER * 2)
        if self._waiting:
            first = self._waiting[0]["path"]
            self._note(f"{len(self._waiting)} files were opened and not read in time for their digests, {first} first")
        if self._has_more or self._left_out:
            self._note(f"only {_MOST_INPUTS} of the opened files are recorded, {MOST} of each process are looked at")
        try:
            os.unlink(self._file)
        except OSError:
            pass  # no file was opened, or only ``gc`` can remove it

    def _follow(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stop.wait(_PAUSE)
            self._take_reports()
            while self._waiting and time.monotonic() < self._deadline:
                began = time.monotonic()
                report = self._waiting.pop(0)
                try:
                    self._record(report)
                except Exception as error:  # noqa: BLE001  # the other files still count
                    self._note(f"{report['path']} could not be recorded: {reason(error)}")
                self._stop.wait(min(time.monotonic() - began, 1.0))  # leave half of the time to the command
                self._take_reports()

    def _take_reports(self) -> None:
        try:
            with open(self._file, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return  # no file was opened so far
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            try:
                report = json.loads(line)
            except ValueError:
                continue  # a process died while it wrote
            if "path" not in report:
                self._has_more = True
            elif report["path"] not in self._known:
                if len(self._known) < _MOST_INPUTS:
                    self._known.add(report["path"])
                    self._waiting.append(report)
                else:
                    self._left_out += 1

    def _record(self, report: Dict[str, Any]) -> None:
        path = report["path"]
        try:
            facts = os.stat(path)
            if (facts.st_size, facts.st_mtime_ns) != (report["size"], report["modified"]):
                self._note(f"{path} changed after it was opened: what the run read is unknown")
                return
        except OSError:
            self._note(f"{path} was removed after it was opened: what the run read is unknown")
            return
        name = os.path.relpath(path, self._project) if path.startswith(os.path.join(self._project, "")) else path
        fields, notes = artifacts.read(name[-200:], path, self._run._salt, _LIMIT)
        fields["attributes"][DETECTED] = True
        self._run._journal.write("artifact", **fields)
        for entry in notes:
            self._run.note(entry["topic"], entry["text"])

    def _note(self, words: str) -> None:
        self._run.note("inputs", words)


def _project(directory: str, root: str) -> str:
    """The directory that holds the workspace, if the command runs below it; else that of the command. Empty for the
    root of the file system and the home directory: not all files there belong to a project."""
    above = os.path.dirname(root)
    is_inside = (directory + os.sep).startswith(os.path.join(above, ""))
    project = above if is_inside and os.path.basename(root) == ".contexta" else directory
    return "" if project in (os.path.dirname(project), os.path.realpath(os.path.expanduser("~"))) else project
