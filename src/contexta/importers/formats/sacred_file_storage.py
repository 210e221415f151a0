"""Runs of Sacred in a file storage: a numbered directory with ``run.json``, ``config.json`` and ``metrics.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from contexta.importers.reading.bounded_files import bytes_of, json_of, mapping_of, text_of
from contexta.importers.reading.description import EndedStatus, ForeignEnvironment, ForeignRun, flattened, moment
from contexta.importers.reading.requirements_list import read_requirements

TITLE = "Sacred"
_STATUSES: dict[str, EndedStatus] = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "TIMEOUT": "failed",
    "INTERRUPTED": "cancelled",
}


def place_of(file: Path) -> Path | None:
    """The directory of a run, by its ``run.json``."""
    if file.name != "run.json" or not (file.parent / "config.json").is_file():
        return None
    is_sacred = (file.parent / "cout.txt").is_file() or b'"heartbeat"' in (bytes_of(file, [], 1024**2) or b"")
    return file.parent if is_sacred else None


def read(place: Path) -> Iterator[ForeignRun]:
    notes: list[str] = []
    facts = mapping_of(json_of(place / "run.json", notes))
    experiment = mapping_of(facts.get("experiment"))
    start = moment(facts.get("start_time"))
    title = str(experiment.get("name") or place.parent.name)
    run = ForeignRun("sacred", f"{title} {place.name} {start}", place, f"{title}-{place.name}", 0, 0, notes=notes)
    run.project = title
    run.params = dict(flattened(_plain(mapping_of(json_of(place / "config.json", notes)))))
    _add_metrics(run, place, start or 0)
    _set_times(run, facts, start)
    _add_results(run, facts, mapping_of(json_of(place / "info.json", notes)))
    _set_origin(run, experiment, mapping_of(facts.get("meta")))
    _set_environment(run, experiment, mapping_of(facts.get("host")))
    run.output = text_of(place / "cout.txt", notes)
    yield run


def _plain(value: Any) -> Any:
    """A value without the wrappers of jsonpickle for tuples, sets and NumPy scalars. Nothing is constructed."""
    if isinstance(value, Mapping):
        for wrapper in ("py/tuple", "py/set"):
            if value.keys() == {wrapper}:
                return _plain(value[wrapper])
        if "py/object" in value and "value" in value:
            return _plain(value["value"])
        return {str(key): _plain(content) for key, content in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _add_metrics(run: ForeignRun, place: Path, start: int) -> None:
    for key, series in mapping_of(json_of(place / "metrics.json", run.notes)).items():
        columns = [
            column
            for name in ("steps", "timestamps", "values")
            if isinstance(column := mapping_of(series).get(name), list)
        ]
        if len(columns) < 3:
            run.notes.append(f"the metric {key} is damaged and was left out")
            continue
        left_out = 0
        for step, at, value in zip_longest(*columns):
            is_step = step is None or (isinstance(step, int) and not isinstance(step, bool))
            time = moment(at)
            left_out += not (is_step and run.add_point(key, step, start if time is None else time, _plain(value)))
        if left_out:
            run.notes.append(f"{left_out} values of {key} are no numbers, or have no step, and were left out")


def _set_times(run: ForeignRun, facts: Mapping[str, Any], start: int | None) -> None:
    """Start, end and status."""
    times = [point.at for points in run.metrics.values() for point in points if point.at]
    if start is None:
        start = min(times, default=int(run.path.stat().st_mtime * 1e6))
        run.notes.append("the start is not recorded: the first known time is used")
    end = moment(facts.get("stop_time")) or moment(facts.get("heartbeat")) or start
    run.started_at, run.ended_at = start, max([start, end, *times])
    status = _STATUSES.get(str(facts.get("status")))
    if status is None:
        run.notes.append(f"its last status is {facts.get('status')}: the run crashed, was killed, or was still open")
    run.status = status or "crashed"
    trace = facts.get("fail_trace")
    if isinstance(trace, list) and trace:
        run.notes.append(f"it failed with {str(trace[-1]).strip()}")


def _add_results(run: ForeignRun, facts: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    """Add the numbers of ``info`` and the result, which have no step."""
    left_out = []
    for key, value in flattened({"result": _plain(facts.get("result")), **_plain(info)}):
        if value is not None and key not in run.metrics and not run.add_point(key, None, run.ended_at, value):
            left_out.append(key)
    if left_out:
        run.notes.append(f"values of info and the result that are no numbers were left out: {', '.join(left_out[:20])}")


def _set_origin(run: ForeignRun, experiment: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    if isinstance(experiment.get("mainfile"), str):
        updates = mapping_of(meta.get("options")).get("UPDATE")
        words = [str(word) for word in updates] if isinstance(updates, list) else []
        command = [str(meta["command"])] if meta.get("command") else []
        run.command = [experiment["mainfile"], *command, *(["with", *words] if words else [])]
        run.notes.append("Sacred records the command with its updates, without its other options")
    base = experiment.get("base_dir")
    run.directory = base if isinstance(base, str) else None
    comment = mapping_of(meta.get("options")).get("--comment")
    run.description = comment if isinstance(comment, str) else None
    repositories = experiment.get("repositories")
    repository = mapping_of(repositories[0]) if isinstance(repositories, list) and repositories else {}
    run.commit = str(repository["commit"]) if repository.get("commit") else None
    run.remote = str(repository["url"]) if repository.get("url") else None
    if repository.get("dirty"):
        run.notes.append("the working tree had uncommitted changes, which Sacred does not record")


def _set_environment(run: ForeignRun, experiment: Mapping[str, Any], host: Mapping[str, Any]) -> None:
    lines = experiment.get("dependencies")
    if not isinstance(lines, list) and not host:
        return
    environment = ForeignEnvironment("run.json", is_complete=False)
    texts = [str(line) for line in lines] if isinstance(lines, list) else []
    read_requirements("\n".join(line for line in texts if "<" not in line), environment)
    environment.unpinned += [line for line in texts if "<" in line]  # name==<unknown>
    environment.python_version = str(host["python_version"]) if host.get("python_version") else None
    system = host.get("os")
    environment.platform = str(system[-1]) if isinstance(system, list) and system else None
    run.tool_version = environment.packages.get("sacred")
    run.environment = environment
