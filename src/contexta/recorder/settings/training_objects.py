"""Optimizers of PyTorch, arguments of the Trainer of transformers, of Ultralytics, and compiled models of Keras.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import sys

from contexta.recorder.settings.settings_record import defaults_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from contexta.recorder.settings.settings_record import CollectedSettings

_OF_THIS_RUN = frozenset("output_dir logging_dir run_name save_dir name project exist_ok local_rank".split())


def replace_torch(settings: CollectedSettings, module: ModuleType) -> None:
    """Follow the optimizers of ``torch.optim.optimizer``."""

    def record(optimizer: Any, *_: Any) -> None:
        kind = type(optimizer)
        settings.add(kind.__name__, kind.__module__, dict(optimizer.defaults), defaults_of(kind.__init__))

    settings.follow(getattr(module, "Optimizer", None), "__init__", record)


def replace_transformers(settings: CollectedSettings, module: ModuleType) -> None:
    """Follow the trainers of ``transformers.trainer``."""

    def record(trainer: Any, *_: Any) -> None:
        kind = type(trainer.args)
        values = {name: value for name, value in trainer.args.to_dict().items() if name not in _OF_THIS_RUN}
        settings.add(kind.__name__, kind.__module__, values, defaults_of(kind.__init__))

    settings.follow(getattr(module, "Trainer", None), "__init__", record)


def replace_ultralytics(settings: CollectedSettings, module: ModuleType) -> None:
    """Follow the trainers of ``ultralytics.engine.trainer``."""

    def record(trainer: Any, *_: Any) -> None:
        values = {name: value for name, value in vars(trainer.args).items() if name not in _OF_THIS_RUN}
        defaults = getattr(sys.modules.get("ultralytics.utils"), "DEFAULT_CFG_DICT", {})
        settings.add("ultralytics", "ultralytics", values, defaults)

    settings.follow(getattr(module, "BaseTrainer", None), "__init__", record)


def replace_keras(settings: CollectedSettings, module: ModuleType) -> None:
    """Follow the models of ``keras.src.trainers.trainer``."""

    def record(model: Any, *_: Any) -> None:
        optimizer = getattr(model, "optimizer", None)
        if optimizer is not None:
            kind = type(optimizer)
            settings.add(kind.__name__, kind.__module__, optimizer.get_config(), defaults_of(kind.__init__))

    settings.follow(getattr(module, "Trainer", None), "compile", record)
