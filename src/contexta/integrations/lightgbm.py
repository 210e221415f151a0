"""LightGBM, 3.3 and newer: a callback for ``train``, ``cv`` and the estimators.

Standard library only, Python 3.8: LightGBM calls any object.
"""

from __future__ import annotations

from contexta.integrations.training_record import TrainingRecord, never_raises

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.session.run import LiveRun


class ContextaCallback:
    """Records the evaluation of each round, and the parameters of the training.

    Names and rounds are those that LightGBM prints, such as ``valid_0's auc``. run: by default the active run.
    """

    order = 20  # after the evaluation is printed, and before early stopping raises
    before_iteration = False

    def __init__(self, run: LiveRun | None = None) -> None:
        self._record = TrainingRecord("lightgbm", run)
        self._has_params = False

    @never_raises
    def __call__(self, env: Any) -> None:
        if env.iteration == env.begin_iteration:
            self._record.begin()
            self._has_params = False
        values = {}
        for data, metric, value, _, *deviation in env.evaluation_result_list or ():
            name = f"{data}'s {metric}"
            values[name] = value
            if deviation:  # of a cross-validation
                values[f"{name}-std"] = deviation[0]
        self._record.log(values, env.iteration + 1)
        if not self._has_params:
            self._has_params = True
            self._record.params({name: value for name, value in env.params.items() if value is not None})
