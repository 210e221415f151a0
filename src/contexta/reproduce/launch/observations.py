"""Read the observations of the recorder inside the processes of one run: their journals, and their reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from contexta.recorder.journal.decoding import decoded
from contexta.recorder.journal.objects import Objects
from contexta.recorder.notes import storable
from contexta.reproduce.launch.confirmation import Observations, SeenProcess, UnseenProcess


def observations(journals: Iterable[Path], objects: Objects, reported: Path) -> Observations:
    """journals: of the run. reported: the file that ``trial_process`` writes."""
    lines = list(_lines(reported))
    pythons = {(line["pid"], line["prefix"]): line for line in lines if line["t"] == "python"}
    recorded = {key: process for path in journals for key, process in _process(path, objects, pythons)}
    pythons_seen = {key: process for key, process in recorded.items() if key in pythons}
    entered = {(line["prefix"], line["program"]) for line in pythons.values()}
    unseen = [
        UnseenProcess(prefix, line["kind"], line["program"], line.get("cwd", ""))
        for line in lines
        if line["t"] == "unseen" and (prefix := str(Path(line["path"]).parent.parent), line["program"]) not in entered
    ]
    unseen += [
        UnseenProcess(line["prefix"], line["kind"], line["program"], is_worker=True)
        for key, line in pythons.items()
        if key not in pythons_seen and (line["recorded"] or line["kind"] == "code")
    ]
    # `contexta run` writes the journal of a process that it could not enter: that journal is only a view from outside
    unseen += [
        UnseenProcess(process.prefix, "script", "") for key, process in recorded.items() if key not in pythons_seen
    ]
    writes = dict.fromkeys(storable(line["path"]) for line in lines if line["t"] == "write")
    return Observations(tuple(pythons_seen.values()), tuple(dict.fromkeys(unseen)), tuple(sorted(writes)))


def _process(
    path: Path, objects: Objects, pythons: Mapping[tuple[int, str], Mapping[str, Any]]
) -> Iterator[tuple[tuple[int, str], SeenProcess]]:
    """The Python that wrote a journal; nothing if its environment was not captured, as in a forked child."""
    records = list(_lines(path))
    if not records or records[0].get("t") != "join":
        return  # the first journal of a run belongs to the process that supervises the command
    body = _last(records, "digest", objects)
    if body is None:
        return
    end = _last(records, "end", objects)
    prefix = str(body.get("interpreter", {}).get("prefix", ""))
    key = (records[0]["pid"], prefix)
    facts = pythons.get(key, {})
    packages, commits = {}, {}
    for package in body["distributions"]:
        packages[package["name"]] = package["version"]
        if package.get("origin", {}).get("commit"):
            commits[package["name"]] = package["origin"]["commit"]
    imports = end.get("imports") if end is not None else None
    yield (
        key,
        SeenProcess(
            prefix=prefix,
            python=body["python_version"],
            kind=facts.get("kind", "script"),
            program=facts.get("program", ""),
            packages=packages,
            commits=commits,
            variables=body["environment_variables"],
            has_metrics=any(record.get("t") == "metric" for record in records),
            imports=frozenset(imports["distributions"]) if imports else None,
            own={module["module"]: module["path"] for module in imports["own"]} if imports else None,
        ),
    )


def _last(records: Iterable[Mapping[str, Any]], field: str, objects: Objects) -> dict[str, Any] | None:
    """The last object that a field of the environment records names; None without one."""
    digests = [record[field] for record in records if record.get("t") == "environment" and field in record]
    if not digests:
        return None
    try:
        body: dict[str, Any] = json.loads(objects.get(digests[-1]))
    except (OSError, LookupError, ValueError):
        return None  # damaged or missing: nothing was observed
    return body


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError:
        return
    yield from (record for _, record in decoded(content) if record is not None)
