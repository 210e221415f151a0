"""Tag each run of MLflow with the run of Contexta that is active. MLflow finds this module by an entry point.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contexta.recorder.session.run import LiveRun


class ContextaRunContext:
    """A provider of tags, as MLflow's ``RunContextProvider``: ``mlflow.start_run`` asks it.

    It does not derive from that class, so that this module imports nothing.
    """

    def in_context(self) -> bool:
        """Whether a run is being recorded. A program without Contexta does not import the recorder for that."""
        return _active_run() is not None

    def tags(self) -> dict[str, str]:
        run = _active_run()
        return {} if run is None else {"contexta.run": run.ref.value}


def _active_run() -> LiveRun | None:
    module = sys.modules.get("contexta.recorder.session.active_run")
    run: LiveRun | None = module.session.active() if module is not None else None
    return run
