"""What to do about a drop, as commands that can be pasted; the cheapest that settles something comes first."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from contexta.analysis.groups import command_of
from contexta.analysis.suspects import INCLUDED, included
from contexta.findings.explain import Difference, MetricShift, NextStep, Suspect
from contexta.findings.history import PastRun

_REPEATS = 3  # a side, where nothing says how many it takes
_ENDS, _PROOF = 7, 4  # runs that a bisect spends on showing the drop, and on the proof
_MOVABLE = ("package", "python", "variable")
PLACEHOLDER = ("python", "TRAIN.PY")


def next_steps(
    old: PastRun,
    new: PastRun,
    focus: MetricShift | None,
    listed: Sequence[Difference],
    ranked: Sequence[Suspect],
    names: Mapping[str, str],
) -> tuple[NextStep, ...]:
    """Repeats where noise is unknown, the bisect, one rerun that tests the first suspect, the way back.

    names: run reference -> how commands may call it. Nothing where the metric did not move for the worse.
    """
    if focus is None or focus.verdict == "same" or focus.worse is False:
        return ()
    known = command_of(new) or command_of(old)
    training = shlex.join(known or PLACEHOLDER)
    each = _seconds(old, new)
    found = list(_bisect(old, new, focus, ranked, names, training, known is not None, each))
    found += _repeats(new, focus, training, known is not None, each)
    found += _one_suspect(new, listed, ranked, training, known is not None, each)
    found += _code(old, new)
    found += _way_back(listed)
    return tuple(found)


def _bisect(
    old: PastRun,
    new: PastRun,
    focus: MetricShift,
    ranked: Sequence[Suspect],
    names: Mapping[str, str],
    training: str,
    complete: bool,
    each: float | None,
) -> Iterator[NextStep]:
    movable = [suspect for suspect in ranked if suspect.kind in (*_MOVABLE, *INCLUDED)]
    if not movable:
        return
    total = sum(suspect.score for suspect in movable) or 1.0
    shares = [suspect.score / total for suspect in movable if suspect.score > 0]
    runs = _ENDS + math.ceil(sum(share * math.log2(1 / share) for share in shares)) + _PROOF
    sides = shlex.join(names.get(run.ref, run.ref.value) for run in (old, new))
    lower = " --lower-is-better" if focus.better == "lower" else ""
    way = "" if focus.better else " [--lower-is-better]"
    asked = included({suspect.kind for suspect in movable})
    include = f" --include {','.join(asked)}" if asked else ""
    yield NextStep(
        purpose="prove which change did it, and whether it is real",
        command=f"contexta bisect {sides} --metric {shlex.quote(focus.metric_key)}{lower}{way}{include} -- {training}",
        runs=runs,
        seconds=None if each is None else round(runs * each, 1),
        complete=complete and bool(focus.better),
    )


def _repeats(new: PastRun, focus: MetricShift, training: str, complete: bool, each: float | None) -> Iterator[NextStep]:
    if focus.verdict == "real":
        return
    wanted = focus.repeats_needed or _REPEATS
    have = min(len(focus.old.values), len(focus.new.values))
    if wanted <= have:
        wanted = 2 * have
    more = wanted - len(focus.new.values)
    seeds = " ".join(str(seed) for seed in range(1, more + 1))
    project = shlex.quote(new.ref.components[0])
    said = f"{wanted} repeats a side would settle a change of this size"
    yield NextStep(
        purpose=f"see the noise: {said if focus.repeats_needed else 'repeat it, in both environments'}",
        command=f"for s in {seeds}; do SEED=$s contexta run --project {project} -- {training}; done",
        runs=more,
        seconds=None if each is None else round(more * each, 1),
        complete=complete,
    )


def _one_suspect(
    new: PastRun,
    listed: Sequence[Difference],
    ranked: Sequence[Suspect],
    training: str,
    complete: bool,
    each: float | None,
) -> Iterator[NextStep]:
    """The cheapest experiment: the first suspect as it was, everything else as it is."""
    first = next((suspect for suspect in ranked if suspect.kind == "package"), None)
    if first is None or sum(each.kind == "package" for each in listed) < 2:
        return
    project = shlex.quote(new.ref.components[0])
    yield NextStep(
        purpose=f"test the first suspect alone: if the metric comes back, it was {first.key}",
        command=f"{_undo([(first.key, first.left_value)])} && contexta run --project {project} -- {training}",
        runs=1,
        seconds=each,
        complete=complete,
    )


def _code(old: PastRun, new: PastRun) -> Iterator[NextStep]:
    left, right = old.code, new.code
    if left and right and left[0] != right[0]:
        one, two = left[0][:12], right[0][:12]
        yield NextStep(
            purpose="read what changed in the code",
            command=f"git log --oneline {one}..{two} && git diff --stat {one} {two}",
        )


def _way_back(listed: Sequence[Difference]) -> Iterator[NextStep]:
    packages = [(each.key, each.left_value) for each in listed if each.kind == "package"]
    if packages:
        yield NextStep(purpose="or go back to the old versions for now", command=_undo(packages))


def _undo(packages: Sequence[tuple[str, str | None]]) -> str:
    pins = [f"{name}=={version}" for name, version in packages if version is not None]
    gone = [name for name, version in packages if version is None]
    commands = [f"pip install {shlex.join(pins)}"] if pins else []
    commands += [f"pip uninstall -y {shlex.join(gone)}"] if gone else []
    return " && ".join(commands)


def _seconds(old: PastRun, new: PastRun) -> float | None:
    known = [run.seconds for run in (old, new) if run.seconds is not None]
    return fmean(known) if known else None
