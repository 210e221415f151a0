"""Trials that were run before, by what they ran: the workspace's runs are where they are remembered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from contexta.bisect.parameters import Setting, text
from contexta.bisect.trial import FACT, PROJECT, Command, Report
from contexta.errors import NotFound
from contexta.refs import StableRef
from contexta.store import pages
from contexta.store.engine import exists, open_store
from contexta.store.ingest import take_in


def key_of(
    command: Command,
    source: str,
    python: str,
    pins: Mapping[str, str],
    variables: Mapping[str, str | None],
    seed: int,
    told: Mapping[str, Setting],
) -> str:
    """The digest of everything a trial runs on: two studies that want the same share it. told: what parameters it is
    held to."""
    rules = asdict(replace(command, folder="", good_if=None))
    threshold = asdict(command.good_if) if command.good_if is not None else None
    what = [rules, threshold, source, python, sorted(pins.items()), sorted(variables.items()), seed]
    what += [sorted((name, text(each.value)) for name, each in told.items())] if told else []
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:24]


def read_known(workspace: Path, since: str) -> dict[str, list[Report]]:
    """Key -> the reports of the finished trials, in the order they began. since: a moment; older ones do not count."""
    if not (workspace / "journal").is_dir() and not exists(workspace):
        return {}
    store = open_store(workspace)
    try:
        take_in(store)
        with store.reading() as connection:
            try:
                kept = pages.page(connection, pages.Wanted(StableRef("project", PROJECT), None, None, None), None)
            except NotFound:
                return {}
    finally:
        store.close()
    found: dict[str, list[Report]] = {}
    for run in reversed(kept):
        told: Any = run.metadata.get(FACT)
        if isinstance(told, Mapping) and run.started_at >= since:
            report = Report(told["value"], told["reason"], told["seconds"], "", told["measured"], run.run_ref.value)
            found.setdefault(told["key"], []).append(report)
    return found
