"""Name the parts of a record that a side did not record."""

from __future__ import annotations

from collections.abc import Mapping

from contexta.analysis.environments.missing_facts import NO_SNAPSHOT, Reasons, unknown_aspects, unknown_in_environments
from contexta.analysis.metrics.repeats import command_of, seed_of
from contexta.contract.environment import EnvironmentSnapshot
from contexta.findings.environments import UnknownAspect
from contexta.findings.past_runs import PastRun, RunRecord


def unknowns(old: RunRecord, new: RunRecord) -> tuple[UnknownAspect, ...]:
    """The aspects that one side or both did not record, with imports and seeds, which only ``why`` compares."""
    return (
        *unknown_in_environments(old.snapshot, new.snapshot),
        *unknown_aspects(*({"imports": _no_imports(record.snapshot)} for record in (old, new))),
        *unknown_in_runs(old, new),
        *unknown_aspects(*({"seeds": _not_recorded(seed_of(record.run))} for record in (old, new))),
    )


def unknown_in_runs(old: RunRecord, new: RunRecord) -> tuple[UnknownAspect, ...]:
    """The aspects of the runs themselves that one side or both did not record."""
    return tuple(unknown_aspects(reasons_of_run(old), reasons_of_run(new)))


def reasons_of_run(record: RunRecord) -> Reasons:
    """The aspects of a run itself."""
    return {
        "source": _no_source(record.run),
        "parameters": _not_recorded(record.run.params),
        "inputs": _not_recorded(record.inputs),
        "command": _not_recorded(command_of(record.run)),
    }


def reason_for_unknown_changes(run: PastRun) -> str | None:
    """Why the uncommitted changes of a run are unknown; None if they are known, or if there is no commit."""
    source = run.metadata.get("source")
    if not isinstance(source, Mapping) or not source.get("commit"):
        return None
    if source.get("dirty") is None:
        return "it is unknown whether there were uncommitted changes"
    return "its uncommitted changes were not recorded" if source["dirty"] and not source.get("patch") else None


def _no_imports(snapshot: EnvironmentSnapshot | None) -> str | None:
    if snapshot is None:
        return NO_SNAPSHOT
    return "imports were not recorded" if snapshot.imports is None else None


def _no_source(run: PastRun) -> str | None:
    if run.code is not None:
        return reason_for_unknown_changes(run)
    source = run.metadata.get("source")
    return str(source.get("reason") or "no commits yet") if isinstance(source, Mapping) else "not recorded"


def _not_recorded(value: object) -> str | None:
    return None if value else "not recorded"
