"""Checks beyond the record of a run: earlier rebuilds and reruns, and the current state of the index and the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from contexta.analysis.commands.named_arguments import PROGRAM, arguments_by_name
from contexta.analysis.metrics.formatting import some
from contexta.analysis.metrics.repeats import command_of, seed_of
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.references import StableRef
from contexta.findings import Check, CheckStatus, Missing, RerunMetric, RunDetails
from contexta.findings.past_runs import PastRun
from contexta.recorder.source.repository import UNKNOWN

KEEP = "`contexta keep RUN` downloads the wheels while they exist"
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
    on_extra_index: Sequence[str] = ()
    """Packages that the default index does not have."""
    has_kept_wheels: bool = False
    """Whether wheels that were kept in the workspace count, too."""
    edits: Sequence[Mapping[str, str]] | None = None
    """Files that differ from their RECORD; None if they were not read."""
    edits_reason: str = ""
    """Why the files were not read; "" if it was not requested."""
    inputs: Mapping[str, InputState] = field(default_factory=dict)
    """Name of an input -> its state on disk."""

    @property
    def matching_rebuild(self) -> PastRebuild | None:
        """The last rebuild, if its environment matched the recording."""
        return self.rebuilds[-1] if self.rebuilds and self.rebuilds[-1].verdict == "match" else None

    @property
    def reproduced(self) -> int:
        """The number of reruns with metrics, if each of them reproduced every metric; else 0."""
        compared = [metrics for metrics in self.reruns if metrics]
        is_reproduced = all(metric.within for metrics in compared for metric in metrics)
        return len(compared) if is_reproduced else 0

    def with_history(self, rebuilds: Sequence[PastRebuild], reruns: Sequence[tuple[RerunMetric, ...]]) -> Availability:
        return replace(self, rebuilds=rebuilds, reruns=reruns)


def checks_of_run(run: RunDetails, availability: Availability) -> Iterator[Check]:
    """Check the source, the command, the parameters and the seed."""
    yield _source(run.metadata.get("source"))
    yield _command(run.metadata)
    past = PastRun(run.run_ref, run.status, run.started_at, None, params=run.params, metadata=run.metadata)
    yield _parameters(past)
    yield _seed(seed_of(past), availability.reproduced)


def _parameters(run: PastRun) -> Check:
    """The recorded parameters, or the arguments of the command."""
    count = len(run.params)
    arguments = [
        f"{name} {value}" for name, value in arguments_by_name(command_of(run) or ()).items() if name != PROGRAM
    ]
    if count:
        return check("parameters", "pass", f"{count} recorded")
    if arguments:
        return check("parameters", "pass", f"in the command: {some(arguments)}")
    fix = "log them with run.param(name, value), or pass them in the command"
    return check("parameters", "unknown", "none recorded", fix)


def _seed(seed: str | None, reproduced: int) -> Check:
    if seed is not None:
        return check("seed", "pass", f"the seed is {seed}")
    if reproduced:
        return check("seed", "pass", f"no seed was recorded, but {_reruns(reproduced)}")
    fix = 'seed every random generator and record the seed: run.param("seed", 7), or an option --seed'
    return check("seed", "warn", "no seed was recorded: a rerun draws other random numbers", fix)


def _reruns(count: int) -> str:
    return f"{'the rerun' if count == 1 else f'{count} reruns'} reproduced every metric"


def checks_of_environment(snapshot: EnvironmentSnapshot, availability: Availability) -> Iterator[Check]:
    """Check determinism and native libraries of a captured environment."""
    if not snapshot.interpreter:
        return
    yield _hashing(snapshot, availability.reproduced)
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


def _hashing(snapshot: EnvironmentSnapshot, reproduced: int) -> Check:
    name = "text hashing"
    if str(snapshot.interpreter.get("hash_seed", "random")) != "random":
        return check(name, "pass", "fixed by PYTHONHASHSEED")
    if reproduced:
        return check(name, "pass", f"random, but {_reruns(reproduced)}")
    return check(name, "warn", "random: the order of sets differs between runs", "set PYTHONHASHSEED=0")


def checks_of_availability(availability: Availability, run_ref: StableRef) -> Iterator[Check]:
    """Check inputs, index, installed files, and earlier rebuilds and reruns."""
    yield _inputs(availability.inputs)
    if availability.missing is not None:
        yield _index(
            availability.missing,
            availability.yanked,
            availability.on_extra_index,
            has_kept_wheels=availability.has_kept_wheels,
        )
    if availability.edits is not None:
        files = sorted({f"{edit['name']}: {edit['path']} ({edit['change']})" for edit in availability.edits})
        fix = "reinstall these packages: the edited files are in no index" if files else None
        yield check(
            "installed files", "fail" if files else "pass", some(files) or "unchanged since their installation", fix
        )
    elif availability.edits_reason:
        yield check("installed files", "unknown", availability.edits_reason)
    yield _rebuilt(availability.rebuilds, run_ref)
    yield _rerun(availability.reruns, run_ref)


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
    return check("command", "pass", " ".join(map(str, command)))


def _index(
    missing: Sequence[Missing], yanked: Sequence[str], on_extra_index: Sequence[str], *, has_kept_wheels: bool
) -> Check:
    if missing:
        names = [f"{package.name} {package.version} ({package.reason})" for package in missing]
        is_unknown = all(package.reason == "index unreachable" for package in missing)
        return check("index", "unknown" if is_unknown else "fail", some(names), missing[0].help)
    if yanked:
        return check("index", "warn", some(list(yanked)), KEEP)
    if on_extra_index:
        return check("index", "warn", f"only on an extra index: {some(list(on_extra_index))}", KEEP)
    places = "the index or the kept wheels have" if has_kept_wheels else "the index has"
    return check("index", "pass", f"{places} every release")


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


def _rebuilt(rebuilds: Sequence[PastRebuild], run_ref: StableRef) -> Check:
    if not rebuilds:
        return check("rebuilt", "unknown", "never tried", f"contexta rebuild {run_ref.value} --into rebuilt")
    last = rebuilds[-1]
    status: CheckStatus = "pass" if last.verdict == "match" else "warn" if last.verdict == "deviates" else "fail"
    return check("rebuilt", status, f"{last.verdict} {last.timestamp[:16].replace('T', ' ')} on {last.host}")


def _rerun(reruns: Sequence[tuple[RerunMetric, ...]], run_ref: StableRef) -> Check:
    if not any(reruns):
        detail = "no rerun had a metric to compare" if reruns else "never tried"
        return check("rerun", "unknown", detail, f"contexta rerun {run_ref.value}")
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
