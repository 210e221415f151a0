"""CatBoost, 1.1 and newer: a callback for ``fit`` on processors; CatBoost refuses callbacks on GPUs.

Standard library only, Python 3.8: CatBoost calls any object.
"""

from __future__ import annotations

from contexta.integrations.training_record import TrainingRecord, never_raises

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.session.run import LiveRun


class ContextaCallback:
    """Records the metrics of each iteration, and the parameters of a model.

    The metric that CatBoost prints has its names there: ``learn``, and ``test`` for the validation data. For others the
    name follows, as in ``test-Accuracy``. run: by default the active run. model: the model that is trained, for its
    parameters, and to recognise the metric that is printed if there are several.
    """

    def __init__(self, run: LiveRun | None = None, *, model: Any = None) -> None:
        self._record = TrainingRecord("catboost", run)
        self._model = model

    def after_iteration(self, info: Any) -> bool:
        """CatBoost goes on where this is true."""
        self._after_iteration(info)
        return True

    @never_raises
    def _after_iteration(self, info: Any) -> None:
        params = {} if self._model is None else self._model.get_params()
        if info.iteration == 1:
            self._record.begin()
            self._record.params(params)
        values = {}
        for data, metrics in info.metrics.items():
            printed_metric = _printed_metric(list(metrics), params)
            for metric, history in metrics.items():
                name = _as_printed(data)
                values[name if metric == printed_metric else f"{name}-{metric}"] = history[-1]
        self._record.log(values, info.iteration - 1)


def _printed_metric(metrics: list[str], params: dict[str, Any]) -> str | None:
    """The metric that CatBoost prints: ``eval_metric``, else the loss; None where it is unknown."""
    if len(metrics) > 1 and params.get("eval_metric"):
        return str(params["eval_metric"])
    custom = params.get("custom_metric", params.get("custom_loss", ()))
    others = [metric for metric in metrics if metric not in ([custom] if isinstance(custom, str) else custom)]
    return others[0] if len(others) == 1 else None


def _as_printed(data: str) -> str:
    """``test`` for ``validation`` and ``validation_0``, ``test1`` for ``validation_1``."""
    kind, _, number = data.partition("_")
    if kind != "validation":
        return data
    return "test" if number in ("", "0") else f"test{number}"
