"""scikit-learn, 1.9 and newer: a callback for estimators that accept callbacks.

Standard library only, Python 3.8: scikit-learn calls any object with these methods. Its protocol is experimental.
"""

from __future__ import annotations

from contexta.integrations.training_record import TrainingRecord, never_raises
from contexta.recorder.settings.settings_record import defaults_of, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from contexta.recorder.session.run import LiveRun

_OF_SEARCH = ("mean_test_", "mean_train_")


class ContextaCallback:
    """Records the score on the training data of each iteration, the results of a search, and parameters.

    Metrics are ``train_score``, and of a search ``mean_test_score`` with the number of the candidate as the step and
    ``best_score``. Parameters are those that differ from their defaults, and the best ones as ``best.<name>``.
    run: by default the active run.
    """

    def __init__(self, run: LiveRun | None = None) -> None:
        self._record = TrainingRecord("scikit-learn", run)

    @never_raises
    def setup(self, estimator: Any, context: Any) -> None:
        if not _is_inside_another(context):
            self._record.begin()
            self._record.params(dict(_changed_parameters(estimator)))

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Nothing is known yet."""

    @never_raises
    def on_fit_task_end(  # the signature is scikit-learn's
        self,
        estimator: Any,  # noqa: ARG002  # scikit-learn passes it by name
        context: Any,
        *,
        X: Any = None,  # noqa: N803  # scikit-learn's name
        y: Any = None,
        fitted_estimator: Any = None,
    ) -> None:
        is_iteration = context.parent is not None and not _is_inside_another(context)
        if is_iteration and X is not None and y is not None and fitted_estimator is not None:
            self._record.log({"train_score": fitted_estimator.score(X, y)}, context.task_id)

    @never_raises
    def teardown(self, estimator: Any, context: Any) -> None:
        results = getattr(estimator, "cv_results_", None)
        if results is None or _is_inside_another(context):
            return
        for candidate in range(len(results["params"])):
            values = {name: column[candidate] for name, column in results.items() if name.startswith(_OF_SEARCH)}
            self._record.log(values, candidate)
        if hasattr(estimator, "best_score_"):
            self._record.log({"best_score": estimator.best_score_})
            self._record.params({f"best.{name}": value for name, value in estimator.best_params_.items()})


def _is_inside_another(context: Any) -> bool:
    """Whether the task is a part of the fit of a meta-estimator, which fits many estimators."""
    while context.parent is not None:
        if context.source_estimator_name is not None:
            return True
        context = context.parent
    return context.source_estimator_name is not None


def _changed_parameters(estimator: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """The parameters that differ from their defaults, also of estimators inside, as ``set_params`` names them."""
    defaults = defaults_of(type(estimator).__init__)
    for name, value in estimator.get_params(deep=False).items():
        if hasattr(value, "get_params"):
            yield f"{above}{name}", type(value).__name__
            yield from _changed_parameters(value, f"{above}{name}__")
        elif isinstance(value, list) and all(isinstance(item, tuple) and len(item) > 1 for item in value):
            for step, inner, *_ in value:  # the steps of a pipeline
                if hasattr(inner, "get_params"):
                    yield f"{above}{step}", type(inner).__name__
                    yield from _changed_parameters(inner, f"{above}{step}__")
        elif name not in defaults or text_of(value) != text_of(defaults[name]):
            yield f"{above}{name}", value
