"""What is known of a run beyond its recording: whether it was had again, and what the index and the disk say now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from contexta.analysis.metrics.formatting import some
from contexta.analysis.metrics.repeats import seed_of
from contexta.contract.environment import EnvironmentSnapshot
from contexta.findings import Check, CheckStatus, Missing, RerunMetric, RunDetails
from contexta.findings.history import PastRun
from contexta.recorder.source.repository import UNKNOWN

_HIDDEN = "secret:sha256:"
_SWITCHES = ("CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC")


InputNow = Literal["unchanged", "changed", "gone", "not read"]


@dataclass(frozen=True)
class Rebuilt:
    """One time the environment was built again. when: a timestamp."""

    verdict: str
    when: str
    where: str


@dataclass(frozen=True)
class Evidence:
    """reruns: the metrics of each. missing, yanked: what the index says; None where it was not asked. edits: files of
    the environment that are not as installed; None where nobody looked, with the reason. inputs: name -> what became
    of it on the disk."""

    rebuilds: Sequence[Rebuilt] = ()
    reruns: Sequence[tuple[RerunMetric, ...]] = ()
    missing: Sequence[Missing] | None = None
    yanked: Sequence[str] = ()
    edits: Sequence[Mapping[str, str]] | None = None
    edits_reason: str = ""
    inputs: Mapping[str, InputNow] = field(default_factory=dict)

    def with_history(self, rebuilds: Sequence[Rebuilt], reruns: Sequence[tuple[RerunMetric, ...]]) -> Evidence:
        return replace(self, rebuilds=rebuilds, reruns=reruns)


def checks_of_run(run: RunDetails) -> Iterator[Check]:
    """Source, command, parameters, seed."""
    yield _source(run.metadata.get("source"))
    yield _command(run.metadata)
    count = len(run.params)
    yield _check(
        "parameters",
        "pass" if count else "unknown",
        f"{count} recorded" if count else "none recorded",
        None if count else "log them with run.param(name, value), or give them in the command",
    )
    past = PastRun(run.run_ref, run.status, run.started_at, None, params=run.params, metadata=run.metadata)
    seed = seed_of(past)
    yield _check(
        "seed",
        "warn" if seed is None else "pass",
        "none is known to have been given: a rerun draws other numbers" if seed is None else f"{seed} was given",
        'seed every generator, and record it: run.param("seed", 7), or an option --seed' if seed is None else None,
    )


def checks_of_environment(snapshot: EnvironmentSnapshot) -> Iterator[Check]:
    """Determinism and native libraries, where the environment was captured."""
    if not snapshot.interpreter:
        return
    fixed = str(snapshot.interpreter.get("hash_seed", "random")) != "random"
    yield _check(
        "text hashing",
        "pass" if fixed else "warn",
        "fixed by PYTHONHASHSEED" if fixed else "random: the order of sets differs from run to run",
        None if fixed else "set PYTHONHASHSEED=0",
    )
    if snapshot.machine.get("gpus"):
        switches = [name for name in _SWITCHES if snapshot.environment_variables.get(name)]
        yield _check(
            "determinism switches",
            "pass" if switches else "warn",
            some(switches) if switches else "a GPU, and no variable that makes its libraries deterministic",
            None
            if switches
            else "set CUBLAS_WORKSPACE_CONFIG=:4096:8, and call torch.use_deterministic_algorithms(True)",
        )
    names = sorted({str(library.get("name")) for library in snapshot.native_libraries})
    yield _check("native libraries", "pass" if names else "unknown", some(names) if names else "none were seen loaded")


def checks_of_evidence(evidence: Evidence) -> Iterator[Check]:
    """What was asked, and what was tried."""
    yield _inputs(evidence.inputs)
    if evidence.missing is not None:
        yield _index(evidence.missing, evidence.yanked)
    if evidence.edits is not None:
        files = sorted({f"{edit['name']}: {edit['path']} ({edit['change']})" for edit in evidence.edits})
        fix = "reinstall these packages: what ran is in no index" if files else None
        yield _check("installed files", "fail" if files else "pass", some(files) or "all as they were installed", fix)
    elif evidence.edits_reason:
        yield _check("installed files", "unknown", evidence.edits_reason)
    yield _rebuilt(evidence.rebuilds)
    yield _rerun(evidence.reruns)


def _check(name: str, status: CheckStatus, detail: str, fix: str | None = None) -> Check:
    return Check(name=name, status=status, detail=detail, fix=fix)


def _source(source: Any) -> Check:
    name = "source"
    if not isinstance(source, Mapping):
        return _check(name, "unknown", "was not recorded", "record the run with `contexta run -- COMMAND`")
    if not source.get("commit"):
        reason = str(source.get("reason") or "the repository has no commits yet")
        if reason.startswith(UNKNOWN):
            return _check(name, "unknown", f"the commit is {reason}", "make `git status` work where the run starts")
        return _check(name, "warn", f"no commit: {reason}", "run it in a git repository")
    at = f"commit {str(source['commit'])[:12]}"
    if source.get("dirty") and not source.get("patch"):
        return _check(name, "fail", f"{at} with changes that were not recorded", "commit before the next run")
    if source.get("dirty") and source.get("patch_applies") is False:
        return _check(name, "warn", f"{at} with changes whose secrets were taken out", "keep secrets out of the source")
    if source.get("dirty") is None:
        return _check(name, "unknown", f"{at}; whether it had uncommitted changes was not recorded")
    if not source.get("remote"):
        return _check(name, "warn", f"{at} of a repository without a remote", "push it where others reach it")
    return _check(name, "pass", at + (" with its changes as a patch" if source.get("dirty") else ", clean"))


def _command(metadata: Mapping[str, Any]) -> Check:
    invocation = metadata.get("invocation")
    command = metadata.get("command") or (invocation.get("argv") if isinstance(invocation, Mapping) else None)
    if not isinstance(command, (list, tuple)) or not command:
        return _check("command", "warn", "was not recorded", "record the run with `contexta run -- COMMAND`")
    if any(_HIDDEN in str(word) for word in command):
        return _check("command", "warn", "holds a secret that was not stored", "pass secrets by variables")
    return _check("command", "pass", some([str(word) for word in command], 8))


def _index(missing: Sequence[Missing], yanked: Sequence[str]) -> Check:
    if missing:
        told = [f"{each.name} {each.version} ({each.reason})" for each in missing]
        unknown = all(each.reason == "index unreachable" for each in missing)
        return _check("index", "unknown" if unknown else "fail", some(told), missing[0].help)
    if yanked:
        return _check("index", "warn", some(list(yanked)), "yanked releases install only by exact pins: move on")
    return _check("index", "pass", "the index has every release")


def _inputs(inputs: Mapping[str, InputNow]) -> Check:
    name = "inputs"
    if not inputs:
        return _check(name, "unknown", "none recorded: what it read is unknown", "run.input(name, path) records one")
    told = {now: sorted(each for each, what in inputs.items() if what == now) for now in set(inputs.values())}
    if bad := [f"{each} {now}" for now in ("changed", "gone") for each in told.get(now, [])]:
        return _check(name, "fail", some(bad), "put the recorded data back, and keep it under a name of its own")
    if unread := told.get("not read"):
        return _check(name, "unknown", f"not read when they were recorded: {some(unread)}")
    return _check(name, "pass", f"{len(inputs)} recorded, unchanged on disk: {some(sorted(inputs))}")


def _rebuilt(rebuilds: Sequence[Rebuilt]) -> Check:
    if not rebuilds:
        return _check("rebuilt", "unknown", "never tried", "contexta rebuild RUN --into DIR")
    last = rebuilds[-1]
    status: CheckStatus = "pass" if last.verdict == "match" else "warn" if last.verdict == "deviates" else "fail"
    return _check("rebuilt", status, f"{last.verdict} {last.when[:16].replace('T', ' ')} on {last.where}")


def _rerun(reruns: Sequence[tuple[RerunMetric, ...]]) -> Check:
    if not any(reruns):
        told = "tried, with no metric that could be compared" if reruns else "never tried"
        return _check("rerun", "unknown", told, "contexta rerun RUN")
    tried = [metrics for metrics in reruns if metrics]
    same = sum(1 for metrics in tried if all(metric.within for metric in metrics))
    spread: dict[str, float] = {}
    for metric in (metric for metrics in tried for metric in metrics if not metric.within):
        spread[metric.metric_key] = max(spread.get(metric.metric_key, 0.0), metric.apart or 0.0)
    apart = [f"{key} up to {value:.3g} apart" for key, value in spread.items()]
    detail = f"{same} of {len(tried)} came out the same to the last digit"
    fix = "seed every source of randomness" if apart else None
    return _check(
        "rerun", "pass" if same == len(tried) else "warn", ": ".join([detail, some(apart)] if apart else [detail]), fix
    )
