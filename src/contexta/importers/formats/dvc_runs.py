"""Runs of DVC and DVCLive: a directory of DVCLive, the experiments in git, and the pipeline of ``dvc.lock``."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from contexta.importers.reading.bounded_files import bytes_of, json_in, mapping_of, yaml_in
from contexta.importers.reading.description import ForeignRun, InputFile, flattened, milliseconds
from contexta.recorder.source import git_history

TITLE = "DVC"
_LOCK = "dvc.lock"
_PLOTS = "plots/metrics/"
_NO_STATUS = "DVC records no status: completed is assumed"
_NO_TIMES = "metrics without a column timestamp have the time of their file or commit"
_INTEGER = re.compile(r"-?\d{1,18}\Z")
_MOST_FILES = 5_000
_LARGEST = 512 * 1024**2  # bytes of a file
_SHELL = re.compile(r"[|&;<>()$`\n]")

Files = Mapping[str, bytes]
"""Path -> content, relative to a directory and with ``/``."""


def place_of(file: Path) -> Path | None:
    """The directory of DVCLive, or the repository, whose git references are experiments."""
    if file.name == "config" and file.parent.name == ".dvc":
        return file.parent.parent
    if file.name == "metrics.json" and (file.parent / "plots" / "metrics").is_dir():
        return file.parent
    if file.suffix == ".tsv" and _PLOTS in file.as_posix():
        return Path(file.as_posix().rpartition(f"/{_PLOTS}")[0])
    return file.parent if file.name == _LOCK else None


def read(place: Path) -> Iterator[ForeignRun]:
    if (place / ".dvc").is_dir() or (place / _LOCK).is_file():
        if (place / ".dvc").is_dir():
            yield from _experiments(place)
        if not (place / "dvclive").is_dir() and (lock := bytes_of(place / _LOCK, [], _LARGEST)) is not None:
            yield _run(place, place.name, {_LOCK: lock}, "", int((place / _LOCK).stat().st_mtime * 1e6))
        return
    notes: list[str] = []
    names = [path for path in sorted(place.rglob("*")) if path.is_file()][:_MOST_FILES]
    paths = [path for path in names if _is_read(path.relative_to(place.parent).as_posix(), place.name)]
    files = {path.relative_to(place.parent).as_posix(): bytes_of(path, notes, _LARGEST) or b"" for path in paths}
    lock = bytes_of(place.parent / _LOCK, notes, _LARGEST)
    if lock is not None:
        files[_LOCK] = lock
    modified = max((int(path.stat().st_mtime * 1e6) for path in paths), default=0)
    run = _run(place, f"{place.parent.name} {place.name}", files, place.name, modified)
    run.notes += notes
    yield run


def _is_read(path: str, folder: str) -> bool:
    below = path.removeprefix(f"{folder}/")
    return below in ("metrics.json", "params.yaml") or (below.startswith(_PLOTS) and path.endswith(".tsv"))


def _experiments(root: Path) -> Iterator[ForeignRun]:
    """The experiments that DVC keeps as references of git, below ``refs/exps``."""
    for reference, commit in git_history.references(root, "refs/exps"):
        parts = reference.split("/")  # refs, exps, two parts of the commit below it, the name
        if len(parts) != 5 or len(parts[2]) != 2:
            continue  # of the queue, or of a run that is under way
        tracked = git_history.files_at(root, commit.name)
        folders = {str(PurePosixPath(file.path).parent) for file in tracked if file.path.endswith("/metrics.json")}
        live = min(
            (folder for folder in folders if any(f.path.startswith(f"{folder}/{_PLOTS}") for f in tracked)), default=""
        )
        files_to_read = [
            file
            for file in tracked
            if file.size <= _LARGEST
            and (file.path == _LOCK or (live and file.path.startswith(f"{live}/") and _is_read(file.path, live)))
        ]
        files = {file.path: content for file, content in git_history.contents(root, files_to_read[:_MOST_FILES])}
        run = _run(root, parts[-1], files, live, int(commit.when.timestamp() * 1e6))
        run.commit = f"{parts[2]}{parts[3]}"
        run.notes.append(f"the experiment is the commit {commit.name} of git")
        yield run


def _run(place: Path, name: str, files: Files, folder: str, modified: int) -> ForeignRun:
    """The run of these files.

    folder: that of DVCLive, relative to the repository; empty without one. modified: the time of the files.
    """
    run = ForeignRun("dvc", "", place, name, 0, 0)
    heads = [b"\n".join(content.split(b"\n")[:4]) for path, content in sorted(files.items()) if path.endswith(".tsv")]
    parts = [*heads, files.get(f"{folder}/params.yaml", b""), files.get(_LOCK, b"")]
    run.identity = sha256(b"\0".join(parts)).hexdigest()
    if folder:
        for path, content in sorted(files.items()):
            if path.endswith(".tsv"):
                _add_series(run, path, path.removeprefix(f"{folder}/{_PLOTS}").removesuffix(".tsv"), content, modified)
        params = yaml_in(files.get(f"{folder}/params.yaml"), "params.yaml", run.notes)
        run.params = dict(flattened(mapping_of(params)))
    times = [point.at for points in run.metrics.values() for point in points]
    run.started_at, run.ended_at = min(times, default=modified), max(times, default=modified)
    if folder:
        _add_last_values(run, mapping_of(json_in(files.get(f"{folder}/metrics.json"), "metrics.json", run.notes)))
    _add_pipeline(run, mapping_of(yaml_in(files.get(_LOCK), _LOCK, run.notes)), folder)
    run.notes += [_NO_STATUS, _NO_TIMES]
    return run


def _add_series(run: ForeignRun, path: str, name: str, content: bytes, modified: int) -> None:
    lines = content.decode("utf-8", "replace").split("\n")
    if lines.pop():
        run.notes.append(f"the last line of {path} is incomplete and was left out")
    header = lines[0].rstrip("\r").split("\t") if lines else []
    for number, line in enumerate(lines[1:], 2):
        cells = dict(zip(header, line.rstrip("\r").split("\t"), strict=False))
        step, text = cells.get("step", ""), cells.get(header[-1], "")
        at = milliseconds(int(cells["timestamp"])) if _INTEGER.match(cells.get("timestamp", "")) else modified
        value = _number(text)
        if not _INTEGER.match(step) or at is None or value is None or not run.add_point(name, int(step), at, value):
            run.notes.append(f"line {number} of {path} is no measurement and was left out")


def _number(text: object) -> int | float | None:
    """The number in a cell or a JSON value; None for any other text."""
    if isinstance(text, str):
        try:
            return int(text) if _INTEGER.match(text) else float(text)
        except ValueError:
            return None
    return text if isinstance(text, (int, float)) else None


def _add_last_values(run: ForeignRun, values: Mapping[str, Any]) -> None:
    """Add the metrics without a curve, and note last values that differ from the curve."""
    for name, value in flattened(values):
        key, number = name.replace(".", "/") if name not in values else name, _number(value)
        points = run.metrics.get(key)
        if key == "step" or number is None:
            continue
        if points is None:
            run.add_point(key, None, run.ended_at, number)
        elif points[-1].value != number and not (math.isnan(points[-1].value) and math.isnan(number)):
            run.notes.append(f"metrics.json says {number} for {key}, the last value of its curve is {points[-1].value}")


def _add_pipeline(run: ForeignRun, lock: Mapping[str, Any], folder: str) -> None:
    """Add the command, the parameters and the input files that ``dvc.lock`` records."""
    stages = {name: mapping_of(stage) for name, stage in mapping_of(lock.get("stages")).items()}
    made = {path: name for name, stage in stages.items() for path, _ in _files_of(stage, "outs")}
    name = next(
        (stage for path, stage in made.items() if folder and (folder + "/").startswith(path.rstrip("/") + "/")), None
    )
    if name is None and stages:
        name = list(stages)[-1]
        run.notes.append(f"the stage {name} is the last one of {_LOCK}: its command is assumed to be that of the run")
    if name is None:
        return
    command = stages[name].get("cmd")
    text = " && ".join(map(str, command)) if isinstance(command, list) else str(command or "")
    run.command = (["sh", "-c", text] if _SHELL.search(text) else _words(text)) if text else None
    for stage in stages.values():
        for values in mapping_of(stage.get("params")).values():
            run.params = {**dict(flattened(mapping_of(values))), **run.params}
        for path, entry in _files_of(stage, "deps"):
            if path not in made or stage is stages[name]:
                run.inputs[path] = _input(entry)


def _files_of(stage: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = stage.get(key)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(mapping_of(entry).get("path"), str):
            yield entry["path"], entry


def _input(entry: Mapping[str, Any]) -> InputFile:
    kind = next((name for name in ("md5", "etag", "checksum") if isinstance(entry.get(name), str)), None)
    size = entry.get("size")
    is_size = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**63
    return InputFile(f"{kind}:{entry[kind]}" if kind else None, size if is_size else None)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return ["sh", "-c", text]
