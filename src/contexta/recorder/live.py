"""A live run as the training code holds it: ``with ctx.run("this-month") as run: run.metric("accuracy", 0.87)``.

Standard library only, Python 3.8. Wrong use (a metric that is no number) raises InvalidInput at the call; what goes
wrong in recording itself never does.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Set

from contexta.errors import InvalidInput, shown
from contexta.recorder import environment
from contexta.recorder.journal import SUFFIX, Journal
from contexta.recorder.notes import reason, storable
from contexta.recorder.objects import Objects
from contexta.refs import StableRef, numbered, slug
from contexta.scalars import MAX_NAME, number, text

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Type

_INT64 = 2**63


class Run:
    """A run being recorded. Use it as a context manager, or call ``finish`` yourself."""

    def __init__(
        self,
        journal: Journal,
        ref: StableRef,
        name: str,
        *,
        on_end: Optional[Callable[[], None]] = None,
    ) -> None:
        self.ref = ref
        self.name = name
        self._journal = journal
        self._on_end = on_end
        self._ended = False
        self._checked: Set[str] = set()
        self._stages: Set[str] = set()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Run {self.ref}{' (ended)' if self._ended else ''}>"

    def metric(self, key: str, value: float, step: Optional[int] = None) -> None:
        """Record one measurement of the run as a whole.

        key: printable, up to 250 characters. value: any int or float; NaN and infinities are kept.
        Raises InvalidInput for anything else. Costs one ``write``, a few microseconds.
        """
        self._metric(key, value, step, None)

    def metrics(self, values: Mapping[str, float], step: Optional[int] = None) -> None:
        """Record several measurements."""
        for key, value in values.items():
            self.metric(key, value, step)

    def param(self, name: str, value: Any) -> None:
        """Record what the run was given: a hyperparameter. The last value of a name counts.

        value: JSON values and nested lists and mappings are kept as they are, anything else as ``str(value)``.
        """
        text(name, printable=True)
        self._write("param", k=name, x=_plain(value, 0))

    def params(self, values: Mapping[str, Any]) -> None:
        """Record several parameters."""
        for name, value in values.items():
            self.param(name, value)

    def tag(self, name: str, value: str = "") -> None:
        """Mark the run, to find it again. The last value of a name counts."""
        text(name, printable=True)
        self._write("tag", k=name, x=text(value, blank=True))

    def note(self, topic: str, words: str) -> None:
        """Record something that could not be captured or was adjusted, and why."""
        self._write("note", topic=text(topic, printable=True), text=text(words, limit=10_000))

    def stage(self, name: str) -> "Stage":
        """Begin a part of the run; a second one of the same name is another stage.

        ``with run.stage("train") as stage: stage.metric("loss", 0.3, step=1)``
        """
        text(name, printable=True)
        with self._lock:
            base = component = slug(name) or "stage"
            count = 1
            while component in self._stages:
                count += 1
                component = numbered(base, count)
            order = len(self._stages)
            self._stages.add(component)
        self._write("stage", stage=component, name=name, order=order)
        return Stage(self, self.ref.child("stage", component), name)

    def flush(self) -> None:
        """Everything recorded so far survives the death of the machine once this returns."""
        self._journal.flush()

    def finish(self, status: str = "completed", *, failure: Optional[BaseException] = None) -> None:
        """End the run as completed, failed or cancelled. Ending it again does nothing."""
        if status not in ("completed", "failed", "cancelled"):
            raise InvalidInput(f"a run cannot end as {shown(status)}", hint="it ends as completed, failed or cancelled")
        with self._lock:
            if self._ended:
                return
            self._ended = True
        end: Dict[str, Any] = {"status": status}
        if failure is not None:
            end["failure"] = {"type": _type_name(failure), "message": _message(failure)}
        if self._journal.lost:
            self._journal.write(
                "note", topic="journal", text=f"{self._journal.lost} records could not be written and are lost"
            )
        self._journal.write("end", **end)
        self._journal.close()
        if self._on_end is not None:
            self._on_end()

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self,
        kind: "Optional[Type[BaseException]]",
        error: Optional[BaseException],
        trace: "Optional[TracebackType]",
    ) -> None:
        """End as the block ended; the exception goes on to the caller."""
        status = _status_of(error)
        self.finish(status, failure=error if status == "failed" else None)

    def _metric(self, key: str, value: Any, step: Optional[int], stage: Optional[str]) -> None:
        if type(key) is not str or key not in self._checked:
            text(key, printable=True)
            self._checked.add(key)
        if type(value) is not float:
            try:
                value = number(value)
            except InvalidInput as error:
                raise InvalidInput(f"metric {shown(key)}: {error.what}", hint=error.hint) from None
        if step is not None and (type(step) is not int or not -_INT64 <= step < _INT64):
            step = _step(key, step)
        self._require_open()
        self._journal.metric(key, value, step, stage)

    def _write(self, type_: str, **fields: Any) -> None:
        self._require_open()
        self._journal.write(type_, **fields)

    def _require_open(self) -> None:
        if self._ended:
            raise InvalidInput(f"{self.ref} has ended", hint="record before the end of its with block")


class Stage:
    """A part of a live run."""

    def __init__(self, run: Run, ref: StableRef, name: str) -> None:
        self.ref = ref
        self.name = name
        self._run = run
        self._component = ref.name
        self._ended = False

    def __repr__(self) -> str:
        return f"<Stage {self.ref}{' (ended)' if self._ended else ''}>"

    def metric(self, key: str, value: float, step: Optional[int] = None) -> None:
        """Record one measurement of this stage; as ``Run.metric``."""
        self._run._metric(key, value, step, self._component)

    def metrics(self, values: Mapping[str, float], step: Optional[int] = None) -> None:
        """Record several measurements."""
        for key, value in values.items():
            self.metric(key, value, step)

    def finish(self, status: str = "completed") -> None:
        """End the stage. Ending it again, or after its run, does nothing."""
        if status not in ("completed", "failed", "cancelled"):
            raise InvalidInput(
                f"a stage cannot end as {shown(status)}", hint="it ends as completed, failed or cancelled"
            )
        if not self._ended and not self._run._ended:
            self._ended = True
            self._run._write("stage-end", stage=self._component, status=status)

    def __enter__(self) -> "Stage":
        return self

    def __exit__(
        self,
        kind: "Optional[Type[BaseException]]",
        error: Optional[BaseException],
        trace: "Optional[TracebackType]",
    ) -> None:
        self.finish(_status_of(error))


def start(
    journals: str,
    objects: Objects,
    *,
    project: str,
    name: Optional[str] = None,
    first_number: int = 1,
    taken: Optional[Callable[[StableRef], bool]] = None,
    tags: Optional[Mapping[str, str]] = None,
    on_end: Optional[Callable[[], None]] = None,
) -> Run:
    """Begin a run: reserve its reference by creating its journal, and capture the environment of this interpreter.

    journals: the directory. objects: where the environment's body goes. project, name: display names; their references
    are made of the nearest valid components, and a name that is taken gets a number behind it, starting at
    ``first_number``. Without a name the run is called after the moment. taken: whether a reference is in use elsewhere
    (in the database).
    Raises InvalidInput for names that are no text, OSError when the journal cannot be created.
    """
    text(project, printable=True)
    name = text(name, printable=True) if name is not None else time.strftime("run-%Y%m%d-%H%M%S", time.gmtime())
    checked = {text(key, printable=True): text(value, blank=True) for key, value in (tags or {}).items()}
    project_component, base = slug(project) or "project", slug(name) or "run"
    os.makedirs(journals, exist_ok=True)
    count = max(1, first_number)
    while True:
        ref = StableRef("run", f"{project_component}.{base if count == 1 else numbered(base, count)}")
        count += 1
        if taken is not None and taken(ref):
            continue
        try:
            journal = Journal(os.path.join(journals, ref.value + SUFFIX))
        except FileExistsError:
            continue
        break
    journal.write("run", run=ref.value, name=name, project_name=project, pid=os.getpid())
    run = Run(journal, ref, name, on_end=on_end)
    _capture(journal, objects)
    for key, value in checked.items():
        run.tag(key, value)
    return run


def _capture(journal: Journal, objects: Objects) -> None:
    """The environment is on disk before the training begins; what fails is noted on the run."""
    try:
        digest = objects.put(environment.encode(environment.capture()))
    except Exception as error:  # noqa: BLE001  # whatever a probe meets, the training goes on and the run says so
        journal.write("note", topic="environment", text=f"could not be captured: {reason(error)}")
    else:
        journal.write("environment", name="start", digest=digest)
    journal.flush()


def _status_of(error: Optional[BaseException]) -> str:
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "completed"
    return "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        words = str(error)
    except Exception as fault:  # noqa: BLE001  # a user's __str__ may raise anything; the run must still end
        words = f"<its message cannot be shown: {type(fault).__name__}>"
    return storable(words[:10_000])


def _step(key: str, given: Any) -> int:
    """A NumPy integer is a step too."""
    from numbers import Integral

    if isinstance(given, bool) or not isinstance(given, Integral) or not -_INT64 <= int(given) < _INT64:
        raise InvalidInput(f"metric {shown(key)}: step {shown(given)} is no integer", hint="count steps 0, 1, 2 ...")
    return int(given)


def _plain(value: Any, depth: int) -> Any:
    """The JSON value nearest to what was given."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return number(value)
    if isinstance(value, str):
        return storable(value)
    if depth < 20 and isinstance(value, Mapping):
        return {storable(str(key))[:MAX_NAME]: _plain(inner, depth + 1) for key, inner in value.items()}
    if depth < 20 and isinstance(value, (list, tuple)):
        return [_plain(inner, depth + 1) for inner in value]
    try:
        return number(value)
    except InvalidInput:
        return storable(str(value))
