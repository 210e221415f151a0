"""Checks beyond the record of a run: earlier rebuilds and reruns, and the current state of the index and the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from contexta.analysis.metrics.formatting import some
from contexta.analysis.metrics.repeats import seed_of
from contexta.contract.environment import EnvironmentSnapshot
from contexta.findings import Check, CheckStatus, Missing, RerunMetric, RunDetails
from contexta.findings.past_runs import PastRun
from contexta.recorder.source.repository import UNKNOWN

_SECRET = "secret:sha256:"
_DETERMINISM_VARIABLES = ("CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC")


InputState = Literal["unchanged", "changed", "gone", "not read"]


@dataclass(frozen=True)
class PastRebuild:
    """An earlier rebuild of the environment."""

    verdict: str
    timestamp: str
    host: str


@dataclass(frozen=True)
class Availability:
    """Everything that an audit takes into account beyond the record."""

    rebuilds: Sequence[PastRebuild] = ()
    reruns: Sequence[tuple[RerunMetric, ...]] = ()
    """The metrics of each rerun."""
    missing: Sequence[Missing] | None = None
    """Packages that the index does not have; None if the index was not queried."""
    yanked: Sequence[str] = ()
    edits: Sequence[Mapping[str, str]] | None = None
    """Files that differ from their RECORD; None if they were not read."""
    edits_reason: str = ""
    """Why the files were not read; "" if it was not requested."""
    inputs: Mapping[str, InputState] = field(default_factory=dict)
    """Name of an input -> its state on disk."""

    def with_history(self, rebuilds: Sequence[PastRebuild], reruns: Sequence[tuple[RerunMetric, ...]]) -> Availability:
        return replace(self, rebuilds=rebuilds, reruns=reruns)


def checks_of_run(run: RunDetails) -> Iterator[Check]:
    """Check the source, the command, the parameters and the seed."""
    yield _source(run.metadata.get("source"))
    yield _command(run.metadata)
    count = len(run.params)
    yield check(
        "parameters",
        "pass" if count else "unknown",
        f"{count} recorded" if count else "none recorded",
        None if count else "log them with run.param(name, value), or pass them in the command",
    )
    past = PastRun(run.run_ref, run.status, run.started_at, None, params=run.params, metadata=run.metadata)
    seed = seed_of(past)
    yield check(
        "seed",
        "warn" if seed is None else "pass",
        "no seed was recorded: a rerun draws other random numbers" if seed is None else f"the seed is {seed}",
        'seed every random generator and record the seed: run.param("seed", 7), or an option --seed'
        if seed is None
        else None,
    )


def checks_of_environment(snapshot: EnvironmentSnapshot) -> Iterator[Check]:
    """Check determinism and native libraries of a captured environment."""
    if not snapshot.interpreter:
        return
    is_fixed = str(snapshot.interpreter.get("hash_seed", "random")) != "random"
    yield check(
        "text hashing",
        "pass" if is_fixed else "warn",
        "fixed by PYTHONHASHSEED" if is_fixed else "random: the order of sets differs between runs",
        None if is_fixed else "set PYTHONHASHSEED=0",
    )
    if snapshot.machine.get("gpus"):
        variables = [name for name in _DETERMINISM_VARIABLES if snapshot.environment_variables.get(name)]
        yield check(
            "determinism switches",
            "pass" if variables else "warn",
            some(variables) if variables else "no variable makes the GPU libraries deterministic",
            None
            if variables
            else "set CUBLAS_WORKSPACE_CONFIG=:4096:8, and call torch.use_deterministic_algorithms(True)",
        )
    names = sorted({str(library.get("name")) for library in snapshot.native_libraries})
    yield check("native libraries", "pass" if names else "unknown", some(names) if names else "none recorded")


def checks_of_availability(availability: Availability) -> Iterator[Check]:
    """Check inputs, index, installed files, and earlier rebuilds and reruns."""
    yield _inputs(availability.inputs)
    if availability.missing is not None:
        yield _index(availability.missing, availability.yanked)
    if availability.edits is not None:
        files = sorted({f"{edit['name']}: {edit['path']} ({edit['change']})" for edit in availability.edits})
        fix = "reinstall these packages: the edited files are in no index" if files else None
        yield check(
            "installed files", "fail" if files else "pass", some(files) or "unchanged since their installation", fix
        )
    elif availability.edits_reason:
        yield check("installed files", "unknown", availability.edits_reason)
    yield _rebuilt(availability.rebuilds)
    yield _rerun(availability.reruns)


def check(name: str, status: CheckStatus, detail: str, fix: str | None = None) -> Check:
    """Build a check."""
    return Check(name=name, status=status, detail=detail, fix=fix)


def _source(source: Any) -> Check:
    name = "source"
    if not isinstance(source, Mapping):
        return check(name, "unknown", "not recorded", "record the run with `contexta run -- COMMAND`")
    if not source.get("commit"):
        reason = str(source.get("reason") or "the repository has no commits yet")
        if reason.startswith(UNKNOWN):
            return check(
                name, "unknown", f"the commit is {reason}", "make `git status` work in the directory of the run"
            )
        return check(name, "warn", f"no commit: {reason}", "run in a git repository")
    at = f"commit {str(source['commit'])[:12]}"
    if source.get("dirty") and not source.get("patch"):
        return check(
            name, "fail", f"{at} with uncommitted changes that were not recorded", "commit before the next run"
        )
    if source.get("dirty") and source.get("patch_applies") is False:
        return check(name, "warn", f"{at} with changes whose secrets were removed", "keep secrets out of the source")
    if source.get("dirty") is None:
        return check(name, "unknown", f"{at}; it is unknown whether it had uncommitted changes")
    if not source.get("remote"):
        return check(name, "warn", f"{at} of a repository without a remote", "push it to a remote")
    return check(name, "pass", at + (" with its changes as a patch" if source.get("dirty") else ", clean"))


def _command(metadata: Mapping[str, Any]) -> Check:
    invocation = metadata.get("invocation")
    command = metadata.get("command") or (invocation.get("argv") if isinstance(invocation, Mapping) else None)
    if not isinstance(command, (list, tuple)) or not command:
        return check("command", "warn", "not recorded", "record the run with `contexta run -- COMMAND`")
    if any(_SECRET in str(word) for word in command):
        return check(
            "command", "warn", "contains a secret that was not stored", "pass secrets in environment variables"
        )
    return check("command", "pass", some([str(word) for word in command], 8))


def _index(missing: Sequence[Missing], yanked: Sequence[str]) -> Check:
    if missing:
        names = [f"{package.name} {package.version} ({package.reason})" for package in missing]
        is_unknown = all(package.reason == "index unreachable" for package in missing)
        return check("index", "unknown" if is_unknown else "fail", some(names), missing[0].help)
    if yanked:
        return check("index", "warn", some(list(yanked)), "replace the yanked releases")
    return check("index", "pass", "the index has every release")


def _inputs(inputs: Mapping[str, InputState]) -> Check:
    name = "inputs"
    if not inputs:
        return check(name, "unknown", "none recorded", "record each input with run.input(name, path)")
    by_state: dict[str, list[str]] = {}
    for input_name, state in sorted(inputs.items()):
        by_state.setdefault(state, []).append(input_name)
    if bad := [f"{input_name} {state}" for state in ("changed", "gone") for input_name in by_state.get(state, [])]:
        return check(name, "fail", some(bad), "restore the recorded data, and store new data under another name")
    if unread := by_state.get("not read"):
        return check(name, "unknown", f"the record has no digest of {some(unread)}")
    return check(name, "pass", f"{len(inputs)} unchanged on disk: {some(sorted(inputs))}")


def _rebuilt(rebuilds: Sequence[PastRebuild]) -> Check:
    if not rebuilds:
        return check("rebuilt", "unknown", "never tried", "contexta rebuild RUN --into DIR")
    last = rebuilds[-1]
    status: CheckStatus = "pass" if last.verdict == "match" else "warn" if last.verdict == "deviates" else "fail"
    return check("rebuilt", status, f"{last.verdict} {last.timestamp[:16].replace('T', ' ')} on {last.host}")


def _rerun(reruns: Sequence[tuple[RerunMetric, ...]]) -> Check:
    if not any(reruns):
        detail = "no rerun had a metric to compare" if reruns else "never tried"
        return check("rerun", "unknown", detail, "contexta rerun RUN")
    compared = [metrics for metrics in reruns if metrics]
    same = sum(1 for metrics in compared if all(metric.within for metric in metrics))
    spread: dict[str, float] = {}
    for metric in (metric for metrics in compared for metric in metrics if not metric.within):
        spread[metric.metric_key] = max(spread.get(metric.metric_key, 0.0), metric.apart or 0.0)
    differing = [f"{key} differs by up to {value:.3g}" for key, value in spread.items()]
    detail = f"{same} of {len(compared)} reruns reproduced every metric exactly"
    fix = "seed every random generator" if differing else None
    return check(
        "rerun",
        "pass" if same == len(compared) else "warn",
        ": ".join([detail, some(differing)] if differing else [detail]),
        fix,
    )
