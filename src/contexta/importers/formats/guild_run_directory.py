"""Runs of Guild: a directory with ``.guild/attrs/``, and the event files of TensorBoard in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from contexta.importers.formats import tensorboard_events
from contexta.importers.reading.bounded_files import mapping_of, text_of, yaml_of
from contexta.importers.reading.description import LATEST, ForeignEnvironment, ForeignRun, flattened
from contexta.importers.reading.requirements_list import read_requirements
from contexta.importers.reading.used_files import files_below

TITLE = "Guild"
_FOLDER = ".guild"
_MARKS = frozenset(["id", "started", "flags"])
_MOST_FOLDERS = 1_000


def place_of(file: Path) -> Path | None:
    """The directory of a run, by its attributes."""
    if file.name == "opref" and file.parent.name == _FOLDER:
        return file.parent.parent
    is_attribute = file.name in _MARKS and file.parent.name == "attrs" and file.parent.parent.name == _FOLDER
    return file.parent.parent.parent if is_attribute else None


def read(place: Path) -> Iterator[ForeignRun]:
    notes: list[str] = []
    attributes = _Attributes(place / _FOLDER / "attrs", notes)
    run = ForeignRun("guild", attributes.text("id") or place.name, place, place.name, 0, 0, notes=notes)
    operation = (text_of(place / _FOLDER / "opref", notes) or "").split()
    run.name = attributes.text("label") or (operation[-1] if operation else place.name)
    run.params = dict(flattened(mapping_of(yaml_of(attributes.folder / "flags", notes))))
    run.tags = dict.fromkeys(attributes.lines("tags"), "")
    run.command = attributes.lines("cmd") or None
    commit = attributes.text("vcs_commit")
    if commit is not None and commit.startswith("git:"):
        run.commit = commit.removeprefix("git:").rstrip("+")
        if commit.endswith("+"):
            notes.append("the working tree had uncommitted changes, which are not recorded as a patch")
    run.output = text_of(place / _FOLDER / "output", notes)
    _add_metrics(run, place)
    _set_times(run, attributes)
    _set_environment(run, attributes)
    yield run


class _Attributes:
    """The files of attributes, each of which contains one YAML value."""

    def __init__(self, folder: Path, notes: list[str]) -> None:
        self.folder = folder
        self._notes = notes

    def text(self, name: str) -> str | None:
        """A scalar as text; None without one."""
        content = (text_of(self.folder / name, self._notes) or "").strip().strip("'\"")
        return content if content and content != "null" else None

    def number(self, name: str) -> int | None:
        content = self.text(name) or ""
        return int(content) if re.fullmatch(r"-?\d{1,18}", content) else None

    def lines(self, name: str) -> list[str]:
        """A list of texts, one a line. Numbers stay as they are written."""
        lines = (text_of(self.folder / name, self._notes) or "").splitlines()
        return [line[2:].strip().strip("'\"") for line in lines if line.startswith("- ")]


def _add_metrics(run: ForeignRun, place: Path) -> None:
    """Add the scalars of all event files; those of a directory inside the run have its name."""
    folders = sorted({file.parent for file in files_below(place) if "tfevents" in file.name})[:_MOST_FOLDERS]
    for folder in folders:
        below = folder.relative_to(place).as_posix()
        prefix = "" if below in (".", _FOLDER) else f"{below}/"
        for other in tensorboard_events.read(folder):
            for key, points in other.metrics.items():
                run.metrics.setdefault(f"{prefix}{key}", []).extend(points)
            run.notes += [note for note in other.notes if note != tensorboard_events.NO_ENVIRONMENT]


def _set_times(run: ForeignRun, attributes: _Attributes) -> None:
    """Start, end and status."""
    times = [point.at for points in run.metrics.values() for point in points]
    start = attributes.number("started") or attributes.number("initialized")
    if start is None or not 0 < start <= LATEST:
        start = min(times, default=int(run.path.stat().st_mtime * 1e6))
        run.notes.append("the start is not recorded: the first known time is used")
    end = attributes.number("stopped")
    run.started_at, run.ended_at = start, max([start, *times, *([end] if end is not None and end <= LATEST else [])])
    code = attributes.number("exit_status")
    if code is None:
        run.status = "crashed"
        run.notes.append("Guild recorded no end: the run crashed, was killed, or was still open")
    else:
        run.status = "completed" if code == 0 else "failed" if code > 0 else "cancelled"


def _set_environment(run: ForeignRun, attributes: _Attributes) -> None:
    platform = text_of(attributes.folder / "platform", run.notes) or ""
    python = re.search(r"^python_version: *'?(\d[\w.+]*)", platform, re.MULTILINE)
    system = re.search(r"^uname: *'?([^'\n]*)", platform, re.MULTILINE)
    packages = attributes.lines("pip_freeze")
    if python is None and not packages:
        return
    environment = ForeignEnvironment(f"{_FOLDER}/attrs")
    environment.python_version = python[1] if python else None
    environment.platform = (system[1].strip() or None) if system else None
    read_requirements("\n".join(packages), environment)
    if not packages:
        run.notes.append("the packages are not recorded: Guild asks pip for them, which was not installed")
    run.tool_version = environment.packages.get("guildai")
    run.environment = environment
