"""Stages of a live run, and their batches, samples and operations. Standard library only, Python 3.8."""

from __future__ import annotations

from contexta.core.errors import InvalidInput, shown
from contexta.core.references import MAX_COMPONENT, MAX_REFERENCE, StableRef, slug
from contexta.core.validation import text
from contexta.recorder.parts.failure import status_of
from contexta.recorder.parts.measured import Measured
from contexta.recorder.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Dict, Optional, Tuple, Type, TypeVar

    from contexta.recorder.journal.writer import Journal

    _Self = TypeVar("_Self", bound="_Part")

ENDS = ("completed", "failed", "cancelled")


def free_component(names: Dict[str, object], name: str, default: str, room: int = MAX_COMPONENT) -> str:
    """A new component of a reference for a name; it is added to ``names``. room: the number of characters left in the
    reference.
    """
    base = component = (slug(name) or default)[:room].rstrip("-")
    count, marker = 1, object()
    while names.setdefault(component, marker) is not marker:  # one step, so threads do not share a name
        count += 1
        tail = f"-{count}"
        component = base[: room - len(tail)].rstrip("-") + tail
    return component


def _room_below(parent: StableRef, kind: str) -> int:
    """The most characters of a component of this kind. A batch has half of them, because its samples need some too."""
    room = MAX_REFERENCE - len(f"{kind}:{parent.value}.")
    return min(MAX_COMPONENT, room // 2 if kind == "batch" else room)


class _Part(Measured):
    """A part of a live run, and a context manager."""

    def __init__(self, run: Measured, ref: StableRef, name: str) -> None:
        self.ref = ref
        self.name = name
        self._run = run
        self._heads = {}
        self._names: Dict[str, Dict[str, object]] = {}  # by kind: components of the parts of this part
        self._is_finished = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.ref}{' (ended)' if self._is_finished else ''}>"

    @property
    def _journal(self) -> Journal:  # type: ignore[override]  # read only here
        return self._run._journal

    @property
    def _ended(self) -> bool:  # type: ignore[override]  # as above
        return self._run._ended

    @property
    def _salt(self) -> bytes:
        return self._run._salt

    def _finish(self, status: str) -> None:
        """Record the end; a part that takes no time has none."""

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._finish(status_of(error))

    def _new(self, kind: str, name: str, **fields: Any) -> Tuple[StableRef, str]:
        """Record the beginning of a part of this part. Returns its reference and its name."""
        name = redact.name(text(name, printable=True), self._salt)
        room = _room_below(self.ref, kind)
        component = free_component(self._names.setdefault(kind, {}), name, kind, room)
        ref = self.ref.child("op" if kind == "operation" else kind, component)
        self._write(kind, part=component, name=name, **fields, **self._scope)
        return ref, name


class _Within(_Part):
    """A part below a stage. Its metrics are recorded with their complete scope, not as a series of a stage alone."""

    def metric(self, key: str, value: float, step: Optional[int] = None, *, unit: Optional[str] = None) -> None:
        """Record one measurement. Raises InvalidInput for anything but a number."""
        self._measure(key, value, step, unit)


class Sample(_Within):
    """One sample of a stage or batch."""

    def __init__(self, parent: _Part, ref: StableRef, name: str) -> None:
        super().__init__(parent, ref, name)
        self._place = {**parent._scope, "m": ref.name}

    @property
    def _scope(self) -> Dict[str, str]:
        return self._place


class Operation(_Within):
    """One operation of a stage or batch, such as a call of a model or the use of a tool."""

    def __init__(self, parent: _Part, ref: StableRef, name: str) -> None:
        super().__init__(parent, ref, name)
        self._place = {**parent._scope, "o": ref.name}

    @property
    def _scope(self) -> Dict[str, str]:
        return self._place


class _Timed(_Part):
    """A part with an end, which may have samples and operations."""

    _kind = ""

    def sample(
        self, name: str, *, retention_class: Optional[str] = None, redaction_profile: Optional[str] = None
    ) -> Sample:
        """Record the observation of a sample. A second one of the same name is another sample.

        ``stage.sample("prompt-17").metric("score", 0.8)``
        """
        fields = {"retention_class": retention_class, "redaction_profile": redaction_profile}
        present = {
            key: redact.name(text(value, printable=True), self._salt)
            for key, value in fields.items()
            if value is not None
        }
        return Sample(self, *self._new("sample", name, **present))

    def operation(self, name: str) -> Operation:
        """Record an operation. A second one of the same name is another operation."""
        return Operation(self, *self._new("operation", name))

    def finish(self, status: str = "completed") -> None:
        """End it. Ending it again, or after its run, does nothing."""
        if status not in ENDS:
            raise InvalidInput(
                f"a {self._kind} cannot end as {shown(status)}", hint="it ends as completed, failed or cancelled"
            )
        if not self._is_finished and not self._ended:
            self._is_finished = True
            self._write_end(status)

    def _finish(self, status: str) -> None:
        self.finish(status)

    def _write_end(self, status: str) -> None:
        raise NotImplementedError


class Batch(_Timed, _Within):
    """A batch of a stage."""

    _kind = "batch"

    @property
    def _scope(self) -> Dict[str, str]:
        return {**self._run._scope, "b": self.ref.name}

    def _write_end(self, status: str) -> None:
        self._write("batch-end", status=status, **self._scope)


class Stage(_Timed):
    """A stage of a live run."""

    _kind = "stage"

    def __init__(self, run: Measured, ref: StableRef, name: str) -> None:
        super().__init__(run, ref, name)
        self._stage = ref.name
        self._batches = 0

    def batch(self, name: str) -> Batch:
        """Begin a batch: ``with stage.batch("night-1") as batch: batch.metric("rows", 120)``.

        A second one of the same name is another batch.
        """
        self._batches += 1
        return Batch(self, *self._new("batch", name, order=self._batches - 1))

    def _write_end(self, status: str) -> None:
        self._write("stage-end", stage=self._stage, status=status)
