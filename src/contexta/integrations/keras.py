"""Keras: a callback for ``fit`` and ``evaluate``.

Standard library and Keras only, Python 3.8.
"""

from __future__ import annotations

from contexta.integrations.training_record import TrainingRecord, never_raises, unavailable

try:
    from keras.callbacks import Callback
except ImportError as error:
    raise unavailable("keras", error) from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.session.run import LiveRun


class ContextaCallback(Callback):  # type: ignore[misc]  # Keras is not installed where types are checked
    """Records the metrics of each epoch, and the parameters of the training and of its optimizer.

    Names and epochs are those that Keras prints: the first epoch is 1. Metrics of ``evaluate`` begin with ``test_`` and
    have no epoch. run: by default the active run.
    """

    def __init__(self, run: LiveRun | None = None) -> None:
        super().__init__()
        self._record = TrainingRecord("keras", run)
        self._is_training = False

    @never_raises
    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002  # the signature is Keras's
        self._is_training = True
        self._record.begin()
        params = {"epochs": self.params.get("epochs"), "steps_per_epoch": self.params.get("steps")}
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None:
            params["optimizer"] = type(optimizer).__name__
            config = {name: value for name, value in optimizer.get_config().items() if name != "name"}
            params.update({f"optimizer.{name}": value for name, value in config.items()})
        self._record.params({name: value for name, value in params.items() if value is not None})

    @never_raises
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._record.log(logs or {}, epoch + 1)

    @never_raises
    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002  # as above
        self._is_training = False

    @never_raises
    def on_test_end(self, logs: Any = None) -> None:
        if not self._is_training:
            self._record.log({f"test_{name}": value for name, value in (logs or {}).items()})
