"""Runs of W&B on disk: ``wandb/run-DATE-ID/run-ID.wandb`` and ``files/``. The log is the same from 0.12 on.

The log is read first, because newer versions leave hardly anything else in ``files/``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.importers.reading import protobuf
from contexta.importers.reading.bounded_files import bytes_of, json_of, text_of, yaml_of
from contexta.importers.reading.description import (
    ForeignEnvironment,
    ForeignRun,
    flattened,
    microseconds,
    moment,
    number_of,
)
from contexta.importers.reading.leveldb_log import read_fields
from contexta.importers.reading.requirements_list import read_requirements

TITLE = "W&B"
_MAGIC = b":W&B"
_HISTORY, _SUMMARY, _OUTPUT, _CONFIG, _TELEMETRY, _RAW, _RUN, _EXIT, _ENVIRONMENT = 2, 3, 4, 5, 11, 13, 17, 18, 26
_VALUE_JSON = 16
_RUN_DIRECTORY = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-")
_SCAN = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # typeshed lacks it
_LARGEST_OUTPUT = 32 * 1024**2
_INTERRUPTED = 255  # the exit code that W&B writes when the program is interrupted or killed


def place_of(file: Path) -> Path | None:
    """The log itself, by its name."""
    return file if file.name.startswith("run-") and file.suffix == ".wandb" else None


def read(place: Path) -> Iterator[ForeignRun]:
    log = _Log(place)
    log.read()
    yield log.run()


class _Log:
    """The content of one log, in the order in which it was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._notes: list[str] = []
        self._run: dict[int, list[int | bytes]] = {}
        self._config: dict[str, Any] = {}
        self._summary: dict[str, Any] = {}
        self._environment: dict[int, list[int | bytes]] = {}
        self._telemetry: dict[int, list[int | bytes]] = {}
        self._exit: dict[int, list[int | bytes]] | None = None
        self._output: list[str] = []
        self._output_size = 0
        self._last_at = 0
        self._left_out: Counter[str] = Counter()
        self._result = ForeignRun("wandb", "", path, "", 0, 0)

    def read(self) -> None:
        """Read the log until its end or its damage."""
        read_fields(self._path, _MAGIC, TITLE, self._take, self._notes)

    def run(self) -> ForeignRun:
        """The run, completed with the files next to the log."""
        files, run, result = self._path.parent / "files", self._run, self._result
        metadata = json_of(files / "wandb-metadata.json", self._notes)
        metadata = metadata if isinstance(metadata, dict) else {}
        run_id = protobuf.text(run, 1) or self._path.stem.removeprefix("run-")
        self._set_times(metadata)
        result.identity = f"{run_id} {result.started_at}"
        folder = self._path.parent.name  # a resumed run has several, with one id
        result.tracker_ids = (folder if _RUN_DIRECTORY.match(folder) else run_id,)
        result.name = protobuf.text(run, 8) or run_id
        result.project = protobuf.text(run, 3) or None
        result.description = protobuf.text(run, 9) or None
        result.tags = {tag.decode("utf-8", "replace"): "" for tag in run.get(10, ()) if isinstance(tag, bytes)}
        for number, name in ((6, "group"), (7, "job_type"), (12, "sweep")):
            if value := protobuf.text(run, number):
                result.tags[name] = value
        self._set_params(files)
        self._add_summary(files)
        self._set_origin(metadata)
        result.output = text_of(files / "output.log", self._notes) or "".join(self._output) or None
        result.patch = bytes_of(files / "diff.patch", self._notes)
        self._set_environment(files, metadata)
        for key, count in self._left_out.most_common(20):
            self._notes.append(f"{count} values of {key} are no numbers and were left out")
        result.notes = self._notes
        return result

    # ------------------------------------------------------------------------------------------ records

    def _take(self, number: int, value: int | bytes) -> None:
        if not isinstance(value, bytes):
            return
        if number == _HISTORY:
            self._take_history(value)
        elif number in (_CONFIG, _SUMMARY):
            _update(self._config if number == _CONFIG else self._summary, protobuf.grouped(value))
        elif number == _RUN:
            self._run = protobuf.grouped(value)
            for field, target in ((4, self._config), (5, self._summary)):
                _update(target, protobuf.nested(self._run, field))
            telemetry = protobuf.nested(self._run, 19)
            self._telemetry = telemetry or self._telemetry
        elif number == _EXIT:
            self._exit = protobuf.grouped(value)
        elif number == _ENVIRONMENT:
            self._environment |= protobuf.grouped(value)  # each record adds what became known
        elif number == _TELEMETRY:
            self._telemetry = {**self._telemetry, **protobuf.grouped(value)}
        elif number in (_OUTPUT, _RAW):
            self._take_output(value)

    def _take_history(self, message: bytes) -> None:
        """One call of ``log``: its items, with its step and its time among them."""
        step: int | None = None
        at: int | None = None
        items = []
        for number, value in protobuf.fields(message):
            if number == 1 and isinstance(value, bytes):
                name, content = _item(value)
                if name == "_step":
                    step = content if isinstance(content, int) else step
                elif name == "_timestamp":
                    at = microseconds(content)
                elif not name.startswith("_"):
                    items.append((name, content))
            elif number == 2 and isinstance(value, bytes):
                number_of_step = protobuf.last(protobuf.grouped(value), 1)
                if step is None:
                    step = protobuf.signed(number_of_step) if isinstance(number_of_step, int) else 0
        at = self._last_at if at is None else at
        self._last_at = max(self._last_at, at)
        for name, content in items:
            if isinstance(content, dict) and "_type" not in content:
                for below, value in flattened(content, name):
                    self._add(below, step, at, value)
            else:
                self._add(name, step, at, content)

    def _add(self, name: str, step: int | None, at: int, value: object) -> None:
        if not self._result.add_point(name, step, at, value):
            self._left_out[name] += 1

    def _take_output(self, message: bytes) -> None:
        line = protobuf.text(protobuf.grouped(message), 3)
        self._output_size += len(line)
        if self._output_size <= _LARGEST_OUTPUT:
            self._output.append(line)

    # ------------------------------------------------------------------------------------------ the run

    def _set_times(self, metadata: dict[str, Any]) -> None:
        """Start, end and status."""
        result = self._result
        start = protobuf.timestamp(protobuf.nested(self._run, 17)) or moment(metadata.get("startedAt"))
        times = [point.at for points in result.metrics.values() for point in (points[0], points[-1])]
        if start is None:
            start = min(times, default=None)
            if start is None:
                start = int(self._path.stat().st_mtime * 1e6)
                self._notes.append("the start is not in the log: the time of the file is used")
        result.started_at = start
        result.ended_at = max([start, self._last_at, *times])
        if self._exit is None:
            result.status = "crashed"
            self._notes.append("the log has no end: the run crashed, was killed, or was still open")
            return
        code = protobuf.last(self._exit, 1)
        code = protobuf.signed(code) if isinstance(code, int) else 0
        runtime = protobuf.last(self._exit, 2)
        result.ended_at = max(result.ended_at, start + (runtime if isinstance(runtime, int) else 0) * 1_000_000)
        result.status = "completed" if code == 0 else "cancelled" if code == _INTERRUPTED else "failed"

    def _set_params(self, files: Path) -> None:
        config = self._config
        if not config:
            stored = yaml_of(files / "config.yaml", self._notes)
            entries = stored if isinstance(stored, dict) else {}
            config = {
                key: entry["value"] for key, entry in entries.items() if isinstance(entry, dict) and "value" in entry
            }
        internal = config.get("_wandb")
        if isinstance(internal, dict):
            self._result.tool_version = str(internal["cli_version"]) if "cli_version" in internal else None
        self._result.tool_version = self._result.tool_version or protobuf.text(self._telemetry, 5) or None
        self._result.params = dict(flattened({key: value for key, value in config.items() if key != "_wandb"}))

    def _add_summary(self, files: Path) -> None:
        """Add the numbers that are only in the summary as metrics without a step."""
        result = self._result
        if not self._summary:
            stored = json_of(files / "wandb-summary.json", self._notes)
            self._summary = stored if isinstance(stored, dict) else {}
        own = {key: value for key, value in self._summary.items() if not key.startswith("_")}
        for name, value in flattened(own):
            points = result.metrics.get(name)
            if points is None:
                if "_type" not in str(name) and result.add_point(name, None, result.ended_at, value):
                    self._notes.append(f"{name} is from the summary, which has no step")
            elif (number := number_of(value)) is not None and not _equal(number, points[-1].value):
                self._notes.append(f"the summary says {number} for {name}, the last logged value is {points[-1].value}")

    def _set_origin(self, metadata: dict[str, Any]) -> None:
        """The command, the directory and the commit."""
        result, environment = self._result, self._environment
        program = (
            protobuf.text(environment, 8)
            or metadata.get("codePathLocal")
            or protobuf.text(environment, 6)
            or metadata.get("program")
        )
        arguments = [value.decode("utf-8", "replace") for value in environment.get(5, ()) if isinstance(value, bytes)]
        if not arguments and isinstance(metadata.get("args"), list):
            arguments = [str(argument) for argument in metadata["args"]]
        if isinstance(program, str) and program and program != "<python with no main file>":
            result.command = [program, *arguments]
        result.directory = self._directory(metadata)
        git = metadata.get("git")
        git = git if isinstance(git, dict) else {}
        for message in (protobuf.nested(self._run, 21), protobuf.nested(environment, 9)):
            result.commit = result.commit or protobuf.text(message, 2) or None
            result.remote = result.remote or protobuf.text(message, 1) or None
        result.commit = result.commit or _text_or_none(git.get("commit"))
        result.remote = result.remote or _text_or_none(git.get("remote"))

    def _directory(self, metadata: dict[str, Any]) -> str | None:
        """The working directory: the absolute path of the program without the relative one, else the recorded root,
        which is that of the repository."""
        program = protobuf.text(self._environment, 6) or metadata.get("program")
        relative = protobuf.text(self._environment, 8) or metadata.get("codePathLocal")
        if isinstance(program, str) and isinstance(relative, str) and program.endswith(f"/{relative}"):
            return program[: -len(relative) - 1] or "/"
        return _text_or_none(protobuf.text(self._environment, 11) or metadata.get("root"))

    def _set_environment(self, files: Path, metadata: dict[str, Any]) -> None:
        python = protobuf.text(self._environment, 2) or metadata.get("python") or protobuf.text(self._telemetry, 4)
        system = protobuf.text(self._environment, 1) or metadata.get("os")
        lines = text_of(files / "requirements.txt", self._notes)
        if lines is None and not python:
            return
        environment = ForeignEnvironment("files/requirements.txt" if lines is not None else self._path.name)
        environment.python_version = str(python).removeprefix("CPython ") if python else None
        environment.platform = str(system) if system else None
        read_requirements(lines or "", environment)
        self._result.environment = environment


