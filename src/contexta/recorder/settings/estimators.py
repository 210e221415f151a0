"""Estimators of scikit-learn, and of every library whose estimators are derived from them.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder.settings.settings_record import defaults_of_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from contexta.recorder.settings.settings_record import CollectedSettings

_UNDECIDED = ("warn", "deprecated")  # values for which an estimator decides when it is fitted
_FITTING = ("fit", "fit_transform", "partial_fit")


def replace(settings: CollectedSettings, module: ModuleType) -> None:
    """Follow the methods that fit, of all estimators that are defined after ``sklearn.base``."""
    base_class = getattr(module, "BaseEstimator", None)
    if not isinstance(base_class, type) or "__init_subclass__" in vars(base_class):
        return
    base: Any = base_class

    def record(estimator: Any, *_: Any) -> None:
        values = estimator.get_params(deep=False)
        defaults = defaults_of_class(type(estimator))
        for name, value in values.items():
            if isinstance(value, str) and value in _UNDECIDED and defaults.get(name) == value:
                values[name] = defaults[name] = getattr(estimator, f"_{name}", value)
        settings.add(type(estimator).__name__, type(estimator).__module__, values, defaults)

    def follow(cls: Any, /, **options: Any) -> None:
        super(base, cls).__init_subclass__(**options)
        for name in _FITTING:
            method = vars(cls).get(name)
            if hasattr(method, "fn"):  # ``available_if``: only some objects have the method
                settings.follow(method, "fn", record)
            elif method is not None:
                settings.follow(cls, name, record)

    base.__init_subclass__ = classmethod(follow)
