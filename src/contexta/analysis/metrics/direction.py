"""Which way a metric is good: a table of well-known names, what the configuration says, or what was asked for.

A name that is not in the table has no direction: nothing is guessed, and whoever needs one asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from contexta.findings.explain import Better

Origin = Literal["name", "configuration", "argument"]

# Words as they stand in metric names; the longest that fits counts, so "error rate reduction" is not "error rate".
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


def _words(text: str) -> list[str]:
    return text.split()


def _phrases(text: str) -> dict[tuple[str, ...], None]:
    return {tuple(phrase.split()): None for phrase in " ".join(text.split()).split(", ")}


_TABLE: Mapping[tuple[str, ...], Better] = {
    **dict.fromkeys(_phrases(HIGHER), "higher"),
    **dict.fromkeys(_phrases(LOWER), "lower"),
}
_LONGEST = max(map(len, _TABLE))
# What stands around a metric's name and says nothing about it.
_AROUND = frozenset(
    _words(
        """
train training val valid validation test testing eval evaluation dev holdout online offline final best last mean avg
average median min max std macro micro weighted samples binary total overall global running smoothed epoch step
batch score metric class top k at per of the and src main model base student teacher id ood clean raw norm
normalized top1 top3 top5 p50 p90 p95 p99 ms s sec seconds cv fold oof in out sample
"""
    )
)
# What turns a name into another thing: "accuracy drop", "loss scale", "inverse error".
_TURNS = frozenset(
    _words(
        """
neg negative no non not inverse inv minus anti delta diff difference change drop gap scale
"""
    )
)
# Too short or too common to count beside words that are not known: "feature_map", "free_memory".
_ONLY_ALONE = frozenset(
    (word,) for word in _words("map em hr far ter kid comet pass return lift memory acc err success regret")
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[a-z]+[0-9]*|[0-9]+")


def direction_of(
    key: str,
    *,
    lower_is_better: bool | None = None,
    higher: Sequence[str] = (),
    lower: Sequence[str] = (),
) -> tuple[Better | None, Origin | None]:
    """(which way is good, who says so) for a metric's key; (None, None) where nobody does.

    lower_is_better: as an argument said, which counts first. higher, lower: keys as configured.
    """
    if lower_is_better is not None:
        return ("lower" if lower_is_better else "higher"), "argument"
    configured = [better for better, names in (("higher", higher), ("lower", lower)) if key in names]
    if len(configured) == 1:
        return ("higher" if configured[0] == "higher" else "lower"), "configuration"
    known = _known(key)
    return known, ("name" if known else None)


def _known(key: str) -> Better | None:
    """By the table: every phrase in the name that it knows says the same, the last one ends the name, and nothing
    turns it round. Folders before a slash (``shop/accuracy``) do not count."""
    name = (key.rpartition("/")[2] or key).replace("@", " at ")
    words = _WORD.findall(name.lower())
    if words[:1] == ["neg"]:  # as scikit-learn's scorers are called: neg_log_loss
        return "higher" if _read(words[1:]) == "lower" else None
    return _read(words) or _read(_WORD.findall(_CAMEL.sub(" ", name).lower()))  # mAP, valAccuracy


def _read(words: Sequence[str]) -> Better | None:
    found: dict[tuple[str, ...], Better] = {}
    strange = False
    position = 0
    while position < len(words):
        phrase = next(
            (
                tuple(words[position : position + length])
                for length in range(min(_LONGEST, len(words) - position), 0, -1)
                if tuple(words[position : position + length]) in _TABLE
            ),
            None,
        )
        word = words[position]
        if phrase is not None:
            found[phrase] = _TABLE[phrase]
        elif word in _TURNS or (found and not _is_around(word)):
            return None
        else:
            strange = strange or not _is_around(word)
        position += len(phrase) if phrase is not None else 1
    if strange and any(phrase in _ONLY_ALONE for phrase in found):
        return None
    ways = set(found.values())
    return ways.pop() if len(ways) == 1 else None


def _is_around(word: str) -> bool:
    return word in _AROUND or word.isdigit()


def familiarity(key: str) -> int:
    """Where the table first names what is in a key; the end of it for what it does not know. Accuracy comes first."""
    words = _WORD.findall(key.rpartition("/")[2].lower())
    places = [place for place, phrase in enumerate(_TABLE) if len(phrase) == 1 and phrase[0] in words]
    return min(places, default=len(_TABLE))
