"""Runs of TensorBoard: the event files of one directory, with scalars and hyperparameters.

The messages are ``Event``, ``Summary`` and ``TensorProto`` of TensorFlow, and ``HParamsPluginData`` of TensorBoard.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from contexta.importers.reading import protobuf
from contexta.importers.reading.description import ForeignRun, microseconds
from contexta.importers.reading.leveldb_log import Damaged
from contexta.importers.reading.tfrecord import records
from contexta.importers.reading.used_files import entries, used

TITLE = "TensorBoard"
NO_ENVIRONMENT = "TensorBoard records no environment, no command and no status: completed is assumed"
_NO_TIME = "values without a time have that at which their event file was opened"
_OPENED = re.compile(r"tfevents\.(\d{9,11})\.")  # seconds since 1970
_HPARAMS = "_hparams_/session_start_info"
_HEAD = 64 * 1024  # bytes in which hyperparameters are
_PARTS = frozenset(["train", "training", "val", "valid", "validation", "eval", "test"])
"""Names of directories that contain a part of a run."""
_FLOAT, _DOUBLE, _INT32, _INT64 = 1, 2, 3, 9  # of a tensor
_WIDTHS = {_FLOAT: "<f", _DOUBLE: "<d", _INT32: "<i", _INT64: "<q"}
_FIELDS = {_FLOAT: 5, _DOUBLE: 6, _INT32: 7, _INT64: 10}  # of values that are not in ``tensor_content``

Message = dict[int, list["int | bytes"]]


def place_of(file: Path) -> Path | None:
    """The directory of event files; the one above for the hyperparameters that ``add_hparams`` writes below a run."""
    if "tfevents" not in file.name or not file.is_file():
        return None
    return file.parent.parent if _is_of_run_above(file) else file.parent


def read(place: Path) -> Iterator[ForeignRun]:
    files = _event_files(place)
    below = [file for folder in entries(place) if folder.is_dir() for file in _event_files(folder)]
    files += [file for file in below if _is_of_run_above(file)]
    name = f"{place.parent.name} {place.name}" if place.name in _PARTS else place.name
    run = ForeignRun("tensorboard", f"{place.name} {files[0].name}", place, name or "run", 0, 0)
    run.tracker_ids = tuple(f"{file.parent.name}/{file.name}" for file in files)
    points: dict[str, dict[int, tuple[int, float]]] = {}
    repeated = 0
    for file in files:
        try:
            with used(file).open("rb") as opened:
                for record in records(opened):
                    repeated += _add(run, points, record, _time_of(file))
        except (Damaged, ValueError, struct.error) as error:
            run.notes.append(f"{file.name} was read up to its damage: {error}")
    for key, by_step in points.items():
        for step, (at, value) in sorted(by_step.items()):
            run.add_point(key, step, at, value)
    if repeated:
        run.notes.append(f"{repeated} values were written again for the same step, as after a restart: the last counts")
    times = [point.at for series in run.metrics.values() for point in series]
    run.started_at = run.started_at or min(times, default=int(files[0].stat().st_mtime * 1e6))
    run.ended_at = max([run.started_at, *times])
    run.notes.append(NO_ENVIRONMENT)
    yield run


def scalars(files: Iterable[Path]) -> dict[str, dict[int, float]]:
    """Tag -> step -> value, of event files that belong together. A file is read up to its damage. Raises OSError."""
    points: dict[str, dict[int, tuple[int, float]]] = {}
    run = ForeignRun("tensorboard", "", Path(), "run", 0, 0)
    for file in files:
        with contextlib.suppress(Damaged, ValueError, struct.error), file.open("rb") as opened:
            for record in records(opened):
                _add(run, points, record, _time_of(file))
    return {tag: {step: value for step, (_, value) in by_step.items()} for tag, by_step in points.items()}


def _event_files(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if "tfevents" in path.name and path.is_file()]


def _is_of_run_above(file: Path) -> bool:
    """Whether a file has hyperparameters, and the directory above it the curves of their run."""
    with used(file).open("rb") as opened:
        return _HPARAMS.encode() in opened.read(_HEAD) and bool(_event_files(file.parent.parent))


def _time_of(file: Path) -> int:
    """The time at which a file was opened, which its name contains, else that of its last change."""
    match = _OPENED.search(file.name)
    return microseconds(int(match[1])) or 0 if match else int(file.stat().st_mtime * 1e6)


def _add(run: ForeignRun, points: dict[str, dict[int, tuple[int, float]]], record: bytes, opened: int) -> int:
    """Add one event. Returns how many of its values replaced another one of the same step. Raises ValueError.

    opened: the time of an event without one, as Guild writes them.
    """
    event = protobuf.grouped(record)
    wall, step = protobuf.last(event, 1), protobuf.last(event, 2)
    at = microseconds(protobuf.double(wall)) if isinstance(wall, bytes) else opened
    if not isinstance(wall, bytes) and _NO_TIME not in run.notes:
        run.notes.append(_NO_TIME)
    if at is None:
        raise ValueError("an event has no time")
    if run.started_at == 0 or at < run.started_at:
        run.started_at = at
    repeated = 0
    for value in protobuf.nested(event, 5).get(1, []):
        if not isinstance(value, bytes):
            continue
        fields = protobuf.grouped(value)
        tag = protobuf.text(fields, 1)
        if tag == _HPARAMS:
            run.params.update(_hyperparameters(fields))
            continue
        number = _scalar(fields)
        if number is not None and tag:
            series = points.setdefault(tag, {})
            at_step = protobuf.signed(step) if isinstance(step, int) else 0
            repeated += at_step in series
            series[at_step] = (at, number)
    return repeated


def _scalar(value: Message) -> float | None:
    """The number of a value, from ``simple_value`` or a tensor of one element; None for any other value."""
    simple = protobuf.last(value, 2)
    if isinstance(simple, bytes):
        return protobuf.float32(simple)
    tensor = protobuf.nested(value, 8)
    kind, content = protobuf.last(tensor, 1), protobuf.last(tensor, 4)
    width = _WIDTHS.get(kind) if isinstance(kind, int) else None
    if width is None or protobuf.nested(tensor, 2).get(2):  # a tensor with dimensions
        return None
    if isinstance(content, bytes) and len(content) == struct.calcsize(width):
        return float(struct.unpack(width, content)[0])
    packed = protobuf.last(tensor, _FIELDS[kind]) if isinstance(kind, int) else None
    if kind in (_INT32, _INT64):
        return float(protobuf.signed(packed)) if isinstance(packed, int) else None
    return float(struct.unpack(width, packed)[0]) if isinstance(packed, bytes) else None


def _hyperparameters(value: Message) -> dict[str, Any]:
    """Name -> value, from the data of the plug-in ``hparams``. Raises ValueError."""
    content = protobuf.last(protobuf.nested(protobuf.nested(value, 9), 1), 2)
    info = protobuf.nested(protobuf.grouped(content), 3) if isinstance(content, bytes) else {}
    params: dict[str, Any] = {}
    for entry in info.get(1, []):
        if isinstance(entry, bytes):
            pair = protobuf.grouped(entry)
            params[protobuf.text(pair, 1)] = _json_value(protobuf.nested(pair, 2))
    return params


def _json_value(value: Message) -> Any:
    """The value of a ``google.protobuf.Value``; numbers are doubles in it, whole ones are read as integers."""
    number, text, flag = protobuf.last(value, 2), protobuf.last(value, 3), protobuf.last(value, 4)
    if isinstance(number, bytes):
        real = protobuf.double(number)
        return int(real) if real.is_integer() and abs(real) < 2**53 else real
    if isinstance(text, bytes):
        return text.decode("utf-8", "replace")
    return bool(flag) if isinstance(flag, int) else None
