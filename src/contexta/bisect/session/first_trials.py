"""Detect wrong use in the first trials: no metric, a missing module, OLD and NEW swapped, an ignored seed. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from contexta.bisect.execution.metric import GIVES_NO
from contexta.bisect.execution.missing_modules import hint_to_add, missing_module
from contexta.bisect.execution.seed_use import ASK
from contexta.bisect.option_names import option
from contexta.bisect.reporting.finished_trial import Trial
from contexta.core.errors import InvalidInput


def require_metric(trials: Sequence[Trial], new: int, records: str) -> None:
    """End a study whose first trial of an endpoint completed without the metric.

    new: the mix NEW. records: the workspace of the trials. Raises InvalidInput.
    """
    trial = trials[-1]
    reason, mix = trial.result.reason, trial.observation.mix
    if mix not in (0, new) or not reason.startswith(GIVES_NO):
        return
    if any(trial.observation.mix == mix for trial in trials[:-1]):
        return  # it gave the metric before, or failed otherwise: the search tries it again
    end = "OLD" if mix == 0 else "NEW"
    log = shlex.join(["contexta", "log", trial.result.run or "RUN", "--workspace", records])
    raise InvalidInput(
        f"the first run of {end} completed and {reason}",
        hint=f"name a metric of the command ({option('metric')}), locate the number ({option('metric_from')}), "
        f"or judge by the exit code ({option('exit_code', True)}); `{log}` shows the output",
    )


def require_modules(trials: Sequence[Trial], new: int, records: str, folder: Path) -> None:
    """End a study whose first trial of an endpoint lacks a module, because every further trial would lack it.

    new: the mix NEW. records: the workspace of the trials. folder: where they run. Raises InvalidInput.
    """
    trial = trials[-1]
    mix, report = trial.observation.mix, trial.result
    judged = (
        report.value is not None
    )  # judged by exit code: the study looks for the cause of exactly this failure of NEW
    if mix not in (0, new) or (judged and (mix == new or report.value)):
        return
    module = missing_module(report.reason, report.log)
    if module is None or any(trial.observation.mix == mix for trial in trials[:-1]):
        return
    end = "OLD" if mix == 0 else "NEW"
    log = shlex.join(["contexta", "log", report.run or "RUN", "--workspace", records])
    change = f"; {option('exit_code', True)} finds the change that removes it" if mix == new else ""
    raise InvalidInput(
        f"the first run of {end} has no module {module}",
        hint=f"{hint_to_add(module, end, folder)}{change}; `{log}` shows the output",
    )


def swapped_note(trials: Sequence[Trial], new: int, swapped: str) -> str | None:
    """A note after the first pair of OLD and NEW at one seed if NEW is better; else None.

    swapped: the command with OLD and NEW swapped.
    """
    valued = [trial for trial in trials if trial.observation.value is not None and trial.observation.mix in (0, new)]
    last = trials[-1]
    ends = {trial.observation.mix for trial in valued}
    before = {trial.observation.mix for trial in valued if trial is not last}
    if ends != {0, new} or before == ends:
        return None
    old, now = (next(trial for trial in valued if trial.observation.mix == mix) for mix in (0, new))
    if (old.observation.value or 0.0) >= (now.observation.value or 0.0):
        return None
    values = [
        trial.result.measured if trial.result.measured is not None else trial.result.value for trial in (now, old)
    ]
    return (
        f"NEW is better than OLD so far ({values[0]:g} against {values[1]:g}); if they are swapped, stop with Ctrl-C "
        f"and run: {swapped}"
    )


def seed_note(trials: Sequence[Trial], first_seed: int, *, is_passed: bool = False) -> str | None:
    """A note after the first trial that suggests that the command ignores its seed; else None.

    The trial recorded another seed, or OLD gave one value at its first two seeds. first_seed: the value of seed number
    0. is_passed: whether the seed is an argument of the command.
    """
    advice = "check that the seed argument reaches the training" if is_passed else ASK
    last = trials[-1]
    if last.result.other_seed is not None and all(trial.result.other_seed is None for trial in trials[:-1]):
        seed = first_seed + last.step.seed
        return f"this trial had seed {seed}, and ran at {last.result.other_seed}; {advice}"
    old = {
        trial.step.seed: trial.result.measured
        for trial in trials
        if trial.observation.mix == 0 and trial.release is None and trial.result.measured is not None
    }
    if last.observation.mix != 0 or len(old) != 2 or len({*old.values()}) > 1 or list(old)[-1] != last.step.seed:
        return None
    seeds = " and ".join(str(first_seed + seed) for seed in old)
    chance = "the values coincide, " if is_passed else ""
    return (
        f"OLD gave the same value at seeds {seeds}: {chance}the command ignores its seed, or nothing in it is random; "
        f"one fixed seed cannot show a regression; {advice}"
    )
