"""Suggest commands that settle the cause of a drop, or undo it. The most conclusive command comes first."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from contexta.analysis.commands.install_commands import install_commands, with_python
from contexta.analysis.commands.rerun_duration import expected_seconds, measured_seconds
from contexta.analysis.commands.training_commands import Training, metric_source, training_of, unused_seeds
from contexta.analysis.metrics.formatting import some
from contexta.analysis.why.suspects import INCLUDED, included
from contexta.findings.explain import Difference, MetricShift, NextStep, Suspect
from contexta.findings.past_runs import Installation, PastRun

_DEFAULT_REPEATS = 3  # per side, if the noise is unknown
_ENDPOINT_RUNS, _PROOF_RUNS = 7, 4  # the usual number of runs of a bisect for its endpoints and its proof
_MOVABLE = ("package", "python", "variable", *INCLUDED)
_INSTALLED = ("package", "build", "origin")
_IN_LOOP = '"$s"'
PLACEHOLDER = ("python", "TRAIN.PY")


@dataclass(frozen=True)
class PasteTarget:
    """Where the user will paste the commands."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Run reference -> the shortest name that commands accept."""
    installation: Installation = field(default_factory=Installation)
    """The environment of NEW."""
    workspace: tuple[str, ...] = ()
    """The option that names the workspace; empty for the default one."""

    def name(self, run: PastRun) -> str:
        """The name of a run in a command."""
        return self.names.get(run.ref, run.ref.value)


def next_steps(
    old: PastRun,
    new: PastRun,
    shift: MetricShift | None,
    changes: Sequence[Difference],
    ranked: Sequence[Suspect],
    runs: Sequence[PastRun],
    target: PasteTarget,
) -> tuple[NextStep, ...]:
    """A bisect, repeats, a test of the first suspect, and the way back; nothing if the metric did not get worse.

    runs: of the project.
    """
    if shift is None or shift.verdict == "same" or shift.worse is False:
        return ()
    return (
        *_bisect(old, new, shift, ranked, target),
        *_repeats(old, new, shift, runs, target),
        *_test_of_suspect(old, new, changes, ranked, target),
        *_code(old, new),
        *_way_back(changes, target),
    )


def _bisect(
    old: PastRun, new: PastRun, shift: MetricShift, ranked: Sequence[Suspect], target: PasteTarget
) -> Iterator[NextStep]:
    movable = [suspect for suspect in ranked if suspect.kind in _MOVABLE]
    if not movable:
        return
    training = _training(old, new)
    source = None if training.pattern is None else metric_source(training.pattern, shift.metric_key)
    words = ["contexta", "bisect", target.name(old), target.name(new), "--metric", _metric_name(old, new, shift)]
    words += [] if source is None else ["--metric-from", source]
    words += ["--seed-arg", training.seed_option] if training.seed_words else []
    words += ["--lower-is-better"] if shift.better == "lower" else []
    direction = "" if shift.better else " [--lower-is-better]"
    kinds = included({suspect.kind for suspect in movable})
    options = [*(("--include", ",".join(kinds)) if kinds else ()), *target.workspace]
    tail = f" {shlex.join(options)}" if options else ""
    count = _expected_runs(movable)
    yield NextStep(
        purpose="prove which change is the cause",
        command=f"{shlex.join(words)}{direction}{tail} -- {training.line}",
        runs=count,
        seconds=_seconds(old, new, count),
        complete=training.complete and bool(shift.better) and (training.pattern is None or source is not None),
    )


def _expected_runs(movable: Sequence[Suspect]) -> int:
    """The expected number of runs of a bisect: the entropy of the suspicion in bits, and the fixed parts."""
    total = sum(suspect.score for suspect in movable) or 1.0
    shares = [suspect.score / total for suspect in movable if suspect.score > 0]
    return _ENDPOINT_RUNS + math.ceil(sum(share * math.log2(1 / share) for share in shares)) + _PROOF_RUNS


def _repeats(
    old: PastRun, new: PastRun, shift: MetricShift, runs: Sequence[PastRun], target: PasteTarget
) -> Iterator[NextStep]:
    """Repeat both sides, each in its own environment, at seeds that were not used yet."""
    if shift.verdict == "real":
        return
    per_side = shift.repeats_needed or _DEFAULT_REPEATS
    recorded = len(shift.old.values), len(shift.new.values)
    if per_side <= min(recorded):
        per_side = 2 * min(recorded)
    sides = [(old, per_side - recorded[0]), (new, per_side - recorded[1])]
    refs = {*shift.old.run_refs, *shift.new.run_refs, old.ref, new.ref}
    most = max(missing for _, missing in sides)
    seeds = unused_seeds([run for run in (*runs, old, new) if run.ref in refs], most)
    can_rebuild = target.installation.tool not in ("conda", "pixi") and None not in (old.environment, new.environment)
    lines, count = [], 0
    for run, missing in sides if can_rebuild else sides[1:]:
        if missing > 0:
            loop = " ".join(map(str, seeds[:missing]))
            command = _repeat_command(run, target, can_rebuild=can_rebuild, checkout=old.code != new.code)
            lines.append(f"for s in {loop}; do SEED=$s {command}; done")
            count += missing
    if not lines:
        return
    enough = f"{per_side} runs per side suffice for a change of this size" if shift.repeats_needed else ""
    limit = "" if can_rebuild else " (NEW only: the record of OLD is not enough to rebuild its environment)"
    yield NextStep(
        purpose=f"measure the run-to-run noise: {enough or 'repeat both sides'}{limit}",
        command="; ".join(lines),
        runs=count,
        seconds=_seconds(old, new, count),
        complete=_training(old, new).complete,
    )


