"""The direction of a metric: whether higher or lower values are better.

An argument decides first, then the configuration, then a table of well-known names. Any other name has no direction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from contexta.findings.explain import Better

Origin = Literal["name", "configuration", "argument"]

# Phrases of metric names. The longest match counts, so "hit rate" is not "rate".
HIGHER = """
accuracy, acc, balanced accuracy, top 1, top 5, precision, recall, sensitivity, specificity, f1, f2, f beta, fscore,
f score, f measure, auc, auroc, roc auc, auprc, pr auc, average precision, map, mean average precision, ndcg, mrr,
hit rate, hits, hr, r2, r squared, explained variance, mcc, matthews, kappa, cohen kappa, jaccard, iou, miou, dice,
true positive rate, true negative rate, tpr, tnr, ppv, npv, gini, concordance, c index, pearson, spearman, kendall,
bleu, rouge, rouge 1, rouge 2, rouge l, meteor, chrf, bertscore, comet, exact match, em, pass at 1, pass, win rate,
solve rate, success rate, success, psnr, ssim, inception score, silhouette, calinski harabasz, adjusted rand, ari, nmi,
log likelihood, lift, reward, episode reward, mean reward, return, episode return, throughput, fps, samples per second,
tokens per second, images per second, steps per second, items per second
"""
LOWER = """
loss, error, err, error rate, mae, mse, rmse, rmsle, mape, smape, wape, mase, mean absolute error, mean squared error,
squared error, absolute error, max error, log loss, logloss, cross entropy, nll, negative log likelihood, bce, hinge,
perplexity, ppl, bits per byte, bits per character, bpb, bpc, brier, brier score, ece, calibration error,
expected calibration error, kl, kl divergence, hamming loss, zero one loss, wer, cer, ter, word error rate,
character error rate, eer, equal error rate, false positive rate, false negative rate, fpr, fnr, far, frr, fid, kid,
lpips, fad, davies bouldin, inertia, deviance, regret, pinball loss, quantile loss, crps, edit distance, levenshtein,
latency, duration, runtime, elapsed, training time, train time, inference time, wall time, epoch time, step time,
peak memory, memory, toxicity
"""


def _phrases(text: str) -> list[tuple[str, ...]]:
    return [tuple(phrase.split()) for phrase in " ".join(text.split()).split(", ")]


_TABLE: Mapping[tuple[str, ...], Better] = {
    **dict.fromkeys(_phrases(HIGHER), "higher"),
    **dict.fromkeys(_phrases(LOWER), "lower"),
}
_LONGEST = max(map(len, _TABLE))
# Words around a metric's name that do not change its direction.
_NEUTRAL_TEXT = """
train training val valid validation test testing eval evaluation dev holdout online offline final best last mean avg
average median min max std macro micro weighted samples binary total overall global running smoothed epoch step batch
score metric class top k at per of the and src main model base student teacher id ood clean raw norm normalized top1
top3 top5 p50 p90 p95 p99 ms s sec seconds cv fold oof in out sample
"""
_NEUTRAL = frozenset(_NEUTRAL_TEXT.split())
# Words that turn a metric into something else: "accuracy drop", "loss scale", "inverse error".
_INVERTING_TEXT = """
neg negative no non not inverse inv minus anti delta diff difference change drop gap scale
"""
_INVERTING = frozenset(_INVERTING_TEXT.split())
# Phrases too short or too common to count beside unknown words: "feature_map", "free_memory".
_ONLY_ALONE_TEXT = "map em hr far ter kid comet pass return lift memory acc err success regret"
_ONLY_ALONE = frozenset((word,) for word in _ONLY_ALONE_TEXT.split())
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z]+[0-9]*|[0-9]+")


@dataclass(frozen=True)
class Directions:
    """The directions that users gave."""

    higher: tuple[str, ...] = ()
    """Metric keys for which the configuration says that higher is better."""
    lower: tuple[str, ...] = ()
    """Metric keys for which the configuration says that lower is better."""
    lower_is_better: bool | None = None
    """An argument about the metric in question; None without one."""


def direction_of(key: str, directions: Directions | None = None) -> tuple[Better | None, Origin | None]:
    """(direction, its origin) of a metric's key; (None, None) when it is unknown."""
    directions = directions or Directions()
    if directions.lower_is_better is not None:
        return ("lower" if directions.lower_is_better else "higher"), "argument"
    is_higher, is_lower = key in directions.higher, key in directions.lower
    if is_higher != is_lower:
        return ("higher" if is_higher else "lower"), "configuration"
    better = _direction_by_name(key)
    return better, ("name" if better else None)


def is_worse(key: str, change: int | float | None, directions: Directions | None = None) -> bool | None:
    """Whether a change makes a metric worse; None without a change or a known direction."""
    better, _ = direction_of(key, directions)
    if better is None or change is None or not (change < 0 or change > 0):  # equal, or NaN
        return None
    return (change < 0) == (better == "higher")


def direction_order(key: str, directions: Directions) -> int:
    """A sort key of metrics: a configured direction comes first, then a known one."""
    better, origin = direction_of(key, directions)
    return 0 if origin == "configuration" else 1 if better is not None else 2


def _direction_by_name(key: str) -> Better | None:
    """The direction by the table. The part before a slash (``shop/accuracy``) does not count."""
    name = (key.rpartition("/")[2] or key).replace("@", " at ")
    words = _WORD.findall(name.lower())
    if words[:1] == ["neg"]:  # scikit-learn's scorers: neg_log_loss
        return "higher" if _direction_of_words(words[1:]) == "lower" else None
    # The second reading splits mAP and valAccuracy.
    return _direction_of_words(words) or _direction_of_words(_WORD.findall(_CAMEL.sub(" ", name).lower()))


def _direction_of_words(words: Sequence[str]) -> Better | None:
    """The one direction of all phrases in the table; None if they disagree, or if another word may change it."""
    directions: dict[tuple[str, ...], Better] = {}
    has_unknown_word = False
    position = 0
    while position < len(words):
        phrase = _longest_phrase(words[position:])
        word = words[position]
        if phrase is not None:
            directions[phrase] = _TABLE[phrase]
        elif word in _INVERTING or (directions and not _is_neutral(word)):
            return None
        else:
            has_unknown_word = has_unknown_word or not _is_neutral(word)
        position += len(phrase) if phrase is not None else 1
    if has_unknown_word and any(phrase in _ONLY_ALONE for phrase in directions):
        return None
    distinct = set(directions.values())
    return distinct.pop() if len(distinct) == 1 else None


def _longest_phrase(words: Sequence[str]) -> tuple[str, ...] | None:
    """The longest phrase of the table at the start of the words."""
    starts = (tuple(words[:length]) for length in range(min(_LONGEST, len(words)), 0, -1))
    return next((start for start in starts if start in _TABLE), None)


def _is_neutral(word: str) -> bool:
    return word in _NEUTRAL or word.isdigit()


def familiarity(key: str) -> int:
    """The place in the table of the first word of a key; accuracy has 0, and unknown keys have the length."""
    words = _WORD.findall(key.rpartition("/")[2].lower())
    places = [place for place, phrase in enumerate(_TABLE) if len(phrase) == 1 and phrase[0] in words]
    return min(places, default=len(_TABLE))
