"""Deployments that a live run makes. Standard library only, Python 3.8."""

from __future__ import annotations

from hashlib import sha256

from contexta.core.references import MAX_COMPONENT, StableRef
from contexta.recorder.parts import vocabularies
from contexta.recorder.parts.failure import status_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Optional, Type

    from contexta.recorder.parts.measured import Measured


def deployment_ref(run: StableRef, part: str) -> StableRef:
    """The reference of a deployment by a run: deployments belong to the project, so it starts with the run's name."""
    component = f"{run.name}-{part}"
    if len(component) > MAX_COMPONENT:
        component = f"{component[:50].rstrip('-')}-{sha256(component.encode()).hexdigest()[:12]}"
    return run.project.child("deployment", component)


class Deployment:
    """A deployment by a run. As a context manager it is open until its block ends."""

    def __init__(self, run: Measured, part: str, name: str) -> None:
        """part: its component among the deployments of the run."""
        self.ref = deployment_ref(run.ref, part)
        self.name = name
        self._part = part
        self._run = run

    def __repr__(self) -> str:
        return f"<Deployment {self.ref}>"

    def finish(self, status: str = "completed") -> None:
        """Set its status and, unless it is open, its end. The last status counts."""
        vocabularies.one_of(status, vocabularies.STATUSES, "status")
        self._run._write("deployment-status", part=self._part, status=status)

    def __enter__(self) -> Deployment:
        self.finish("open")
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if not self._run._ended:
            self.finish(status_of(error))
