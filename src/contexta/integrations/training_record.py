"""Record what a framework reports to its callback, without a way to disturb the training.

Standard library only, Python 3.8: callbacks work where only the recorder is available.
"""

from __future__ import annotations

from functools import wraps

from contexta.core.errors import IntegrationUnavailable
from contexta.recorder.notes import reason
from contexta.recorder.session.active_run import run_to_log_to, session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from contexta.recorder.mirrors.mirror import MirroredRun
    from contexta.recorder.session.run import LiveRun

    Method = TypeVar("Method", bound=Callable[..., Any])

_MOST_FAULTS = 20  # notes about faults of one callback


class TrainingRecord:
    """The run of one callback. A value that the program also logs to a tracker under the same name is recorded once."""

    def __init__(self, framework: str, run: LiveRun | None = None) -> None:
        """run: by default the run that is active when a training begins; without one, a run begins then."""
        self._framework = framework
        self._chosen_run = run
        self._part: MirroredRun | None = None
        self._faults: set[str] = set()

    def __reduce__(self) -> tuple[Any, ...]:
        """Frameworks copy callbacks and send them to workers."""
        return TrainingRecord, (self._framework, self._chosen_run)

    def begin(self) -> None:
        """Begin to record a training, in the run that is active now."""
        self._part = None

    def log(self, values: Mapping[str, Any], step: Any = None) -> None:
        """Record the numbers of a mapping."""
        self._recording().log(self._framework, values, step)

    def params(self, values: Mapping[str, Any]) -> None:
        """Record parameters; other values than those of JSON are recorded as text."""
        self._recording().params(values)

    def is_recorded(self, name: str) -> bool:
        """Whether the run has a metric of this name from the framework or from a tracker."""
        return self._recording().has_metric(name)

    def run(self) -> LiveRun:
        """The run that is recorded to."""
        return self._chosen_run if self._chosen_run is not None else run_to_log_to()

    def note_fault(self, error: Exception) -> None:
        """Note why something is not recorded. Never raises."""
        try:
            words = f"the callback of {self._framework} did not record everything: {reason(error)}"[:10_000]
            if words not in self._faults and len(self._faults) < _MOST_FAULTS:
                self._faults.add(words)
                self.run().note("callback", words)
        except Exception:  # noqa: BLE001  # the training must go on
            pass

    def _recording(self) -> MirroredRun:
        if self._part is None:
            self._part = session.mirror_of_process().of(self.run(), self._framework)
        return self._part


def never_raises(method: Method) -> Method:
    """Let a method of a callback, which has a ``_record``, note its errors in the run and return None."""

    @wraps(method)
    def guarded(self: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return method(self, *arguments, **options)
        except Exception as error:  # noqa: BLE001  # the training must go on
            self._record.note_fault(error)
            return None

    return guarded  # type: ignore[return-value]  # the same signature


def unavailable(package: str, error: ImportError) -> IntegrationUnavailable:
    """The error for a framework that cannot be imported."""
    return IntegrationUnavailable(
        f"the integration needs {package}, which cannot be imported here: {reason(error)}",
        hint=f"install {package} in the environment of the training",
    )
