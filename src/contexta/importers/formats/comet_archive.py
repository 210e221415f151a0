"""Experiments of Comet offline: ``KEY.zip`` with ``experiment.json`` and one message a line in ``messages.json``."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.importers.reading.bounded_files import mapping_of
from contexta.importers.reading.description import ForeignEnvironment, ForeignRun, milliseconds
from contexta.importers.reading.offline_archives import OfflineArchive
from contexta.importers.reading.requirements_list import read_requirements
from contexta.importers.reading.zip_members import members_of, names_of

TITLE = "Comet"
_EXPERIMENT, _MESSAGES = "experiment.json", "messages.json"
_NAME = re.compile(r"([0-9a-f]{32})(?:-\w{6})?\Z")
_SYSTEM = ("sys.", "COMET_", "process duration")  # metrics that Comet measures itself
_PROGRESS = ("curr_step", "curr_epoch")  # parameters in which Comet counts
_LARGEST_OUTPUT = 32 * 1024**2
_SYSTEM_PACKAGES = "system-packages.txt"


def place_of(file: Path) -> Path | None:
    """The archive, or the directory that it was unpacked to."""
    if file.name == _MESSAGES and (file.parent / _EXPERIMENT).is_file():
        return file.parent
    if file.suffix != ".zip":
        return None
    names = names_of(file)
    is_named = names and _NAME.match(file.stem)  # a truncated one may lack both members
    return file if is_named or {_EXPERIMENT, _MESSAGES} <= names else None


def read(place: Path) -> Iterator[ForeignRun]:
    notes: list[str] = []
    archive = OfflineArchive(place, (_EXPERIMENT, _MESSAGES), notes)
    experiment = archive.mapping(_EXPERIMENT)
    match = _NAME.match(place.stem)
    key = str(experiment.get("offline_id") or (match[1] if match else place.stem))
    run = ForeignRun("comet", key, place, key, 0, 0, notes=notes, tracker="comet_ml")
    project = experiment.get("project_name")
    run.project = str(project) if project else None
    tags = experiment.get("tags")
    run.tags = {str(tag): "" for tag in tags} if isinstance(tags, list) else {}
    messages = _Messages(run)
    for message in archive.items(_MESSAGES):
        messages.take(message.get("type"), mapping_of(message.get("payload")))
    messages.finish()
    _set_times(run, experiment)
    if messages.patch_file:
        _set_patch(run, messages.patch_file)
    yield run


class _Messages:
    """The messages of one experiment, applied to its run in order."""

    def __init__(self, run: ForeignRun) -> None:
        self._run = run
        self._environment: ForeignEnvironment | None = None
        self._output: list[str] = []
        self._size = 0
        self._program: str | None = None
        self._left_out: set[str] = set()
        self.patch_file: str | None = None
        """The member that contains the patch."""

    def take(self, kind: object, payload: dict[str, Any]) -> None:
        run = self._run
        if kind == "metric_msg":
            self._take_metric(mapping_of(payload.get("metric")), payload.get("local_timestamp"))
        elif kind == "parameter_msg":
            param = mapping_of(payload.get("param"))
            name = str(param.get("paramName")).replace("|", ".")
            if name not in _PROGRESS and not name.startswith(_SYSTEM):
                run.params[name] = param.get("paramValue")
        elif kind == "log_other":
            self._take_other(str(payload.get("key")), payload.get("value"))
        elif kind == "standard_output":
            text = str(payload.get("output") or "")
            self._size += len(text)
            if self._size <= _LARGEST_OUTPUT:
                self._output.append(text)
        elif kind == "installed_packages":
            read_requirements("\n".join(_texts(payload, "installed_packages")), self._packages())
        elif kind == "os_packages":
            lines = sorted(_texts(payload, "os_packages"))
            run.attachments[_SYSTEM_PACKAGES] = "\n".join(lines) + "\n"
            run.notes.append(f"{len(lines)} packages of the operating system are in the artifact {_SYSTEM_PACKAGES}")
        elif kind == "system_details":
            self._take_system(payload)
        elif kind == "git_metadata":
            self._take_git(mapping_of(payload.get("git_metadata")))
        elif kind == "file_name":
            self._program = str(payload.get("file_name"))
        elif kind == "file_upload" and payload.get("upload_type") == "git-patch":
            self.patch_file = str(payload.get("file_path"))

    def finish(self) -> None:
        run = self._run
        run.output = "".join(self._output) or None
        run.environment = self._environment
        if run.command is None and self._program:
            run.command = [self._program]
            run.notes.append("the arguments of the command are not recorded")
        run.tool_version = self._environment.packages.get("comet_ml") if self._environment else None
        if self._left_out:
            names = ", ".join(sorted(self._left_out)[:20])
            run.notes.append(f"values that are no numbers, or have no time, were left out: {names}")

    def _take_metric(self, metric: dict[str, Any], at: object) -> None:
        name, step = str(metric.get("metricName")), metric.get("step")
        if name.startswith(_SYSTEM):
            return
        time = milliseconds(at)
        is_step = step is None or (isinstance(step, int) and not isinstance(step, bool))
        if time is None or not is_step or not self._run.add_point(name, step, time, metric.get("metricValue")):
            self._left_out.add(name)

    def _take_other(self, key: str, value: object) -> None:
        if key == "Name" and value:
            self._run.name = str(value)
        elif key not in ("offline_experiment", "hasNestedParams"):
            self._run.tags[key] = str(value)

    def _take_system(self, payload: dict[str, Any]) -> None:
        run, environment = self._run, self._packages()
        environment.python_version = str(payload["python_version"]) if payload.get("python_version") else None
        environment.platform = str(payload["os"]) if payload.get("os") else None
        run.command = _texts(payload, "command") or None

    def _take_git(self, git: dict[str, Any]) -> None:
        run = self._run
        run.commit = str(git["parent"]) if git.get("parent") else None
        run.branch = str(git["branch"]).removeprefix("refs/heads/") if git.get("branch") else None
        run.remote = str(git["origin"]) if git.get("origin") else None

    def _packages(self) -> ForeignEnvironment:
        self._environment = self._environment or ForeignEnvironment("messages.json")
        return self._environment


def _set_times(run: ForeignRun, experiment: dict[str, Any]) -> None:
    """Start, end and status."""
    times = [point.at for points in run.metrics.values() for point in points]
    start, end = milliseconds(experiment.get("start_time")), milliseconds(experiment.get("stop_time"))
    if start is None:
        start = min(times, default=int(run.path.stat().st_mtime * 1e6))
        run.notes.append("the start is not recorded: the first known time is used")
    run.started_at, run.ended_at = start, max([start, end or 0, *times])
    message = experiment.get("customer_error_message")
    if end is None:
        run.status = "crashed"
        run.notes.append("Comet recorded no end: the run crashed, was killed, or was still open")
    elif experiment.get("customer_error_reported"):
        run.status = "failed"
        run.notes.append(f"Comet reported: {message}")


def _set_patch(run: ForeignRun, name: str) -> None:
    """Read the patch, which is an archive inside the archive."""
    inner = OfflineArchive(run.path, (name,), []).content(name)
    if inner is not None:
        run.patch = members_of(io.BytesIO(inner), frozenset({"git_diff.patch"}), run.notes).get("git_diff.patch")


def _texts(payload: dict[str, Any], name: str) -> list[str]:
    value = payload.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []
