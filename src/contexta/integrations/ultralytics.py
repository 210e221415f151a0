"""Ultralytics: callbacks for a model.

Standard library only, Python 3.8. This module imports nothing of Ultralytics: its licence is that of the program which
imports it.
"""

from __future__ import annotations

import sys

from contexta.integrations.training_record import TrainingRecord, never_raises

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.session.run import LiveRun

_OF_THIS_RUN = frozenset({"project", "name", "save_dir", "exist_ok", "mode", "task", "model", "data", "resume"})


def add_callbacks(model: Any, run: LiveRun | None = None) -> None:
    """Record the trainings of a model: metrics, losses and learning rates of each epoch, and arguments.

    Epochs are counted from 1, as Ultralytics prints them. The validation of the best weights, after the last epoch, is
    recorded as ``best/...`` without an epoch. run: by default the active run.
    """
    training = _Training(run)
    model.add_callback("on_pretrain_routine_end", training.begin)
    model.add_callback("on_train_epoch_end", training.note_epoch)
    model.add_callback("on_fit_epoch_end", training.record_validation)


class _Training:
    """One training of a model."""

    def __init__(self, run: LiveRun | None) -> None:
        self._record = TrainingRecord("ultralytics", run)
        self._is_epoch = False  # whether an epoch has ended that is not recorded yet

    @never_raises
    def begin(self, trainer: Any) -> None:
        self._is_epoch = False
        self._record.begin()
        arguments = {name: value for name, value in vars(trainer.args).items() if name not in _OF_THIS_RUN}
        defaults = _defaults()
        self._record.params({name: value for name, value in arguments.items() if value != defaults.get(name)})

    def note_epoch(self, _: Any) -> None:
        self._is_epoch = True

    @never_raises
    def record_validation(self, trainer: Any) -> None:
        if not self._is_epoch:
            self._record.log({f"best/{name}": value for name, value in trainer.metrics.items()})
            return
        self._is_epoch = False
        losses = trainer.label_loss_items(trainer.tloss, prefix="train")
        self._record.log({**losses, **trainer.metrics, **trainer.lr}, trainer.epoch + 1)


def _defaults() -> Any:
    """The default arguments of Ultralytics."""
    return sys.modules["ultralytics.utils"].DEFAULT_CFG_DICT
