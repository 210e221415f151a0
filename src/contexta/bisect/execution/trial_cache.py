"""Cache the results of earlier trials, which are recorded runs of the workspace."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from contexta.bisect.execution.parameter_changes import Setting, text
from contexta.bisect.execution.trial_job import Command, TrialResult
from contexta.bisect.execution.trial_record import FACT, PROJECT
from contexta.core.errors import NotFound
from contexta.core.references import StableRef
from contexta.store.backends.engine import exists, open_store
from contexta.store.ingest.ingest import ingest_journals
from contexta.store.query.run_list_options import RunListOptions
from contexta.store.query.run_lists import page


def key_of(
    command: Command,
    source: str,
    python: str,
    pins: Mapping[str, str],
    variables: Mapping[str, str | None],
    seed: int,
    parameters: Mapping[str, Setting],
) -> str:
    """The digest of everything that a trial runs on: two studies share trials with equal keys."""
    rules = asdict(replace(command, folder="", good_if=None))
    threshold = asdict(command.good_if) if command.good_if is not None else None
    parts = [rules, threshold, source, python, sorted(pins.items()), sorted(variables.items()), seed]
    parts += [sorted((name, text(setting.value)) for name, setting in parameters.items())] if parameters else []
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def read_results(workspace: Path, since: str) -> dict[str, list[TrialResult]]:
    """Results of the finished trials of a workspace, by key, in the order they began.

    since: older trials do not count. A trial that did not run in its environment never counts.
    """
    if not (workspace / "journal").is_dir() and not exists(workspace):
        return {}
    store = open_store(workspace)
    try:
        ingest_journals(store)
        with store.reading() as connection:
            runs = page(connection, RunListOptions(StableRef("project", PROJECT), None, None, None), None)
    except NotFound:
        return {}
    finally:
        store.close()
    results: dict[str, list[TrialResult]] = {}
    for run in reversed(runs):
        trial: Any = run.metadata.get(FACT)
        if isinstance(trial, Mapping) and run.started_at >= since and trial.get("confirmed", "no") != "no":
            try:
                result = TrialResult.from_stored(trial, run.run_ref.value)
            except ValueError:  # it was stopped, and by another rule: it runs again
                continue
            results.setdefault(trial["key"], []).append(result)
    return results
