"""Why a metric moved, as far as records alone can say: joins the parts, and says it in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contexta.analysis.environments.environment_diff import compare_environments
from contexta.analysis.metrics.direction import direction_of, familiarity
from contexta.analysis.metrics.formatting import amount, some
from contexta.analysis.metrics.metric_names import like
from contexta.analysis.metrics.repeats import AUTO, alike
from contexta.analysis.why import differences, suspects
from contexta.analysis.why.history import fits, history, usable
from contexta.analysis.why.next_steps import Place, next_steps
from contexta.analysis.why.significance import shifts
from contexta.core.errors import Ambiguous, NotFound, shown
from contexta.findings import RUN_LEVEL, SAME_RUN
from contexta.findings.explain import Confound, Difference, Explanation, History, MetricShift, Suspect, Unknown
from contexta.findings.history import MetricId, PastRun, Recorded, SourceFiles

_VERDICTS = ("real", "unknown", "not_shown", "same")


@dataclass(frozen=True)
class Ways:
    """Which metrics are good which way, beyond the table: as configured, and as said of the one asked for."""

    higher: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    lower_is_better: bool | None = None


def explain(
    old: Recorded,
    new: Recorded,
    runs: Sequence[PastRun],
    *,
    metric: str | None = None,
    ways: Ways | None = None,
    group_by: str = AUTO,
    source: SourceFiles | None = None,
    place: Place | None = None,
) -> Explanation:
    """What can be said of a drop without rerunning anything.

    runs: of the project of ``new``, in any order. metric: ``accuracy`` or ``train/accuracy``; default: the one whose
    drop is surest, the best known first. place: where commands will be pasted. Raises NotFound or Ambiguous for a
    metric that the runs do not have, or have in several stages.
    """
    wanted = None if metric is None else find_metric(old.run, new.run, metric)
    moved = _shifts(old, new, runs, wanted, ways or Ways(), group_by)
    focus = moved[0] if moved else None
    environment = compare_environments(old.run.ref, old.snapshot, new.run.ref, new.snapshot)
    listed = differences.differences(old, new, environment, source or SourceFiles())
    past = _history(focus, listed, old.run, new.run, runs)
    listed = tuple(_with_company(each, past.confounds if past else ()) for each in listed)
    ranked = suspects.suspects(listed, _fits(focus, listed, old.run, new.run, runs))
    missing = differences.unknowns(old, new)
    return Explanation(
        old_ref=old.run.ref,
        new_ref=new.run.ref,
        answer=tuple(_answer(focus, listed, ranked, missing, past)),
        metric=focus,
        metrics=moved,
        differences=listed,
        unknowns=missing,
        suspects=ranked,
        history=past,
        environment=environment,
        next=next_steps(old.run, new.run, focus, listed, ranked, runs, place or Place()),
        completeness_notes=tuple(_notes(old.run, new.run, focus)) + old.notes + new.notes,
    )


# ---------------------------------------------------------------------------------------------- metrics


def find_metric(old: PastRun, new: PastRun, metric: str) -> MetricId:
    """The (stage, key) that a person means by ``accuracy`` or ``train/accuracy``."""
    known = list(dict.fromkeys([*new.metrics, *old.metrics]))
    found = [each for each in known if metric in (each[1], label(each))]
    whole = [each for each in found if each in old.metrics and each in new.metrics] or found
    if len(whole) > 1 and len(exact := [each for each in whole if metric == label(each)]) == 1:
        whole = exact
    if len(whole) > 1:
        raise Ambiguous(f"metric {shown(metric)} is in several stages", hint=f"it could be {some(_labels(whole))}")
    if whole:
        return whole[0]
    close = like(metric, _labels(known), least=0.5)
    hint = f"did you mean {close[0]}?" if close else f"they have {some(_labels(known)) or 'no metrics at all'}"
    raise NotFound(f"neither run has a metric {shown(metric)}", hint=hint)


def label(metric: MetricId) -> str:
    stage, key = metric
    return key if stage == RUN_LEVEL else f"{stage}/{key}"


def _labels(metrics: Sequence[MetricId]) -> list[str]:
    return [label(each) for each in metrics]


def _shifts(
    old: Recorded, new: Recorded, runs: Sequence[PastRun], wanted: MetricId | None, ways: Ways, group_by: str
) -> tuple[MetricShift, ...]:
    """The metric that is explained first, then the others by stage and name."""
    metrics = sorted({*old.run.metrics} & {*new.run.metrics} | ({wanted} if wanted else set()))
    directions = {
        each: direction_of(
            each[1],
            lower_is_better=ways.lower_is_better if each == wanted or wanted is None else None,
            higher=ways.higher,
            lower=ways.lower,
        )
        for each in metrics
    }
    lefts, rights = alike(old.run, runs, group_by), alike(new.run, runs, group_by)
    if {run.ref for run in lefts} & {run.ref for run in rights}:  # the two sides repeat each other
        lefts, rights = (old.run,), (new.run,)
    found = shifts(lefts, rights, metrics, directions, runs)

    def rank(shift: MetricShift) -> tuple[object, ...]:
        return (
            (shift.stage_name, shift.metric_key) != wanted,
            not shift.worse,
            _VERDICTS.index(shift.verdict),
            familiarity(shift.metric_key),
            shift.stage_name,
            shift.metric_key,
        )

    return tuple(sorted(found, key=rank))


# ---------------------------------------------------------------------------------------------- history


def _history(
    focus: MetricShift | None, listed: Sequence[Difference], old: PastRun, new: PastRun, runs: Sequence[PastRun]
) -> History | None:
    if focus is None:
        return None
    metric = (focus.stage_name, focus.metric_key)
    return history(runs, metric, listed, old=old, new=new, better=focus.better) if usable(runs, metric) else None


def _fits(
    focus: MetricShift | None, listed: Sequence[Difference], old: PastRun, new: PastRun, runs: Sequence[PastRun]
) -> dict[str, float]:
    if focus is None:
        return {}
    return fits(runs, (focus.stage_name, focus.metric_key), listed, old=old, new=new)


def _with_company(difference: Difference, confounds: Sequence[Confound]) -> Difference:
    together = [name for each in confounds if difference.name in each.names for name in each.names]
    others = tuple(name for name in together if name != difference.name)
    return difference.model_copy(update={"moved_with": others}) if others else difference


# ---------------------------------------------------------------------------------------------- words


def _answer(
    focus: MetricShift | None,
    listed: Sequence[Difference],
    ranked: Sequence[Suspect],
    missing: Sequence[Unknown],
    past: History | None,
) -> Iterator[str]:
    yield _moved(focus)
    yield _what_changed(listed, missing)
    if focus is None or focus.verdict == "same" or focus.worse is False:
        return
    if past is not None and past.change_point is not None:
        step = past.change_point
        yield (
            f"The level changed between {step.last_before.name} and {step.first_after.name} "
            f"({step.change:+.4g}, {step.before} runs before, {step.after} after)."
        )
    if ranked:
        yield _suspicion(ranked)


def _moved(focus: MetricShift | None) -> str:
    if focus is None:
        return "The two runs have no metric in common: there is nothing to explain."
    name = label((focus.stage_name, focus.metric_key))
    if focus.change is None or focus.old.mean is None or focus.new.mean is None:
        return f"{name}: {focus.why}."
    if focus.verdict == "same":
        return f"{name} did not move: {focus.why}."
    verb = "rose" if focus.change > 0 else "fell"
    ratio = f", {focus.change_ratio:+.1%}" if focus.change_ratio is not None else ""
    size = f"{name} {verb} from {amount(focus.old.mean)} to {amount(focus.new.mean)} ({focus.change:+.4g}{ratio})"
    way = {True: ", the bad way", False: ", the good way", None: "; whether that is bad is not known"}[focus.worse]
    sure = {
        "real": "This is real",
        "not_shown": "That it is real is not shown",
        "unknown": "Whether it is real is not known",
    }[focus.verdict]
    return f"{size}{way}. {sure}: {focus.why}."


def _what_changed(listed: Sequence[Difference], missing: Sequence[Unknown]) -> str:
    counts: dict[str, int] = {}
    for each in listed:
        counts[each.kind] = counts.get(each.kind, 0) + 1
    unknown = f" Not recorded on both sides: {', '.join(each.what for each in missing)}." if missing else ""
    if not listed:
        return "Nothing that was recorded on both sides differs." + unknown
    if len(listed) <= 4:
        return f"What changed: {', '.join(str(each) for each in listed)}." + unknown
    kinds = [f"{count} {_plural(kind, count)}" for kind, count in counts.items()]
    return f"What changed: {', '.join(kinds)}." + unknown


def _plural(kind: str, count: int) -> str:
    if count == 1 or kind in ("python", "machine", "source"):
        return kind
    return {"native": "native libraries"}.get(kind, f"{kind}s")


def _suspicion(ranked: Sequence[Suspect]) -> str:
    """What the ranking says, and that it proves nothing."""
    first = ranked[0]
    if len(ranked) == 1:
        return f"{first.name} is the only suspect among what was recorded; that is a hypothesis, a rerun proves it."
    alone = [name for name in first.moved_with if any(each.key == name for each in ranked)]
    if (len(ranked) > 1 and ranked[1].score > 0.5 * first.score) or alone:
        near = [each.name for each in ranked if each.score > 0.3 * first.score]
        return f"Which of them did it is not known: {some(near, 4)} are suspects, and no record tells them apart."
    share = f"{first.score:.0%} of the suspicion"
    return f"First suspect: {first.name}, with {share}: a hypothesis, until a rerun proves it."


def _notes(old: PastRun, new: PastRun, focus: MetricShift | None) -> Iterator[str]:
    if old.ref == new.ref:
        yield SAME_RUN.format(old.ref)
    for run in (old, new):
        if run.status == "open":
            yield f"{run.ref} is still open: its metrics may change"
        elif run.status != "completed":
            yield f"{run.ref} {run.status}: its metrics are what it reached before that"
    if focus is not None and focus.better is None:
        yield (
            f"whether {focus.metric_key} should be high or low is not known: say --lower-is-better or "
            f"--higher-is-better, or list it in [tool.contexta] lower-is-better or higher-is-better"
        )
