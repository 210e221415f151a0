"""Optuna, 2.10 and newer: a callback for ``Study.optimize``.

Standard library only, Python 3.8: Optuna calls any object.
"""

from __future__ import annotations

from contexta.integrations.training_record import TrainingRecord, never_raises

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.session.run import LiveRun


class ContextaCallback:
    """Records each trial of a study in one run.

    Metrics, with the number of the trial as the step: ``value`` (or ``values_0``, ``values_1`` ... of several
    objectives), ``best_value``, and numeric parameters as ``params.<name>``. An event keeps each trial with all of its
    parameters and its state. Parameters of the run: the study, and the best parameters as ``best.<name>``.
    run: by default the run that is active at the first trial.
    """

    def __init__(self, run: LiveRun | None = None) -> None:
        self._record = TrainingRecord("optuna", run)
        self._has_params = False

    @never_raises
    def __call__(self, study: Any, trial: Any) -> None:
        if not self._has_params:
            self._has_params = True
            self._record.params(
                {
                    "study_name": study.study_name,
                    "directions": [direction.name.lower() for direction in study.directions],
                    "sampler": type(study.sampler).__name__,
                    "pruner": type(study.pruner).__name__,
                }
            )
        state = trial.state.name.lower()
        attributes = {"trial": trial.number, "state": state, "params": trial.params, "values": trial.values}
        self._record.run().event("trial", f"trial {trial.number} {state}", attributes=attributes)
        numbers = {f"params.{name}": value for name, value in trial.params.items() if _is_number(value)}
        self._record.log({**_values(study, trial), **numbers}, trial.number)
        if len(study.directions) == 1 and state == "complete":
            best = study.best_trial
            self._record.log({"best_value": best.value}, trial.number)
            if best.number == trial.number:
                self._record.params({f"best.{name}": value for name, value in best.params.items()})


def _values(study: Any, trial: Any) -> dict[str, Any]:
    """The objectives of a trial. A failed trial has none, and a pruned one has the last value that it reported."""
    if len(study.directions) == 1:
        return {} if trial.value is None else {"value": trial.value}
    names = getattr(study, "metric_names", None)
    values = trial.values or ()
    return {names[at] if names else f"values_{at}": value for at, value in enumerate(values)}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
