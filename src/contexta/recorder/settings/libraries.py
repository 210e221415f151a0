"""The libraries whose effective settings are recorded, and the modules that define their classes.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, List, Optional

    from contexta.recorder.settings.settings_record import CollectedSettings, WritableRun


def watch(active: Callable[[], Optional[WritableRun]]) -> None:
    """Record the settings of these libraries, from their import on. active: as in ``CollectedSettings``.

    The modules below are imported with the first library: most programs have few.
    """
    collected: List[CollectedSettings] = []

    def settings() -> CollectedSettings:
        from contexta.recorder.settings.settings_record import CollectedSettings

        if not collected:
            collected.append(CollectedSettings(active))
        return collected[0]

    def scikit_learn(module: ModuleType) -> None:
        from contexta.recorder.settings import estimators

        estimators.replace(settings(), module)

    def xgboost(module: ModuleType) -> None:
        from contexta.recorder.settings import boosters

        boosters.replace_xgboost(settings(), module)

    def lightgbm(module: ModuleType) -> None:
        from contexta.recorder.settings import boosters

        boosters.replace_lightgbm(settings(), module)

    def catboost(module: ModuleType) -> None:
        from contexta.recorder.settings import boosters

        boosters.replace_catboost(settings(), module)

    def torch(module: ModuleType) -> None:
        from contexta.recorder.settings import training_objects

        training_objects.replace_torch(settings(), module)

    def transformers(module: ModuleType) -> None:
        from contexta.recorder.settings import training_objects

        training_objects.replace_transformers(settings(), module)

    def ultralytics(module: ModuleType) -> None:
        from contexta.recorder.settings import training_objects

        training_objects.replace_ultralytics(settings(), module)

    def keras(module: ModuleType) -> None:
        from contexta.recorder.settings import training_objects

        training_objects.replace_keras(settings(), module)

    functions: Any = {
        "sklearn.base": scikit_learn,
        "xgboost.training": xgboost,
        "lightgbm.engine": lightgbm,
        "catboost.core": catboost,
        "torch.optim.optimizer": torch,
        "transformers.trainer": transformers,
        "ultralytics.engine.trainer": ultralytics,
        "keras.src.trainers.trainer": keras,
    }
    after_import.watch(functions)
