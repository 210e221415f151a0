"""Select the best of several runs by a metric, and the metrics to show for several runs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from contexta.analysis.metrics.compare import status_notes
from contexta.analysis.metrics.direction import Directions, direction_order, familiarity
from contexta.contract.fields import FrozenDict
from contexta.findings import BestRun, RankedRun, RunRanking, RunSummary


def select_best(
    metric: str,
    stage_name: str | None,
    candidates: Sequence[RankedRun],
    *,
    higher_is_better: bool,
    suggestion: str = "",
    renamed: Mapping[str, str] | None = None,
) -> BestRun:
    """Rank candidates by their value. Equal values share a rank; a missing or not finite value has none.

    suggestion: the end of the note that no run has the metric. renamed: the names of renamed runs.
    """
    finite = [run for run in candidates if run.value is not None and _is_finite(run.value)]
    ordered = sorted(finite, key=lambda run: run.value or 0, reverse=higher_is_better)
    ranks: dict[int | float | None, int] = {}
    for place, run in enumerate(ordered, 1):
        ranks.setdefault(run.value, place)
    ranked = [run.model_copy(update={"rank": ranks[run.value]}) for run in ordered]
    best = ranked[0] if ranked else None
    name = f"{stage_name}/{metric}" if stage_name else metric
    notes = list(_notes(name, candidates, ranked)) if candidates else [f"no run has the metric {name}{suggestion}"]
    ranking = RunRanking(
        metric_key=metric,
        stage_name=stage_name,
        higher_is_better=higher_is_better,
        run_ref=best.run_ref if best else None,
        value=best.value if best else None,
        candidates=(*ranked, *(run for run in candidates if run not in finite)),
        completeness_notes=tuple(notes),
        renamed=FrozenDict(renamed or {}),
    )
    return BestRun.of(BestRun.text_of(ranking), ranking)


def _notes(metric: str, candidates: Sequence[RankedRun], ranked: Sequence[RankedRun]) -> Iterator[str]:
    lacking = sum(run.value is None for run in candidates)
    if lacking:
        yield f"{lacking} of {len(candidates)} runs have no {metric}"
    if others := len(candidates) - len(ranked) - lacking:
        yield f"{others} of {len(candidates)} runs have a last {metric} that is not finite"
    first = [run for run in ranked if run.rank == 1]
    if first:
        yield from status_notes(first[0].run_ref, first[0].status)
    if len(first) > 1:
        yield f"{len(first)} runs share the first rank; the first of them in the given order is selected"


def _is_finite(value: int | float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def main_metrics(runs: Iterable[RunSummary], directions: Directions, limit: int) -> list[str]:
    """The metrics to show for a list of runs, at most ``limit``, those with a direction first.

    A configured direction comes first, then a direction by name, then what most runs have.
    """
    counts = Counter(key for run in runs for key in run.metrics)

    def order(key: str) -> tuple[int, int, int, str]:
        return direction_order(key, directions), -counts[key], familiarity(key), key

    return sorted(counts, key=order)[:limit]
