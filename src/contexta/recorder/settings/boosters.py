"""Models of XGBoost, LightGBM and CatBoost: the parameters that the trained model has.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict, Iterable, Iterator, Set, Tuple

    from contexta.recorder.settings.settings_record import CollectedSettings

_LINE = re.compile(r"^\[(\w+): (.*)\]$", re.M)
_OF_PROGRAM = frozenset(
    "num_feature num_class num_target num_trees num_iterations base_score objective name "
    "class_names classes_count".split()
)
"""Names whose values follow from the data and the arguments of the program, under whichever name it gives them."""
_OF_XGBOOST = (
    ("eta", "learning_rate"),
    ("gamma", "min_split_loss"),
    ("lambda", "reg_lambda"),
    ("alpha", "reg_alpha"),
    ("seed", "random_state"),
    ("nthread", "n_jobs"),
    ("updater", "updater_seq", "tree_method"),
)
_OF_CATBOOST = (
    ("iterations", "num_boost_round", "n_estimators", "num_trees"),
    ("learning_rate", "eta"),
    ("l2_leaf_reg", "reg_lambda"),
    ("depth", "max_depth"),
    ("rsm", "colsample_bylevel"),
    ("random_seed", "random_state"),
    ("loss_function", "objective"),
    ("border_count", "max_bin"),
    ("max_leaves", "num_leaves"),
    ("min_data_in_leaf", "min_child_samples"),
)
"""Names of one parameter, or of parameters of which one decides the others."""
_PATHS = frozenset("data valid input_model output_model machines machine_list_filename".split())


def replace_xgboost(settings: CollectedSettings, module: ModuleType) -> None:
    """Follow ``train`` of ``xgboost.training``."""

    def read(booster: Any) -> Dict[str, str]:
        return dict(_leaves(json.loads(booster.save_config()).get("learner", {})))

    _after_training(settings, module, "xgboost", read, lambda name: _aliases(_OF_XGBOOST, name))


def replace_lightgbm(settings: CollectedSettings, module: ModuleType) -> None:
    """Follow ``train`` of ``lightgbm.engine``."""

    def read(booster: Any) -> Dict[str, str]:
        lines = _LINE.findall(booster.model_to_string(num_iteration=1).partition("\nparameters:")[2])
        return {name: value for name, value in lines if name not in _PATHS}

    def aliases(name: str) -> Set[str]:
        config = getattr(sys.modules.get("lightgbm.basic"), "_ConfigAliases", None)
        return {name} if config is None else {name, *config.get(name)}

    _after_training(settings, module, "lightgbm", read, aliases)


def replace_catboost(settings: CollectedSettings, module: ModuleType) -> None:
    """Follow the models of ``catboost.core``."""

    def record(model: Any, *_: Any) -> None:
        values = {str(name): value for name, value in model.get_all_params().items()}
        names = {*model.get_params()} | _OF_PROGRAM
        defaults = {name: value for name, value in values.items() if not names & _aliases(_OF_CATBOOST, name)}
        settings.add("catboost", "catboost", values, defaults)

    settings.follow(getattr(module, "CatBoost", None), "_fit", record)


def _after_training(
    settings: CollectedSettings,
    module: ModuleType,
    package: str,
    read: Callable[[Any], Dict[str, str]],
    aliases: Callable[[str], Set[str]],
) -> None:
    """Let the settings of the model that ``module.train`` returns be recorded.

    What the program did not set, by that name or another of its aliases, counts as the default.
    """

    def record(params: Any, _: Any, options: Any, model: Any) -> None:
        arguments = {**(params or options.get("params") or {}), **options}
        names = {name for name, value in arguments.items() if value is not None} | _OF_PROGRAM
        values = read(model)
        defaults = {name: text for name, text in values.items() if not names & aliases(name)}
        settings.add(package, package, values, defaults)

    settings.follow(module, "train", record)


def _aliases(groups: Iterable[Tuple[str, ...]], name: str) -> Set[str]:
    """All names of a parameter."""
    return {name, *(alias for group in groups if name in group for alias in group)}


def _leaves(values: Any) -> Iterator[Tuple[str, str]]:
    """The texts of a nested document by their last name; tables of statistics are left out."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif isinstance(value, str):
            yield name, value
