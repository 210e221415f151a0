"""Explain why a metric moved between two runs, from their records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from contexta.analysis.changes import unknown_aspects
from contexta.analysis.environments.environment_diff import compare_environments
from contexta.analysis.environments.missing_facts import uncertainties_of
from contexta.analysis.metrics.compare import import_notes, status_notes
from contexta.analysis.metrics.direction import Directions, direction_of, familiarity
from contexta.analysis.metrics.formatting import amount, percent, some
from contexta.analysis.metrics.metric_names import find_metric, label
from contexta.analysis.metrics.repeats import AUTO, repeats_of
from contexta.analysis.why import differences, suspects
from contexta.analysis.why.history import fits, history, usable
from contexta.analysis.why.next_steps import PasteTarget, next_steps
from contexta.analysis.why.significance import shifts
from contexta.findings import SAME_RUN
from contexta.findings.environments import UnknownAspect
from contexta.findings.explain import Difference, Explanation, History, MetricShift, Suspect
from contexta.findings.past_runs import CommitRange, MetricId, PastRun, RunRecord

_VERDICTS = ("real", "unknown", "not_shown", "same")  # the surest first
_LONGEST_LIST = 200  # characters of differences with their values in a sentence
_TIED = 0.5  # of the first suspect's score: a second one above this is as likely
_NEAR = 0.3  # of the first suspect's score: those above this are named


def explain(
    old: RunRecord,
    new: RunRecord,
    runs: Sequence[PastRun],
    *,
    metric: str | None = None,
    directions: Directions | None = None,
    group_by: str = AUTO,
    commits: CommitRange | None = None,
    target: PasteTarget | None = None,
) -> Explanation:
    """Explain a difference between two runs without a rerun.

    runs: of the project of ``new``, in any order. metric: ``accuracy`` or ``train/accuracy``; by default the metric
    whose drop is surest. target: where the user will paste the suggested commands.
    Raises NotFound if neither run has the metric, and Ambiguous if several stages have it.
    """
    chosen = None if metric is None else find_metric(old.run, new.run, metric)
    all_shifts = metric_shifts(old.run, new.run, runs, chosen, directions or Directions(), group_by)
    shift = all_shifts[0] if all_shifts else None
    environment = compare_environments(old.run.ref, old.snapshot, new.run.ref, new.snapshot)
    changes = differences.differences(old, new, environment, commits or CommitRange())
    past, factors = _history(shift, changes, old.run, new.run, runs)
    changes = tuple(_with_companions(change, past) for change in changes)
    ranked = suspects.suspects(changes, factors)
    unknowns = unknown_aspects.unknowns(old, new)
    return Explanation(
        old_ref=old.run.ref,
        new_ref=new.run.ref,
        answer=tuple(_answer(shift, changes, ranked, unknowns, past)),
        metric=shift,
        metrics=all_shifts,
        differences=changes,
        unknowns=unknowns,
        suspects=ranked,
        history=past,
        environment=environment,
        next=next_steps(old.run, new.run, shift, changes, ranked, runs, target or PasteTarget()),
        completeness_notes=(
            *_notes(old.run, new.run, shift),
            *_uncertain(old),
            *_uncertain(new),
            *old.notes,
            *new.notes,
        ),
    )


def metric_shifts(
    old: PastRun,
    new: PastRun,
    runs: Sequence[PastRun],
    chosen: MetricId | None,
    directions: Directions,
    group_by: str = AUTO,
) -> tuple[MetricShift, ...]:
    """The shift of every metric: the chosen or surest one first, the others by stage and name."""
    metrics = sorted({*old.metrics} & {*new.metrics} | ({chosen} if chosen else set()))
    by_configuration = replace(directions, lower_is_better=None)
    better = {
        metric: direction_of(metric[1], directions if chosen in (None, metric) else by_configuration)
        for metric in metrics
    }
    lefts, rights = repeats_of(old, runs, group_by), repeats_of(new, runs, group_by)
    if {run.ref for run in lefts} & {run.ref for run in rights}:  # each side is a repeat of the other
        lefts, rights = (old,), (new,)

    def rank(shift: MetricShift) -> tuple[object, ...]:
        return (
            (shift.stage_name, shift.metric_key) != chosen,
            not shift.worse,
            _VERDICTS.index(shift.verdict),
            familiarity(shift.metric_key),
            shift.stage_name,
            shift.metric_key,
        )

    return tuple(sorted(shifts(lefts, rights, metrics, better, runs), key=rank))


def _history(
    shift: MetricShift | None, changes: Sequence[Difference], old: PastRun, new: PastRun, runs: Sequence[PastRun]
) -> tuple[History | None, dict[str, float]]:
    """(the history of the metric, how well it fits each difference as the only cause)."""
    if shift is None:
        return None, {}
    metric = (shift.stage_name, shift.metric_key)
    factors = fits(runs, metric, changes, old=old, new=new)
    if not usable(runs, metric):
        return None, factors
    return history(runs, metric, changes, old=old, new=new, better=shift.better), factors


def _with_companions(change: Difference, past: History | None) -> Difference:
    """The difference with the names of those that always changed together with it."""
    groups = [confound.names for confound in past.confounds if change.name in confound.names] if past else []
    others = tuple(name for names in groups for name in names if name != change.name)
    return change.model_copy(update={"moved_with": others}) if others else change


# ---------------------------------------------------------------------------------------------- sentences


def _answer(
    shift: MetricShift | None,
    changes: Sequence[Difference],
    ranked: Sequence[Suspect],
    unknowns: Sequence[UnknownAspect],
    past: History | None,
) -> Iterator[str]:
    yield _metric_sentence(shift)
    yield _changes_sentence(changes, unknowns)
    if shift is None or shift.verdict == "same" or shift.worse is False:
        return
    if past is not None and past.change_point is not None:
        step = past.change_point
        yield (
            f"The level changed between {step.last_before.name} and {step.first_after.name} "
            f"({step.change:+.4g}, {step.before} runs before, {step.after} after)."
        )
    if ranked:
        yield _suspects_sentence(ranked)


def _metric_sentence(shift: MetricShift | None) -> str:
    if shift is None:
        return "The two runs have no metric in common, so there is nothing to explain."
    name, reason = label((shift.stage_name, shift.metric_key)), shift.why
    if shift.change is None or shift.old.mean is None or shift.new.mean is None:
        return f"{name}: {reason}."
    if shift.verdict == "same":
        return f"{name} did not change: {reason}."
    verb = "rose" if shift.change > 0 else "dropped"
    ratio = f", {percent(shift.change_ratio, 1, signed=True)}" if shift.change_ratio is not None else ""
    values = f"from {amount(shift.old.mean)} to {amount(shift.new.mean)} ({shift.change:+.4g}{ratio})"
    direction = {
        "higher": "",
        "lower": "; lower is better",
        None: "; whether higher or lower is better is unknown",
    }[shift.better]
    return f"{name} {verb} {values}{direction}. {reason[:1].upper()}{reason[1:]}."


def _changes_sentence(changes: Sequence[Difference], unknowns: Sequence[UnknownAspect]) -> str:
    unknown = f" Not recorded on both sides: {', '.join(aspect.what for aspect in unknowns)}." if unknowns else ""
    if not changes:
        return f"Nothing that both runs recorded differs.{unknown}"
    names = ", ".join(map(str, changes))
    if len(changes) <= 4 and len(names) <= _LONGEST_LIST:
        return f"Changed: {names}.{unknown}"
    kinds = Counter(change.kind for change in changes)
    return f"Changed: {', '.join(f'{count} {_plural(kind, count)}' for kind, count in kinds.items())}.{unknown}"


def _plural(kind: str, count: int) -> str:
    if count == 1 or kind in ("python", "machine", "source"):
        return kind
    return {"native": "native libraries"}.get(kind, f"{kind}s")


def _suspects_sentence(ranked: Sequence[Suspect]) -> str:
    first = ranked[0]
    if len(ranked) == 1:
        return f"Only suspect: {first.name}. Records alone cannot prove it; a rerun can."
    has_companion = any(suspect.name in first.moved_with for suspect in ranked)
    if has_companion or ranked[1].score > _TIED * first.score:
        names = [suspect.name for suspect in ranked if suspect.score > _NEAR * first.score]
        return f"Suspects: {some(names, 4)}. Records alone cannot separate them; a bisect can."
    share = percent(first.score)
    return f"First suspect: {first.name}, with {share} of the suspicion. Records alone cannot prove it; a rerun can."


def _uncertain(side: RunRecord) -> Iterator[str]:
    for text in (uncertainties_of(side.snapshot) if side.snapshot is not None else None) or ():
        yield f"{side.run.ref} was reconstructed {text}"


def _notes(old: PastRun, new: PastRun, shift: MetricShift | None) -> Iterator[str]:
    if old.ref == new.ref:
        yield SAME_RUN.format(old.ref)
    for run in (old, new):
        yield from import_notes(run.ref, run.metadata)
        yield from status_notes(run.ref, run.status)
    if shift is not None and shift.better is None:
        yield (
            f"the direction of {shift.metric_key} is unknown: pass --lower-is-better or --higher-is-better, or list it "
            "under lower-is-better or higher-is-better in [tool.contexta]"
        )
