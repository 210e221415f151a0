"""The lines about a study: its plan, and each finished trial."""

from __future__ import annotations

from collections.abc import Iterator

from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.session.study import Study
from contexta.reports.document.formatting import count, printable
from contexta.reports.pages.bisect import OUTSIDE, short_mix_name


def opening(study: Study) -> Iterator[str]:
    setup = study.setup
    changes = sum(len(group.changes) for group in study.space.groups)
    hours = "" if setup.settings.max_hours is None else f" and {setup.settings.max_hours:g} hours"
    yield (
        f"{count(changes, 'change')} in {count(len(study.space.groups), 'group')} that change independently; "
        f"at most {setup.settings.max_runs} runs{hours}; kept in {setup.folder}"
    )
    if setup.command.metric is None:
        by = "the judge's exit code" if setup.command.judge else "exit code"
        yield f"{by}: 0 is good, 125 no result, anything else is bad"
    if setup.command.timeout_is_bad:
        yield "good: the rerun ends in time; bad: it does not"
    if study.runner.earlier:
        yield f"{count(study.runner.earlier, 'trial')} of earlier studies count, unless --fresh reruns them"


def trial_line(study: Study, trial: Trial, number: int) -> str:
    setup = study.setup
    step, outcome = trial.step, trial.result
    value = outcome.measured if outcome.measured is not None else outcome.value
    if outcome.followed is not None and not outcome.is_measured:
        result = outcome.followed.text
    elif value is None:
        result = printable(outcome.reason)
    elif setup.command.metric is None or setup.command.timeout_is_bad:
        result = "good" if value else "bad"
    else:
        verdict = "" if setup.command.good_if is None else " good" if outcome.value else " bad"
        result = f"{setup.command.metric}={value:g}{verdict}"
    seconds = "reused" if trial.is_earlier else f"{outcome.seconds:.1f}s"
    target = mix_of(study, step.mix) if step.mix <= study.space.mixes.full else step.why
    confirmation = f"  environment {OUTSIDE}" if outcome.confirmed == "outside" and value is not None else ""
    return f"{number:>3}  {step.purpose:<6}  {target}  seed {step.seed}  {result}  {seconds}{confirmation}"


def mix_of(study: Study, mix: int) -> str:
    """``OLD + a`` or ``NEW - b``"""
    space = study.space
    by_weight = sorted(range(space.mixes.count), key=space.weights().__getitem__, reverse=True)
    suspicious_first = [key for group in by_weight for key in space.keys(1 << group)]
    return short_mix_name(space.keys(mix), suspicious_first)
