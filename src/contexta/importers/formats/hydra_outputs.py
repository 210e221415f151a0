"""Jobs of Hydra: an output directory with ``.hydra/config.yaml``, and the parameters of runs that are below one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from contexta.importers.reading.bounded_files import mapping_of, text_of, yaml_of
from contexta.importers.reading.description import ForeignRun, flattened
from contexta.importers.reading.used_files import used

TITLE = "Hydra"
FOLDER = ".hydra"
_NO_STATUS = "Hydra records no status and no times: completed is assumed, and the times of its files are used"
_REFERENCE = re.compile(r"\$\{([\w.-]+)\}")
_MOST_LEVELS = 5  # directories between a run and the output directory around it
# Facts of `hydra.yaml`, which OmegaConf always writes in this layout: name -> its section and its key
_FACTS = {"job": ("job", "name"), "directory": ("runtime", "cwd"), "version": ("runtime", "version")}


def place_of(file: Path) -> Path | None:
    """The output directory."""
    return file.parent.parent if file.name == "config.yaml" and file.parent.name == FOLDER else None


def read(place: Path) -> Iterator[ForeignRun]:
    notes: list[str] = []
    start = int((place / FOLDER / "config.yaml").stat().st_mtime * 1e6)
    run = ForeignRun("hydra", "", place, f"{place.parent.name} {place.name}", start, start, notes=notes)
    facts = _facts(place, notes)
    run.identity = f"{facts.get('directory')} {place.parent.name}/{place.name}"
    run.tool_version = facts.get("version")
    _add_configuration(run, place, facts)
    log = place / f"{facts.get('job')}.log"
    if used(log).is_file():
        run.output = text_of(log, notes)
        run.ended_at = max(start, int(log.stat().st_mtime * 1e6))
    notes.append(_NO_STATUS)
    yield run


def complete(run: ForeignRun) -> None:
    """Add the parameters and the command of the job around a run of another tool, where it has none of its own."""
    for folder in islice((run.path, *run.path.parents), _MOST_LEVELS):
        if used(folder / FOLDER / "config.yaml").is_file():
            run.notes.append(f"parameters that the tool did not record are from {FOLDER}/config.yaml of {folder.name}")
            _add_configuration(run, folder, _facts(folder, run.notes))
            return


def _add_configuration(run: ForeignRun, place: Path, facts: dict[str, str]) -> None:
    params = dict(flattened(mapping_of(yaml_of(place / FOLDER / "config.yaml", run.notes))))
    resolved = {name: _resolved(value, params) for name, value in params.items()}
    unresolved = [name for name, value in resolved.items() if isinstance(value, str) and "${" in value]
    if unresolved:
        run.notes.append(f"references in parameters were left as they are written: {', '.join(unresolved[:20])}")
    run.params = {**resolved, **run.params}
    if run.command is None and "job" in facts:
        overrides = yaml_of(place / FOLDER / "overrides.yaml", run.notes)
        run.command = [f"{facts['job']}.py", *map(str, overrides if isinstance(overrides, list) else ())]
        run.directory = run.directory or facts.get("directory")
        run.notes.append("Hydra records the name of the job and its overrides, which are the command")


def _resolved(value: Any, params: dict[str, Any]) -> Any:
    """The value of another parameter for a text that is nothing but a reference to it."""
    for _ in range(10):
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if match is None or match[1] not in params:
            return value
        value = params[match[1]]
    return value


def _facts(place: Path, notes: list[str]) -> dict[str, str]:
    text = text_of(place / FOLDER / "hydra.yaml", notes) or ""
    facts = {}
    for name, (section, key) in _FACTS.items():
        match = re.search(rf"^  {section}:\n(?:    .*\n)*?    {key}: *(\S.*)$", text, re.MULTILINE)
        if match is not None and match[1] not in ("null", "???"):
            facts[name] = match[1].strip("'\"")
    return facts
