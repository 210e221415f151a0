"""Changed settings that cannot change a result: renamed, deprecated, or switched off by another setting.

Such a setting makes its package no more suspect. The tables hold what the documentation of each library says; a
setting that they do not name counts as effective.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Settings = Mapping[str, Mapping[str, Any]]

_DEPRECATED = "deprecated"
"""The default of a setting that another one replaces. The library still behaves as before."""
_WITHOUT_RESULT = frozenset(
    {
        *("n_jobs", "nthread", "num_threads", "thread_count", "verbose", "verbosity", "silent", "cache_size"),
        *("copy", "copy_X", "copy_x", "pre_dispatch", "memory", "foreach", "fused", "capturable", "differentiable"),
        *("validate_parameters", "report_to", "disable_tqdm", "logging_steps", "logging_strategy", "save_strategy"),
    }
)
"""Names that change speed, memory or messages."""
_NEW_NAMES = (
    frozenset({"mse", "squared_error", "squared_loss", "ls", "least_squares"}),
    frozenset({"mae", "absolute_error", "lad", "least_absolute_deviation"}),
    frozenset({"log", "log_loss", "deviance", "binomial_deviance", "binary_crossentropy"}),
    frozenset({"none", "None", "null"}),
)
"""Values that mean the same (scikit-learn 1.0 to 1.3)."""
_NEEDED: tuple[tuple[str, str, str, frozenset[str]], ...] = (
    (r"SGD\w+", "eta0", "learning_rate", frozenset({"constant", "invscaling", "adaptive", "pa1", "pa2"})),
    (r"SGD\w+", "power_t", "learning_rate", frozenset({"invscaling"})),
    (r"SGD\w+|LogisticRegression\w*", "l1_ratio", "penalty", frozenset({"elasticnet"})),
    (r"LogisticRegression\w*", "intercept_scaling|dual", "solver", frozenset({"liblinear"})),
    (r"SGD\w+|MLP\w+|HistGradient\w+", "validation_fraction", "early_stopping", frozenset({"true", "auto"})),
    (r"MLP\w+", "learning_rate|power_t|momentum|nesterovs_momentum", "solver", frozenset({"sgd"})),
    (r"MLP\w+", "beta_1|beta_2|epsilon", "solver", frozenset({"adam"})),
    (r"(Nu)?SV[CR]", "degree", "kernel", frozenset({"poly"})),
    (r"(Nu)?SV[CR]", "coef0", "kernel", frozenset({"poly", "sigmoid"})),
    (r"(Nu)?SV[CR]", "gamma", "kernel", frozenset({"poly", "sigmoid", "rbf"})),
    (r"TSNE", "angle", "method", frozenset({"barnes_hut"})),
)
"""(class, setting, other setting, the values of the other one with which the setting counts)"""


def reason_without_effect(name: str, old: Settings, new: Settings) -> str | None:
    """Why the change of a setting has no effect; None if it may have one. name: ``KMeans.n_init``."""
    owner, _, setting = name.rpartition(".")
    left, right = (str(settings[name].get("value")) for settings in (old, new))
    if setting in _WITHOUT_RESULT:
        return "it changes no result"
    if _DEPRECATED in (left, right) or right == "warn":  # a change that is only announced
        return "only deprecated"
    if any({left, right} <= names for names in _NEW_NAMES):
        return "only renamed"
    for classes, settings_of_class, other, values in _NEEDED:
        if re.fullmatch(classes, owner) and re.fullmatch(settings_of_class, setting):
            states = [table.get(f"{owner}.{other}", {}).get("value") for table in (old, new)]
            if None not in states and not any(value in values for state in states for value in str(state).split(", ")):
                return f"unused with {other} {states[1]}"
    return None
