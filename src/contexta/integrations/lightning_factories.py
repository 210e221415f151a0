"""Record every training with Lightning where Contexta is installed: the entry points ``callbacks_factory``.

They act where the values that a program logs to trackers are recorded: below `contexta run`, and after
``contexta.init(mirror=True)``. Standard library and Lightning only, Python 3.8.
"""

from __future__ import annotations

from importlib import import_module

from contexta.integrations.training_record import TrainingRecord, never_raises
from contexta.recorder.session.active_run import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _AddLogger:
    """Adds a logger to a trainer that has others. They log as before, and stay first."""

    def __init__(self) -> None:
        super().__init__()
        self._record = TrainingRecord("lightning")

    @never_raises
    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:  # noqa: ARG002  # the signature is Lightning's
        if trainer.loggers:
            _add_logger(trainer.loggers)
        elif trainer.is_global_zero:
            self._record.begin()
            self._record.params(dict(pl_module.hparams))

    @never_raises
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002  # as above
        self._log(trainer)

    @never_raises
    def on_validation_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002  # as above
        if trainer.state.fn == "validate":  # a validation in a training is recorded at the end of its epoch
            self._log(trainer)

    @never_raises
    def on_test_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002  # as above
        self._log(trainer)

    def _log(self, trainer: Any) -> None:
        """Record the metrics of an epoch of a trainer without loggers: a logger would move its checkpoints."""
        if trainer.loggers or not trainer.is_global_zero:
            return
        metrics = trainer.callback_metrics
        values = {name: value for name, value in metrics.items() if not _is_repeated(name, metrics)}
        self._record.log(values, trainer.global_step)


def _is_repeated(name: str, names: Any) -> bool:
    """Whether a metric is the ``_step`` or the short name of a metric that is logged in steps and in epochs."""
    return f"{name}_epoch" in names or (name.endswith("_step") and f"{name[: -len('_step')]}_epoch" in names)


class _AddLoggerToFabric:
    """Adds a logger to ``Fabric`` when it sets up a model."""

    def __init__(self) -> None:
        self._record = TrainingRecord("lightning")

    @never_raises
    def on_after_setup(self, fabric: Any, module: Any) -> None:  # noqa: ARG002  # the signature is Lightning's
        _add_logger(fabric.loggers)


def _add_logger(loggers: Any) -> None:
    from contexta.integrations.lightning import ContextaLogger

    if not any(isinstance(logger, ContextaLogger) for logger in loggers):
        loggers.append(ContextaLogger())


def _callbacks(package: str) -> list[Any]:
    if not _is_recorded():
        return []
    try:
        base = import_module(f"{package}.callbacks").Callback
        return [type("ContextaCallback", (_AddLogger, base), {})()]
    except Exception as error:  # noqa: BLE001  # the training must go on
        TrainingRecord("lightning").note_fault(error)
        return []


def _is_recorded() -> bool:
    return session.is_mirrored and session.active() is not None


def lightning_callbacks() -> list[Any]:
    """The callbacks of each ``Trainer`` of ``lightning``."""
    return _callbacks("lightning.pytorch")


def pytorch_lightning_callbacks() -> list[Any]:
    """The callbacks of each ``Trainer`` of ``pytorch_lightning``."""
    return _callbacks("pytorch_lightning")


def fabric_callbacks() -> list[Any]:
    """The callbacks of each ``Fabric``."""
    return [_AddLoggerToFabric()] if _is_recorded() else []