def _repeat_command(run: PastRun, target: PasteTarget, *, can_rebuild: bool, checkout: bool) -> str:
    """The command that repeats a side at the seed in ``$s``. checkout: from the recorded source."""
    training = training_of(run, PLACEHOLDER)
    command = training.at_seed(_IN_LOOP)
    if not can_rebuild:
        return _recording(run, command, training, target)
    source = ["--checkout"] if checkout and run.code is not None else []
    words = ["contexta", "rerun", target.name(run), *source, *target.workspace]
    tail = f" -- {command}" if training.seed_words or not training.complete else ""
    return f"{shlex.join(words)}{tail}"


def _test_of_suspect(
    old: PastRun, new: PastRun, changes: Sequence[Difference], ranked: Sequence[Suspect], target: PasteTarget
) -> Iterator[NextStep]:
    """The cheapest experiment: NEW with the first suspect at its OLD state, then NEW restored.

    Only for a suspect that an installer can change, and only if another change could be the cause instead.
    """
    first = ranked[0] if ranked else None
    if first is None or first.kind not in _INSTALLED or sum(change.kind in _INSTALLED for change in changes) < 2:
        return
    is_version = first.kind == "package"
    pins = (first.left_value, first.right_value) if is_version else ("file://OLD_FILE", "file://NEW_FILE")
    to_old, to_new = (" && ".join(install_commands(target.installation, {first.key: pin}, alone=True)) for pin in pins)
    training = training_of(new, PLACEHOLDER)
    if not training.complete:
        training = _training(old, new)
    training = replace(training, words=tuple(with_python(target.installation, training.words)))
    recording = _recording(new, training.at_seed(shlex.quote(training.seed)), training, target)
    yield NextStep(
        purpose=f"test {first.name} alone: if the metric recovers, {first.name} is the cause; then restore NEW",
        command=f"{to_old} && {recording}; {to_new}",
        runs=1,
        seconds=_seconds(old, new, 1),
        complete=training.complete and is_version,
    )


def _recording(run: PastRun, command: str, training: Training, target: PasteTarget) -> str:
    """A command under ``contexta run`` that reads the metric as the recorded run did."""
    words = ["contexta", "run", "--project", run.ref.components[0], *target.workspace]
    words += ["--metrics-from-stdout", training.pattern] if training.pattern is not None else []
    return f"{shlex.join(words)} -- {command}"


def _code(old: PastRun, new: PastRun) -> Iterator[NextStep]:
    if old.code and new.code and old.code[0] != new.code[0]:
        left, right = (shlex.quote(commit[:12]) for commit in (old.code[0], new.code[0]))
        yield NextStep(
            purpose="show the changes of the code",
            command=f"git log --oneline {left}..{right} && git diff --stat {left} {right}",
        )


def _way_back(changes: Sequence[Difference], target: PasteTarget) -> Iterator[NextStep]:
    packages = {change.key: change.left_value for change in changes if change.kind == "package"}
    builds = [change.key for change in changes if change.kind == "build"]
    files = f"; install the old build of {some(builds)} from its file" if builds else ""
    if packages:
        yield NextStep(
            purpose=f"or go back to the old versions{files}",
            command=" && ".join(install_commands(target.installation, packages)),
        )


def _training(old: PastRun, new: PastRun) -> Training:
    """The command of NEW, or of OLD if NEW has none."""
    training = training_of(new, PLACEHOLDER)
    return training if training.complete else training_of(old, PLACEHOLDER)


def _metric_name(old: PastRun, new: PastRun, shift: MetricShift) -> str:
    """The metric, with its stage if several stages have it."""
    stages = {stage for run in (old, new) for stage, key in run.metrics if key == shift.metric_key}
    return shift.metric_key if len(stages) < 2 else f"{shift.stage_name}/{shift.metric_key}"


def _seconds(old: PastRun, new: PastRun, runs: int) -> float | None:
    seconds = expected_seconds(measured_seconds(run.seconds, run.metadata) for run in (old, new))
    return None if seconds is None else round(runs * seconds, 1)
