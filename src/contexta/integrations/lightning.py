"""Lightning, as ``lightning`` or ``pytorch_lightning``: a logger for ``Trainer`` and ``Fabric``.

Standard library and Lightning only, Python 3.8.
"""

from __future__ import annotations

import sys
from importlib import import_module

from contexta.integrations.training_record import TrainingRecord, never_raises, unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.session.run import LiveRun


def _lightning() -> Any:
    """The package that the program uses: the one that it has imported, else the one that is installed."""
    packages = ("lightning.pytorch", "pytorch_lightning")
    if packages[0] not in sys.modules and packages[1] in sys.modules:
        packages = packages[::-1]
    try:
        return import_module(packages[0])
    except ImportError:
        return import_module(packages[1])


try:
    _package = _lightning()
    _Logger: Any = import_module(f"{_package.__name__}.loggers").Logger
    _rank_zero_only: Any = import_module(f"{_package.__name__}.utilities").rank_zero_only
except ImportError as error:
    raise unavailable("lightning", error) from error


class _NoExperiment:
    """Accepts any call and does nothing: a program that logs to the ``experiment`` of every logger goes on."""

    def __getattr__(self, name: str) -> _NoExperiment:
        if name.startswith("__"):  # copies and pickles look for these
            raise AttributeError(name)
        return self

    def __call__(self, *_arguments: Any, **_options: Any) -> _NoExperiment:
        return self

    def __getitem__(self, _key: Any) -> _NoExperiment:
        return self


class ContextaLogger(_Logger):  # type: ignore[misc]  # Lightning is not installed where types are checked
    """Records what a module logs, with the step that Lightning gives it, and its hyperparameters.

    run: by default the active run. Only the process of rank 0 records.
    """

    def __init__(self, run: LiveRun | None = None) -> None:
        super().__init__()
        self._record = TrainingRecord("lightning", run)

    @property
    def name(self) -> str:
        return "contexta"

    @property
    def experiment(self) -> _NoExperiment:
        return _NoExperiment()

    @property
    def version(self) -> str:
        """The name of the run; Lightning puts it into the paths of checkpoints."""
        return self._version() or ""

    @_rank_zero_only  # type: ignore[untyped-decorator]  # as above
    @never_raises
    def _version(self) -> str:
        return str(self._record.run().ref.name)

    @_rank_zero_only  # type: ignore[untyped-decorator]  # as above
    @never_raises
    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        self._record.log(metrics, step)

    @_rank_zero_only  # type: ignore[untyped-decorator]  # as above
    @never_raises
    def log_hyperparams(self, params: Any, *arguments: Any, **options: Any) -> None:  # noqa: ARG002  # the signature is Lightning's
        self._record.begin()
        self._record.params(params if hasattr(params, "items") else vars(params))
