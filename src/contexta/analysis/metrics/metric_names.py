"""Metric names: labels, lookup by label, and the recorded name that a misspelled one probably means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from contexta.analysis.metrics.formatting import some
from contexta.core.errors import Ambiguous, NotFound, shown
from contexta.findings import RUN_LEVEL
from contexta.findings.past_runs import MetricId, PastRun

_MIN_SIMILARITY = 0.75  # of two names, 1 being equal, for one to count as a misspelling of the other
_MIN_SIMILARITY_OF_HINT = 0.5


def label(metric: MetricId) -> str:
    """``train/accuracy``, or ``accuracy`` for a metric of the run itself."""
    stage, key = metric
    return key if stage == RUN_LEVEL else f"{stage}/{key}"


def find_metric(old: PastRun, new: PastRun, name: str) -> MetricId:
    """The (stage, key) that ``accuracy`` or ``train/accuracy`` names. Metrics that both runs have come first.

    Raises NotFound with the nearest name, or Ambiguous when several stages have the metric.
    """
    metrics = list(dict.fromkeys([*new.metrics, *old.metrics]))
    matches = [metric for metric in metrics if name in (metric[1], label(metric))]
    matches = [metric for metric in matches if metric in old.metrics and metric in new.metrics] or matches
    if len(matches) > 1 and len(exact := [metric for metric in matches if name == label(metric)]) == 1:
        matches = exact
    if len(matches) > 1:
        names = some([label(metric) for metric in matches])
        raise Ambiguous(f"several stages have a metric {shown(name)}", hint=f"choose one of {names}")
    if matches:
        return matches[0]
    labels = [label(metric) for metric in metrics]
    close = like(name, labels, least=_MIN_SIMILARITY_OF_HINT)
    hint = f"did you mean {close[0]}?" if close else f"the runs have {some(labels) or 'no metrics'}"
    raise NotFound(f"neither run has a metric {shown(name)}", hint=hint)


def like(name: str, candidates: Iterable[str], least: float = _MIN_SIMILARITY, most: int = 1) -> list[str]:
    """The candidates nearest to a name, the nearest first.

    Case, ``-``, ``_``, ``.``, spaces and the stage before a slash do not count.
    """
    names = list(dict.fromkeys(candidates))
    plain = _plain(name)
    equal = [other for other in names if _plain(other) == plain]
    equal += [other for other in names if other not in equal and _key(other) == _key(name)]
    similarity = {other: _similarity(name, other) for other in names if other not in equal}
    close = sorted((other for other in similarity if similarity[other] >= least), key=lambda other: -similarity[other])
    return [*equal, *close][:most]


def _similarity(left: str, right: str) -> float:
    pairs = ((_plain(left), _plain(right)), (_key(left), _key(right)))
    return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum() or character == "/")


def _key(name: str) -> str:
    return _plain(name).rpartition("/")[2]
