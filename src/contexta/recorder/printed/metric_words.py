"""Decide by its name whether a printed number can be a metric.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Sequence

MAX_NAME = 80  # characters of a printed name

# Parts of names of metrics. A name is split at punctuation and where lower case meets upper case.
_METRICS = frozenset(
    """
    acc accs accuracy bacc loss losses nll nllloss ce xent bce kl kld elbo crossentropy entropy logloss mlogloss
    f1 f2 fbeta fscore f1score fmeasure auc auroc auprc aucpr rocauc roc precision recall sensitivity specificity mcc
    kappa jaccard dice iou miou giou ap50 ap75 map50 map75 map95 mean_ap mse rmse mae mape smape rmsle msle medae rmsd
    r2 rsquared r² error err merror wer cer ter bleu bleu4 rouge rouge1 rouge2 rougel rougelsum meteor chrf cider ppl
    perplexity bpc bpb psnr ssim lpips fid ndcg mrr hits top1 top5 acc1 acc5 prec1 prec5 em exact_match reward rew
    rewards returns score scores silhouette inertia ari nmi objective cost fitness regret spearman pearson corr
    besttest correlation matthews gini brier ece deviance likelihood loglik aic bic divergence quality residual hinge
    """.split()  # a table of words
)
_UPPER_CASE_METRICS = frozenset({"AP", "AR", "PER", "mAP", "AP50", "AP75", "R", "P", "KS", "EM", "Rew", "LPIPS"})
_AT_RANK = re.compile(r"(?:P|R|AP|mAP|Acc|Prec|Recall|Hits?|NDCG|MRR|HR|F1|map|mrr|ndcg|hit|recall|acc)@\d+\Z")

# Words before the name of a metric that qualify it.
QUALIFIERS = frozenset(
    """
    train training test testing val valid validation eval evaluation dev holdout avg average mean median best final
    overall macro micro weighted balanced top-1 top-5 top1 top5 root squared absolute percentage log roc pr area under
    curve cross cross-entropy total running lm nll cv oob model f1 r2 explained variance exact match classification
    regression step epoch minimum maximum min max smoothed new learning grad gradient d g adj oof per-class
    cross-validation cross-validated k-fold 5-fold 10-fold
    """.split()  # as above
)

# Parts of names of other numbers: times, sizes, counts, places, hyperparameters.
_OTHERS = frozenset(
    """
    time times timestamp eta elapsed duration second seconds sec secs ms runtime took remaining speed throughput fps ips
    qps wps ups wpb bsz wall mfu memory mem gpu gpus cpu ram cuda num v version ver seed seeds pid port id ids uid size
    sizes shape dim dims number n count counts samples examples images instances tokens words batch batches steps epochs
    iter iters iterations workers worker rank world patience threshold thresholds thresh tolerance tol momentum dropout
    decay alpha beta weight weights factor coef line lines lineno col column level date year month day hour minute code
    status exit layer layers params parameters temperature temp data file files row rows label labels limit timeout
    interval address ip host node nodes thread threads device devices length width height depth smoothing ttl seq
    bytes byte total usage load temp retries attempt attempts priority margin support
    """.split()  # as above
)
_STEPS = frozenset("step epoch iteration iter it round trial fold batch global_step update".split())
_LEVELS = frozenset("debug info warning warn error critical notice trace fatal".split())
_PROSE = frozenset(
    """
    at in of to from by on with after than and for is was are the a an took every until within about over last first
    next all only up down per or not took line page using took after saved loaded
    """.split()  # as above
)
_EXCEPTION = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z][a-z]\w*(?:Error|Exception|Warning|Interrupt|Exit)\Z|KeyError\Z")
_OF_DATA_SET = re.compile(r"[\w-]+'s \S+\Z")  # LightGBM: valid_0's l2
_FILE = re.compile(
    r".*\.(?:pyx?|ipynb|c|cc|cpp|cu|h|hpp|js|ts|go|rs|java|scala|jl|rb|sh|txt|md|log|json|csv|ya?ml|toml|cfg|ini)\Z"
)
_PARTS = re.compile(r"[A-Z]{2,}(?![a-z])\d*|[A-Z]?[a-z²]+\d*|[A-Z]\d*|\d+")
_RATES = ("lr", "learning rate", "learning_rate", "base_lr")


def parts_of(name: str) -> "List[str]":
    """The words of a name in lower case: ``val_MeanIoU`` has val, mean, io, u, and each piece between punctuation."""
    pieces = [piece for piece in re.split(r"[^\w²]+|_", name) if piece]
    split = [part for piece in pieces for part in _PARTS.findall(piece)]
    return [part.lower() for part in dict.fromkeys([*pieces, *split])]


@lru_cache(maxsize=4096)  # programs print the same names again and again
def is_metric(name: str) -> bool:
    """Whether a name is that of a metric: accuracy, val_loss, validation_0-rmse, Mean Squared Error."""
    if _is_of_code(name):
        return False
    if _OF_DATA_SET.match(name):
        return True
    parts = parts_of(name)
    if not _OTHERS.isdisjoint(parts) and not _is_total(parts):
        return False
    if not _METRICS.isdisjoint(parts) or _AT_RANK.match(name) or "r^2" in name.lower():
        return True
    pieces = re.split(r"[^\w]+|_", name)
    return not _UPPER_CASE_METRICS.isdisjoint(pieces) or "exact_match" in name or "exact match" in name.lower()


def _is_of_code(name: str) -> bool:
    """Whether a name is that of an exception or a file, or no name at all."""
    return len(name) > MAX_NAME or bool(_EXCEPTION.match(name) or _FILE.match(name))


def _is_total(parts: "Sequence[str]") -> bool:
    """Whether the suspicious parts are harmless beside a metric, as in total_loss, batch_loss and LossV."""
    return _OTHERS.intersection(parts) <= {"total", "batch", "v"} and len(parts) > 1


@lru_cache(maxsize=4096)
def is_possible(name: str) -> bool:
    """Whether an unknown name may be the name of a metric, in a line with a step."""
    parts = parts_of(name)
    lowered = name.lower()
    return (
        bool(parts)
        and not _is_of_code(name)
        and lowered not in _LEVELS
        and lowered not in _PROSE
        and lowered not in _STEPS
        and (lowered in _RATES or _OTHERS.isdisjoint(parts))
        and "per_" not in lowered
        and "/sec" not in lowered
    )


def is_word(name: str) -> bool:
    """Whether a word belongs to a sentence and is not a name: ``at``, ``took``."""
    return name.lower() in _PROSE and name not in _UPPER_CASE_METRICS
