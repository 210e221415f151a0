"""What to do about a drop, as commands that can be pasted; the cheapest that settles something comes first."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from contexta.analysis.commands.install_commands import install_commands, with_python
from contexta.analysis.commands.training_commands import Training, metric_source, training_of, unused_seeds
from contexta.analysis.metrics.formatting import some
from contexta.analysis.why.suspects import INCLUDED, included
from contexta.findings.explain import Difference, MetricShift, NextStep, Suspect
from contexta.findings.history import PastRun
from contexta.findings.installations import Installation

_REPEATS = 3  # a side, where nothing says how many it takes
_ENDS, _PROOF = 7, 4  # runs that a bisect spends on showing the drop, and on the proof
_MOVABLE = ("package", "python", "variable")
_INSTALLED = ("package", "build", "origin")
_IN_LOOP = '"$s"'
PLACEHOLDER = ("python", "TRAIN.PY")


@dataclass(frozen=True)
class Place:
    """Where commands will be pasted. names: run reference -> how commands may call it. installation: the environment
    of NEW. workspace: the words that name it; none where it is the default one."""

    names: Mapping[str, str] = field(default_factory=dict)
    installation: Installation = field(default_factory=Installation)
    workspace: tuple[str, ...] = ()


_HERE = Place()


def next_steps(
    old: PastRun,
    new: PastRun,
    focus: MetricShift | None,
    listed: Sequence[Difference],
    ranked: Sequence[Suspect],
    runs: Sequence[PastRun] = (),
    place: Place = _HERE,
) -> tuple[NextStep, ...]:
    """Repeats where noise is unknown, the bisect, one rerun that tests the first suspect, the way back.

    runs: of the project. Nothing where the metric did not move for the worse.
    """
    if focus is None or focus.verdict == "same" or focus.worse is False:
        return ()
    found = list(_bisect(old, new, focus, ranked, place))
    found += _repeats(old, new, focus, runs, place)
    found += _one_suspect(old, new, listed, ranked, place)
    found += _code(old, new)
    found += _way_back(listed, place)
    return tuple(found)


def _bisect(
    old: PastRun, new: PastRun, focus: MetricShift, ranked: Sequence[Suspect], place: Place
) -> Iterator[NextStep]:
    movable = [suspect for suspect in ranked if suspect.kind in (*_MOVABLE, *INCLUDED)]
    if not movable:
        return
    total = sum(suspect.score for suspect in movable) or 1.0
    shares = [suspect.score / total for suspect in movable if suspect.score > 0]
    count = _ENDS + math.ceil(sum(share * math.log2(1 / share) for share in shares)) + _PROOF
    training = _training(old, new)
    metric = _metric_name(old, new, focus)
    words = ["contexta", "bisect", *(_name(run, place) for run in (old, new)), "--metric", metric]
    source = None if training.pattern is None else metric_source(training.pattern, focus.metric_key)
    words += [] if source is None else ["--metric-from", source]
    words += ["--seed-arg", training.seed_option] if training.seed_words else []
    words += ["--lower-is-better"] if focus.better == "lower" else []
    asked = included({suspect.kind for suspect in movable})
    way = "" if focus.better else " [--lower-is-better]"
    more = [*(("--include", ",".join(asked)) if asked else ()), *place.workspace]
    behind = f" {shlex.join(more)}" if more else ""
    yield NextStep(
        purpose="prove which change did it, and whether it is real",
        command=f"{shlex.join(words)}{way}{behind} -- {training.line}",
        runs=count,
        seconds=_seconds(old, new, count),
        complete=training.complete and bool(focus.better) and (training.pattern is None or source is not None),
    )


def _repeats(
    old: PastRun, new: PastRun, focus: MetricShift, runs: Sequence[PastRun], place: Place
) -> Iterator[NextStep]:
    """More runs of both sides, each in its own environment, at seeds that did not run yet."""
    if focus.verdict == "real":
        return
    wanted = focus.repeats_needed or _REPEATS
    have = len(focus.old.values), len(focus.new.values)
    if wanted <= min(have):
        wanted = 2 * min(have)
    refs = {*focus.old.run_refs, *focus.new.run_refs, old.ref, new.ref}
    sides = [(old, wanted - have[0]), (new, wanted - have[1])]
    most = max((more for _, more in sides), default=0)
    seeds = unused_seeds([run for run in (*runs, old, new) if run.ref in refs], most)
    rebuilt = place.installation.tool not in ("conda", "pixi") and None not in (old.environment, new.environment)
    lines, count = [], 0
    for run, more in sides if rebuilt else sides[1:]:
        if more > 0:
            loop = " ".join(map(str, seeds[:more]))
            again = _again(run, place, rebuilt=rebuilt, checkout=old.code != new.code)
            lines.append(f"for s in {loop}; do SEED=$s {again}; done")
            count += more
    if not lines:
        return
    said = (
        f"{wanted} repeats a side would settle a change of this size" if focus.repeats_needed else "repeat both sides"
    )
    only = "" if rebuilt else ". This line repeats NEW; OLD's environment cannot be rebuilt from its record"
    yield NextStep(
        purpose=f"see the noise: {said}{only}",
        command="; ".join(lines),
        runs=count,
        seconds=_seconds(old, new, count),
        complete=_training(old, new).complete,
    )


def _again(run: PastRun, place: Place, *, rebuilt: bool, checkout: bool) -> str:
    """The command that runs a side once more at the seed in ``$s``. checkout: from the recorded source."""
    training = training_of(run, PLACEHOLDER)
    command = training.at_seed(_IN_LOOP)
    if not rebuilt:
        return _recording(run, command, training, place)
    recorded = ["--checkout"] if checkout and run.code is not None else []
    words = ["contexta", "rerun", _name(run, place), *recorded, *place.workspace]
    behind = f" -- {command}" if training.seed_words or not training.complete else ""
    return f"{shlex.join(words)}{behind}"


def _one_suspect(
    old: PastRun, new: PastRun, listed: Sequence[Difference], ranked: Sequence[Suspect], place: Place
) -> Iterator[NextStep]:
    """The cheapest experiment: the first suspect as it was, everything else as it is; then NEW as it was.

    None where the first suspect is not something that an installer puts back: the bisect tries those.
    """
    first = ranked[0] if ranked else None
    if first is None or first.kind not in _INSTALLED or sum(each.kind in _INSTALLED for each in listed) < 2:
        return
    is_version = first.kind == "package"
    back, again = (
        " && ".join(install_commands(place.installation, {first.key: pin}, alone=True))
        for pin in (
            (first.left_value, first.right_value) if is_version else (f"file://{side}_FILE" for side in ("OLD", "NEW"))
        )
    )
    training = training_of(new, PLACEHOLDER)
    if not training.complete:
        training = _training(old, new)
    here = replace(training, words=tuple(with_python(place.installation, training.words)))
    recorded = _recording(new, here.at_seed(shlex.quote(here.seed)), here, place)
    yield NextStep(
        purpose=f"test the first suspect alone: if the metric comes back, it was {first.name}; then NEW is restored",
        command=f"{back} && {recorded}; {again}",
        runs=1,
        seconds=_seconds(old, new, 1),
        complete=training.complete and is_version,
    )


def _recording(run: PastRun, command: str, training: Training, place: Place) -> str:
    """A command under ``contexta run``, its metric read as it was."""
    words = ["contexta", "run", "--project", run.ref.components[0], *place.workspace]
    words += ["--metrics-from-stdout", training.pattern] if training.pattern is not None else []
    return f"{shlex.join(words)} -- {command}"


def _code(old: PastRun, new: PastRun) -> Iterator[NextStep]:
    left, right = old.code, new.code
    if left and right and left[0] != right[0]:
        one, two = (shlex.quote(commit[:12]) for commit in (left[0], right[0]))
        yield NextStep(
            purpose="read what changed in the code",
            command=f"git log --oneline {one}..{two} && git diff --stat {one} {two}",
        )


def _way_back(listed: Sequence[Difference], place: Place) -> Iterator[NextStep]:
    packages = {each.key: each.left_value for each in listed if each.kind == "package"}
    builds = [each.key for each in listed if each.kind == "build"]
    but = f"; the old build of {some(builds)} has to come from its file" if builds else ""
    if packages:
        yield NextStep(
            purpose=f"or go back to the old versions for now{but}",
            command=" && ".join(install_commands(place.installation, packages)),
        )


def _training(old: PastRun, new: PastRun) -> Training:
    """NEW's command, else OLD's."""
    mine = training_of(new, PLACEHOLDER)
    return mine if mine.complete else training_of(old, PLACEHOLDER)


def _metric_name(old: PastRun, new: PastRun, focus: MetricShift) -> str:
    """The metric with its stage where several stages have it."""
    stages = {stage for run in (old, new) for stage, key in run.metrics if key == focus.metric_key}
    return focus.metric_key if len(stages) < 2 else f"{focus.stage_name}/{focus.metric_key}"


def _name(run: PastRun, place: Place) -> str:
    return place.names.get(run.ref, run.ref.value)


def _seconds(old: PastRun, new: PastRun, runs: int) -> float | None:
    known = [run.seconds for run in (old, new) if run.seconds is not None]
    return round(runs * fmean(known), 1) if known else None