def _item(message: bytes) -> tuple[str, Any]:
    """(name, value) of an item of a history, a configuration or a summary. Nested names are joined by dots."""
    name, path, value = "", [], None
    for number, content in protobuf.fields(message):
        if number == 1 and isinstance(content, bytes):
            name = content.decode("utf-8", "replace")
        elif number == _VALUE_JSON and isinstance(content, bytes):
            value = _json(content)
        elif number == 2 and isinstance(content, bytes):
            path.append(content.decode("utf-8", "replace"))
        else:
            value = _typed(number, content, value)
    return (name or ".".join(path)), value


def _json(content: bytes) -> Any:
    """A JSON value, as ``json.loads`` reads it. Raises ValueError. Most are numbers, which this reads in a third of the
    time."""
    text = content.decode()
    try:
        value, end = _SCAN(text, 0)
    except StopIteration:
        end = -1
    return value if end == len(text) else json.loads(text)


def _typed(number: int, content: int | bytes, before: Any) -> Any:
    """The value of a field that newer versions write instead of JSON."""
    if number == 4 and isinstance(content, int):
        return bool(content)
    if number == 5 and isinstance(content, int):
        return protobuf.zigzag(content)
    if number == 6 and isinstance(content, bytes):
        return protobuf.double(content)
    if number == 7 and isinstance(content, bytes):
        return content.decode("utf-8", "replace")
    if number == 8 and isinstance(content, bytes):
        return _json(content)
    return before


def _update(target: dict[str, Any], message: dict[int, list[int | bytes]]) -> None:
    """Apply a record of a configuration or a summary: updates, then removals."""
    for content in message.get(1, ()):
        if isinstance(content, bytes):
            name, value = _item(content)
            target[name] = value
    for content in message.get(2, ()):
        if isinstance(content, bytes):
            target.pop(_item(content)[0], None)


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _equal(left: float, right: float) -> bool:
    return left == right or (left != left and right != right)
