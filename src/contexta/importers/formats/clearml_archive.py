"""Tasks of ClearML offline: ``offline-ID.zip``, or its directory, with ``task.json`` and ``metrics.jsonl``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contexta.importers.formats.mlflow.logged_models import text_as_value
from contexta.importers.reading.bounded_files import mapping_of
from contexta.importers.reading.description import ForeignEnvironment, ForeignRun, milliseconds
from contexta.importers.reading.offline_archives import OfflineArchive
from contexta.importers.reading.requirements_list import read_requirements
from contexta.importers.reading.zip_members import names_of

TITLE = "ClearML"
_TASK, _METRICS, _LOG = "task.json", "metrics.jsonl", "log.jsonl"
_NAME = re.compile(r"offline-[0-9a-f]{32}\Z")
_SINGLE_VALUE = -(2**31)  # the iteration of a value without one
_PYTHON = re.compile(r"^# Python (\S+)", re.MULTILINE)
_NUMBERS_AS_TEXTS = "ClearML stores parameters as texts: those with a type, or that Python writes, were read as values"
_NO_STATUS = "ClearML records no status offline: completed is assumed, because the task was closed"


def place_of(file: Path) -> Path | None:
    """The archive of a closed task, else its directory."""
    if file.name == _TASK and _NAME.match(file.parent.name):
        archive = file.parent.with_name(f"{file.parent.name}.zip")
        return archive if archive.is_file() else file.parent
    if file.suffix != ".zip":
        return None
    names = names_of(file)
    is_named = names and _NAME.match(file.stem)  # a truncated one may lack both members
    return file if is_named or {_TASK, _METRICS} <= names else None


def read(place: Path) -> Iterator[ForeignRun]:
    notes: list[str] = []
    archive = OfflineArchive(place, (_TASK, _METRICS, _LOG), notes)
    task = archive.mapping(_TASK)
    key = str(task.get("id") or place.stem)
    run = ForeignRun("clearml", key, place, str(task.get("name") or key), 0, 0, notes=notes)
    run.project = str(task["project_name"]) if task.get("project_name") else None
    run.description = str(task["comment"]) if task.get("comment") else None
    tags = task.get("tags")
    run.tags = {str(tag): "" for tag in tags} if isinstance(tags, list) else {}
    run.params = _params(mapping_of(task.get("hyperparams")))
    if any(not isinstance(value, str) for value in run.params.values()):
        notes.append(_NUMBERS_AS_TEXTS)
    times = _add_metrics(run, archive)
    lines = []
    for event in archive.items(_LOG):
        lines.append(str(event.get("msg")))
        times.append(milliseconds(event.get("timestamp")))
    run.output = "\n".join(lines) or None
    recorded = [time for time in times if time is not None] or [int(place.stat().st_mtime * 1e6)]
    run.started_at, run.ended_at = min(recorded), max(recorded)
    if place.is_dir():
        run.status = "crashed"
        notes.append("the task was never closed: the run crashed, was killed, or was still open")
    else:
        notes.append(_NO_STATUS)
    _set_origin(run, mapping_of(task.get("script")))
    yield run


def _params(sections: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> value; a name has its section unless that is the usual one."""
    params = {}
    for section, entries in sections.items():
        for name, entry in mapping_of(entries).items():
            content = mapping_of(entry)
            text = str(content.get("value", ""))
            short = name.replace("/", ".")
            is_text = content.get("type") in ("str", "string")
            params[short if section == "General" else f"{section}/{short}"] = text if is_text else text_as_value(text)
    return params


def _add_metrics(run: ForeignRun, archive: OfflineArchive) -> list[int | None]:
    """Add the scalars, and return their times."""
    times = []
    left_out = set()
    for event in archive.items(_METRICS):
        title, series, step = str(event.get("metric")), str(event.get("variant")), event.get("iter")
        if event.get("type") != "training_stats_scalar" or title.startswith(":monitor:"):
            continue
        at = milliseconds(event.get("timestamp"))
        times.append(at)
        is_single = step == _SINGLE_VALUE
        name = series if is_single or title == series else f"{title}/{series}"
        number = None if is_single else step
        is_step = number is None or (isinstance(number, int) and not isinstance(number, bool))
        if at is None or not is_step or not run.add_point(name, number, at, event.get("value")):
            left_out.add(name)
    if left_out:
        names = ", ".join(sorted(left_out)[:20])
        run.notes.append(f"values that are no numbers, or have no time, were left out: {names}")
    run.notes.append("ClearML stores NaN and infinity as 0")
    return times


def _set_origin(run: ForeignRun, script: Mapping[str, Any]) -> None:
    """The command, the source and the environment."""
    entry = script.get("entry_point")
    if isinstance(entry, str) and entry:
        binary = str(script.get("binary") or "python")
        run.command = [binary, *_words(entry)]
        run.notes.append("ClearML records the program without its arguments")
    run.commit = str(script["version_num"]) if script.get("version_num") else None
    run.branch = str(script["branch"]) if script.get("branch") else None
    run.remote = str(script["repository"]) if script.get("repository") else None
    diff = script.get("diff")
    run.patch = diff.encode() if isinstance(diff, str) and diff.startswith("diff ") else None
    text = mapping_of(script.get("requirements")).get("pip")
    if isinstance(text, str) and text.strip():
        environment = ForeignEnvironment(_TASK, is_complete=False)
        match = _PYTHON.search(text)
        environment.python_version = match[1] if match else None
        read_requirements(text, environment)
        run.tool_version = environment.packages.get("clearml")
        run.environment = environment


def _words(entry: str) -> list[str]:
    """The words of an entry point, such as ``-m package.module`` or the path of a file."""
    try:
        return shlex.split(entry)
    except ValueError:
        return [entry]
