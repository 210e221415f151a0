"""Accelerate, 0.20 and newer: a tracker for ``Accelerator(log_with=...)``.

Standard library and Accelerate only, Python 3.8.
"""

from __future__ import annotations

from contexta.integrations.training_record import TrainingRecord, never_raises, unavailable

try:
    from accelerate import tracking
except ImportError as error:
    raise unavailable("accelerate", error) from error

from contexta.recorder.parts import numbers
from contexta.recorder.session.active_run import init, session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from contexta.recorder.session.run import LiveRun


class ContextaTracker(tracking.GeneralTracker):  # type: ignore[misc]  # Accelerate is not installed where types are checked
    """Records what ``accelerator.log`` gets, and the configuration of ``init_trackers``, on the main process.

    project: of a run that begins because none is active. run: by default the active run.
    """

    name = "contexta"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, project: str | None = None, run: LiveRun | None = None) -> None:
        super().__init__()
        self._project = project
        self._run = run
        self._record = TrainingRecord("accelerate", run)

    @property
    def tracker(self) -> LiveRun:
        """The run."""
        return self._record.run()

    @tracking.on_main_process  # type: ignore[untyped-decorator]  # as above
    @never_raises
    def start(self) -> None:
        """Begin a run if none is active."""
        if self._run is None and session.active() is None:
            self._run = init(project=self._project)
            self._record = TrainingRecord("accelerate", self._run)

    @tracking.on_main_process  # type: ignore[untyped-decorator]  # as above
    @never_raises
    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        self.start()  # which earlier versions of Accelerate do not call
        self._record.params(dict(numbers.flattened(values)))

    @tracking.on_main_process  # type: ignore[untyped-decorator]  # as above
    @never_raises
    def log(self, values: Mapping[str, Any], step: int | None = None, **options: Any) -> None:
        self._record.log(values, step)

    @tracking.on_main_process  # type: ignore[untyped-decorator]  # as above
    @never_raises
    def finish(self) -> None:
        """Write everything to the disk. The run ends with the program, or where the program ends it."""
        self._record.run().flush()


if hasattr(tracking, "register_tracker_class"):  # 1.15 and newer: log_with="contexta"
    tracking.register_tracker_class(ContextaTracker)
