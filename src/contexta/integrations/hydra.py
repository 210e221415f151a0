"""Hydra, 1.1 and newer: a callback that records each job as a run.

Standard library only besides Hydra and its OmegaConf, Python 3.8.
"""

from __future__ import annotations

try:
    from hydra.experimental.callback import Callback
    from omegaconf import OmegaConf
except ImportError as error:
    from contexta.integrations.training_record import unavailable

    raise unavailable("hydra-core", error) from error

from contexta.core import settings
from contexta.integrations.training_record import TrainingRecord, never_raises
from contexta.recorder.parts import numbers
from contexta.recorder.parts.failure import status_of
from contexta.recorder.session.active_run import session
from contexta.recorder.session.start import RecordingPlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.session.run import LiveRun


class ContextaCallback(Callback):  # type: ignore[misc]  # Hydra is not installed where types are checked
    """Records the configuration of each job, its result and its error.

    Each job of a multirun is a run. A single job records to the active run; without one, it is a run.
    """

    def __init__(self) -> None:
        self._place = RecordingPlace.configured()  # now: Hydra may change the directory before a job
        self._project = settings.project()
        self._is_multirun = False
        self._run: LiveRun | None = None  # of the job that is running
        self._record = TrainingRecord("hydra")

    def on_multirun_start(self, config: Any, **options: Any) -> None:
        self._is_multirun = True

    @never_raises
    def on_job_start(self, config: Any, **options: Any) -> None:
        active = None if self._is_multirun else session.active()
        if active is None:
            name = config.hydra.job.override_dirname if self._is_multirun else config.hydra.job.name
            active = self._run = session.start_block(self._place, project=self._project, name=str(name)[:200] or None)
        self._record = TrainingRecord("hydra", active)
        self._record.params(_parameters(config))

    @never_raises
    def on_job_end(self, config: Any, job_return: Any, **options: Any) -> None:
        result = job_return._return_value  # ``return_value`` raises the error of the job
        failure = result if isinstance(result, BaseException) else None
        if failure is None and numbers.number_of(result)[0] is not None:
            self._record.log({"return_value": result})  # what a sweeper optimises
        run, self._run = self._run, None
        if run is not None:
            status = status_of(failure)
            session.end_block(run, status, failure if status == "failed" else None)


def _parameters(config: Any) -> dict[Any, Any]:
    """The configuration of the program, with names such as ``model.depth``."""
    own = OmegaConf.masked_copy(config, [name for name in config if name != "hydra"])
    try:
        values = OmegaConf.to_container(own, resolve=True)
    except Exception:  # noqa: BLE001  # an interpolation that only some programs can resolve
        values = OmegaConf.to_container(own, resolve=False)
    return dict(numbers.flattened(values))
