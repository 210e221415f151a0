"""XGBoost, 1.7 and newer: a callback for ``train``, ``cv`` and the estimators.

Standard library and XGBoost only, Python 3.8.
"""

from __future__ import annotations

import json

from contexta.integrations.training_record import TrainingRecord, never_raises, unavailable

try:
    from xgboost import Booster
    from xgboost.callback import TrainingCallback
except ImportError as error:
    raise unavailable("xgboost", error) from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from contexta.recorder.session.run import LiveRun

_DERIVED = {"base_score", "num_feature", "num_trees", "num_target", "name", "updater", "updater_seq", "predictor"}
"""Parameters of a booster that follow from the data, the training and other parameters."""


class ContextaCallback(TrainingCallback):  # type: ignore[misc]  # XGBoost is not installed where types are checked
    """Records the evaluation of each round, and the parameters that differ from the defaults of XGBoost.

    Names and rounds are those that XGBoost prints, such as ``validation_0-logloss``. run: by default the active run.
    """

    def __init__(self, run: LiveRun | None = None) -> None:
        super().__init__()
        self._record = TrainingRecord("xgboost", run)
        self._has_params = False

    def before_training(self, model: Any) -> Any:
        self._record.begin()
        self._has_params = False
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self._after_round(model, epoch, evals_log)
        return False

    @never_raises
    def _after_round(self, model: Any, number: int, evaluations: Any) -> None:
        if not _is_first_worker():
            return
        values = {}
        for data, of_data in evaluations.items():
            for metric, history in of_data.items():
                latest = history[-1]
                if isinstance(latest, tuple):  # of a cross-validation
                    values[f"{data}-{metric}"], values[f"{data}-{metric}-std"] = latest
                else:
                    values[f"{data}-{metric}"] = latest
        self._record.log(values, number)
        if not self._has_params:
            self._has_params = True
            self._record.params(_changed_parameters(model.cvfolds[0].bst if hasattr(model, "cvfolds") else model))


def _is_first_worker() -> bool:
    from xgboost import collective

    return bool(collective.get_rank() == 0)


def _changed_parameters(booster: Any) -> dict[str, Any]:
    """The parameters of a booster that differ from those of a new one."""
    defaults = dict(_leaves(json.loads(Booster({"num_feature": booster.num_features()}).save_config())["learner"]))
    parameters = dict(_leaves(json.loads(booster.save_config())["learner"]))
    return {
        name: _value(text)
        for name, text in parameters.items()
        if name not in _DERIVED and defaults.get(name, text) != text
    }


def _leaves(values: Any) -> Iterator[tuple[str, str]]:
    """The texts of a nested document by their last name."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif isinstance(value, str):
            yield name, value


def _value(text: str) -> Any:
    """The number in a text; XGBoost writes more digits than its 32 bits have."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(f"{float(text):.7g}")
    except ValueError:
        return text
