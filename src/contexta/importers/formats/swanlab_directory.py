"""Runs of SwanLab: the log ``run-*.swanlab`` and the files next to it. The messages are ``swanlab.record.v1``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contexta.importers.reading import protobuf
from contexta.importers.reading.bounded_files import json_of, mapping_of, text_of, yaml_of
from contexta.importers.reading.description import EndedStatus, ForeignEnvironment, ForeignRun, flattened
from contexta.importers.reading.leveldb_log import read_fields
from contexta.importers.reading.requirements_list import read_requirements

TITLE = "SwanLab"
_MAGIC = b":SWL"
_START, _FINISH, _COLUMN, _SCALAR, _LOG = 10, 11, 12, 13, 16
_STATUSES: dict[object, EndedStatus] = {1: "completed", 2: "failed", 3: "cancelled"}
_SYSTEM_COLUMN = 2
_LARGEST_OUTPUT = 32 * 1024**2

Message = dict[int, list["int | bytes"]]


def place_of(file: Path) -> Path | None:
    """The log itself, by its name."""
    return file if file.name.startswith("run-") and file.suffix == ".swanlab" else None


def read(place: Path) -> Iterator[ForeignRun]:
    log = _Log(place)
    log.read()
    yield log.run()


class _Log:
    """The content of one log, in the order in which it was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start: Message = {}
        self._finish: Message | None = None
        self._output: list[str] = []
        self._output_size = 0
        self._system: set[str] = set()  # metrics of the machine
        self._run = ForeignRun("swanlab", "", path, "", 0, 0)

    def read(self) -> None:
        """Read the log until its end or its damage."""
        read_fields(self._path, _MAGIC, TITLE, self._take, self._run.notes)

    def _take(self, number: int, value: int | bytes) -> None:
        if not isinstance(value, bytes):
            return
        if number == _START:
            self._start = protobuf.grouped(value)
        elif number == _FINISH:
            self._finish = protobuf.grouped(value)
        elif number == _COLUMN:
            column = protobuf.grouped(value)
            if protobuf.last(column, 1) == _SYSTEM_COLUMN:
                self._system.add(protobuf.text(column, 3))
        elif number == _SCALAR:
            self._take_scalar(protobuf.grouped(value))
        elif number == _LOG:
            line = protobuf.text(protobuf.grouped(value), 1)
            self._output_size += len(line) + 1
            if self._output_size <= _LARGEST_OUTPUT:
                self._output.append(line + "\n")

    def _take_scalar(self, scalar: Message) -> None:
        key, step = protobuf.text(scalar, 1), protobuf.last(scalar, 2)
        if key in self._system:
            return
        number = protobuf.last(protobuf.nested(scalar, 5), 1)
        value = protobuf.double(number) if isinstance(number, bytes) else 0.0  # protobuf leaves out a zero
        at = protobuf.timestamp(protobuf.nested(scalar, 4))
        if at is None:
            raise ValueError(f"a value of {key} has no time")
        self._run.add_point(key, protobuf.signed(step) if isinstance(step, int) else 0, at, value)

    def run(self) -> ForeignRun:
        """The run, completed with the files next to the log."""
        run, start, files = self._run, self._start, self._path.parent / "files"
        run_id = protobuf.text(start, 10) or self._path.stem.removeprefix("run-")
        folder = self._path.parent.name
        run.identity = folder if folder.startswith("run-") else run_id
        run.name = protobuf.text(start, 4) or run_id
        run.project = protobuf.text(start, 1) or None
        run.description = protobuf.text(start, 5) or None
        run.tags = {tag.decode("utf-8", "replace"): "" for tag in start.get(6, ()) if isinstance(tag, bytes)}
        for number, name in ((7, "group"), (8, "job_type")):
            if value := protobuf.text(start, number):
                run.tags[name] = value
        self._set_times()
        config = mapping_of(yaml_of(files / "config.yaml", run.notes))
        values = {name: entry["value"] for name, entry in config.items() if "value" in mapping_of(entry)}
        run.params = dict(flattened(values))
        run.output = "".join(self._output) or None
        self._set_origin(mapping_of(json_of(files / "swanlab-metadata.json", run.notes)), files)
        return run

    def _set_times(self) -> None:
        """Start, end and status."""
        run, finish = self._run, self._finish or {}
        times = [point.at for points in run.metrics.values() for point in points]
        start = protobuf.timestamp(protobuf.nested(self._start, 12))
        if start is None:
            start = min(times, default=int(self._path.stat().st_mtime * 1e6))
            run.notes.append("the start is not in the log: the first known time is used")
        end = protobuf.timestamp(protobuf.nested(finish, 3))
        run.started_at, run.ended_at = start, max([start, end or 0, *times])
        status = _STATUSES.get(protobuf.last(finish, 1))
        if status is None:
            run.notes.append("the log has no end: the run crashed, was killed, or was still open")
        run.status = status or "crashed"
        if error := protobuf.text(finish, 2):
            run.notes.append(f"it failed with {error.strip().splitlines()[-1][:1_000]}")

    def _set_origin(self, metadata: dict[str, Any], files: Path) -> None:
        run, runtime, git = self._run, mapping_of(metadata.get("runtime")), mapping_of(metadata.get("git"))
        run.tool_version = _text(mapping_of(metadata.get("swanlab")).get("version"))
        run.commit, run.branch, run.remote = (_text(git.get(name)) for name in ("commit", "branch", "remote_url"))
        run.directory = _text(runtime.get("cwd"))
        command = _text(runtime.get("command"))
        if command is not None:
            try:
                run.command = shlex.split(command)
            except ValueError:
                run.command = command.split()
        lines = text_of(files / "requirements.txt", run.notes)
        if lines is None and not runtime:
            return
        environment = ForeignEnvironment("files/requirements.txt" if lines is not None else "swanlab-metadata.json")
        environment.python_version = _text(runtime.get("python_version"))
        environment.platform = _text(runtime.get("os"))
        read_requirements(lines or "", environment)
        run.environment = environment


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
