"""Trials that were run before, by what they ran: the workspace's runs are where they are remembered."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from contexta.bisect.execution.parameter_changes import Setting, text
from contexta.bisect.execution.trial import Command, Report
from contexta.bisect.execution.trial_record import FACT, PROJECT
from contexta.core.errors import NotFound
from contexta.core.references import StableRef
from contexta.store.backends.engine import exists, open_store
from contexta.store.ingest.ingest import take_in
from contexta.store.query import pages


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


@dataclass(frozen=True)
class Known:
    """Trials that were run before, by their keys, in the order they began.

    reports: those that count. unconfirmed: how many do not, because nobody compared what they ran in with their mix:
    earlier versions kept them.
    """

    reports: dict[str, list[Report]]
    unconfirmed: Mapping[str, int]


def read_known(workspace: Path, since: str) -> Known:
    """The finished trials of a workspace. since: a moment; older ones do not count. Those that ran in another
    environment than that of their mix are no trials of it."""
    if not (workspace / "journal").is_dir() and not exists(workspace):
        return Known({}, {})
    store = open_store(workspace)
    try:
        take_in(store)
        with store.reading() as connection:
            try:
                kept = pages.page(connection, pages.Wanted(StableRef("project", PROJECT), None, None, None), None)
            except NotFound:
                return Known({}, {})
    finally:
        store.close()
    reports: dict[str, list[Report]] = {}
    unconfirmed = Counter[str]()
    for run in reversed(kept):
        told: Any = run.metadata.get(FACT)
        if not isinstance(told, Mapping) or run.started_at < since:
            continue
        if "confirmed" not in told:
            unconfirmed[told["key"]] += 1
        elif told["confirmed"] != "no":
            report = Report(
                told["value"],
                told["reason"],
                told["seconds"],
                measured=told["measured"],
                run=run.run_ref.value,
                confirmed=told["confirmed"],
                writes=tuple(told["writes"]),
                shadowed=tuple(told["shadowed"]),
                home_changes=tuple(told.get("home_changes", ())),
                why_home_empty=told.get("why_home_empty", ""),
            )
            reports.setdefault(told["key"], []).append(report)
    return Known(reports, unconfirmed)
