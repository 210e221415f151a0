"""A live run as the training code holds it: ``with ctx.run("this-month") as run: run.metric("accuracy", 0.87)``.

Standard library only, Python 3.8. Wrong use (a metric that is no number) raises InvalidInput at the call; what goes
wrong in recording itself never does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from contexta.errors import InvalidInput, shown
from contexta.recorder import redact
from contexta.recorder.environment import salt_of
from contexta.recorder.journal import Journal
from contexta.recorder.notes import reason, storable
from contexta.recorder.objects import Objects
from contexta.recorder.views import Config, Summary
from contexta.refs import StableRef, numbered, slug
from contexta.scalars import MAX_NAME, number, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Callable, Dict, List, Optional, Tuple, Type, Union

_INT64 = 2**63
_MOST_HEADS = 100_000  # metric names remembered; more than that are made, not meant


class Run:
    """A run being recorded. Use it as a context manager, or call ``finish`` yourself.

    A forked child may go on using it: what it records belongs to the run, and its end does not end the run. It can be
    sent to a process of ``multiprocessing`` too.
    """

    def __init__(
        self,
        journal: Journal,
        objects: Objects,
        name: str,
        *,
        before_end: Optional[Callable[["Run"], None]] = None,
        after_end: Optional[Callable[["Run"], None]] = None,
    ) -> None:
        """before_end: called while records are still taken. after_end: when the run, not only this process' part of
        it, has ended."""
        self.ref = StableRef("run", journal.run)
        self.name = name
        self._journal = journal
        self._objects = objects
        self._before_end = before_end
        self._after_end = after_end
        self._ended = False
        self._heads: Dict[str, str] = {}
        self._stages: Dict[str, object] = {}
        self._values: Dict[str, Any] = {}
        self._secret_salt = b""

    def __repr__(self) -> str:
        return f"<Run {self.ref}{' (ended)' if self._ended else ''}>"

    def __reduce__(self) -> "Tuple[Any, ...]":
        return (join, (self._journal.folder, self._objects.root, self._journal.run, self.name))

    def metric(self, key: str, value: float, step: Optional[int] = None) -> None:
        """Record one measurement of the run as a whole.

        key: printable, up to 250 characters. value: any int or float; NaN and infinities are kept.
        Raises InvalidInput for anything else. Costs one ``write``, a few microseconds.
        """
        try:
            head = self._heads[key]
        except (KeyError, TypeError):
            head = self._head(self._heads, key, None)
        if type(value) is not float:
            value = _number(key, value)
        if step is not None and (type(step) is not int or not -_INT64 <= step < _INT64):
            step = _step(key, step)
        if self._ended:
            self._require_open()
        self._journal.metric(head, value, step)

    def metrics(self, values: Mapping[str, float], step: Optional[int] = None) -> None:
        """Record several measurements."""
        for key, value in values.items():
            self.metric(key, value, step)

    def param(self, name: str, value: Any) -> None:
        """Record what the run was given: a hyperparameter. The last value of a name counts.

        value: JSON values and nested lists and mappings are kept as they are, anything else as ``str(value)``.
        """
        text(name, printable=True)
        plain = _plain(value, 0)
        cleaned, told = redact.parameters({name: plain}, self._salt)
        for written, given in cleaned.items():
            self._write("param", k=written, x=given)
        for each in told:
            self._write("note", **each)
        self._values[name] = plain

    def params(self, values: Mapping[str, Any]) -> None:
        """Record several parameters."""
        for name, value in values.items():
            self.param(name, value)

    def log(self, values: Mapping[str, Any], step: Optional[int] = None) -> None:
        """Record several measurements at once, as other trackers spell it; a mapping inside becomes ``outer.inner``."""
        for key, value in values.items():
            if isinstance(value, Mapping):
                self.log({f"{key}.{inner}": each for inner, each in value.items()}, step)
            else:
                self.metric(key, value, step)

    @property
    def config(self) -> "Config":
        """The parameters as a mapping: ``run.config["lr"] = 0.1``, ``run.config.update(lr=0.1)``, ``run.config.lr``."""
        return Config(self)

    @property
    def summary(self) -> "Summary":
        """Where the run ended, as a mapping: a number is recorded as a metric without a step, anything else as the
        parameter ``summary.<key>``."""
        return Summary(self)

    def tag(self, name: str, value: str = "") -> None:
        """Mark the run, to find it again. The last value of a name counts."""
        text(name, printable=True)
        text(value, blank=True)
        self._write("tag", k=redact.inside(name, self._salt), x=redact.value(name, value, self._salt))

    def rename(self, name: str) -> None:
        """Call the run otherwise from now on; its reference stays."""
        self.name = text(name, printable=True)
        self._write("name", name=name)

    def note(self, topic: str, words: str) -> None:
        """Record something that could not be captured or was adjusted, and why."""
        text(words, limit=10_000)
        self._write("note", topic=text(topic, printable=True), text=redact.inside(words, self._salt))

    def input(self, name: str, path: Union[str, "os.PathLike[str]"], *, limit: Optional[int] = None) -> Optional[str]:
        """Record what the run reads: a file or a directory, by size, modification time and a digest of its content.

        limit: bytes up to which everything is read, 1 GiB by default; of more only a sample, and the digest says so.
        Returns the digest; None when it could not be read, which a note says. Costs the time to read.
        """
        from contexta.recorder import artifacts

        sizes = {} if limit is None else {"limit": limit}
        return self._tell(*artifacts.read(text(name, printable=True), path, self._salt, **sizes))

    def artifact(
        self,
        name: str,
        path: Union[str, "os.PathLike[str]"],
        *,
        kind: str = "output",
        limit: Optional[int] = None,
    ) -> Optional[str]:
        """Keep what the run has made: a file, or a directory as a tar archive, in the objects of the workspace.

        kind: any word, as ``model`` or ``plot``. limit: bytes, 256 MiB by default; of more only the digest is kept, and
        where it lies. Returns the digest; None when it could not be read. Files that hold secrets are not kept.
        """
        from contexta.recorder import artifacts

        sizes = {} if limit is None else {"limit": limit}
        name, kind = text(name, printable=True), text(kind, printable=True)
        return self._tell(*artifacts.made(name, path, self._salt, self._objects, kind, **sizes))

    def _tell(self, fields: Dict[str, Any], notes: List[Dict[str, str]]) -> Optional[str]:
        """Write down an artifact and what is to be said about it. Its digest."""
        self._write("artifact", **fields)
        for each in notes:
            self._write("note", **each)
        digest: Optional[str] = fields.get("digest")
        return digest

    def stage(self, name: str) -> "Stage":
        """Begin a part of the run; a second one of the same name is another stage.

        ``with run.stage("train") as stage: stage.metric("loss", 0.3, step=1)``
        """
        text(name, printable=True)
        base = component = slug(name) or "stage"
        count, mine = 1, object()
        while self._stages.setdefault(component, mine) is not mine:  # one step, so that threads do not share a name
            count += 1
            component = numbered(base, count)
        order = len(self._stages) - 1
        self._write("stage", stage=component, name=name, order=order)
        return Stage(self, self.ref.child("stage", component), name)

    def flush(self) -> None:
        """Everything recorded so far, and what was imported, survives the death of the machine once this returns."""
        if self._journal.beside is not None:
            self._journal.beside()
        self._journal.flush()

    def finish(self, status: str = "completed", *, failure: Optional[BaseException] = None) -> None:
        """End the run as completed, failed or cancelled. Ending it again does nothing.

        In another process of the run than the one that began it, only that process' part is ended.
        """
        if status not in ("completed", "failed", "cancelled"):
            raise InvalidInput(f"a run cannot end as {shown(status)}", hint="it ends as completed, failed or cancelled")
        if self._ended:
            return
        if self._before_end is not None:
            self._before_end(self)
        self._ended = True
        end: Dict[str, Any] = {"status": status}
        if failure is not None:
            end["failure"] = {name: redact.inside(words, self._salt) for name, words in _failure(failure).items()}
        self._journal.close(**end)
        if self._after_end is not None and self._journal.first:
            self._after_end(self)

    def __enter__(self) -> "Run":
        return self

    def __exit__(
        self,
        kind: "Optional[Type[BaseException]]",
        error: Optional[BaseException],
        trace: "Optional[TracebackType]",
    ) -> None:
        """End as the block ended; the exception goes on to the caller."""
        status = status_of(error)
        self.finish(status, failure=error if status == "failed" else None)

    def _head(self, known: Dict[str, str], key: Any, stage: Optional[str]) -> str:
        """What every measurement of ``key`` says alike; ``key`` is checked once."""
        head = self._journal.metric_head(text(key, printable=True), stage)
        if len(known) < _MOST_HEADS:
            known[key] = head
        return head

    def _write(self, type_: str, **fields: Any) -> None:
        self._require_open()
        self._journal.write(type_, **fields)

    @property
    def _salt(self) -> bytes:
        """What secrets are hashed with: the workspace's, or where there is none, one of this run alone."""
        if not self._secret_salt:
            try:
                self._secret_salt = salt_of(self._objects)
            except OSError:
                self._secret_salt = os.urandom(32)
        return self._secret_salt

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
        self._heads: Dict[str, str] = {}
        self._ended = False

    def __repr__(self) -> str:
        return f"<Stage {self.ref}{' (ended)' if self._ended else ''}>"

    def metric(self, key: str, value: float, step: Optional[int] = None) -> None:
        """Record one measurement of this stage; as ``Run.metric``."""
        try:
            head = self._heads[key]
        except (KeyError, TypeError):
            head = self._run._head(self._heads, key, self._component)
        if type(value) is not float:
            value = _number(key, value)
        if step is not None and (type(step) is not int or not -_INT64 <= step < _INT64):
            step = _step(key, step)
        if self._run._ended:
            self._run._require_open()
        self._run._journal.metric(head, value, step)

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
        self.finish(status_of(error))


def status_of(error: Optional[BaseException]) -> str:
    """How what that exception ended has ended; None is a good end."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "completed"
    return "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"


def _type_name(error: BaseException) -> str:
    kind = type(error)
    own = kind.__module__ == "builtins" or kind.__module__.startswith("contexta.")
    return kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}"


def _failure(error: BaseException) -> Dict[str, str]:
    """What ended a run: its type, its message and where it came from."""
    from traceback import format_exception

    try:
        words = str(error)
        trace = "".join(format_exception(type(error), error, error.__traceback__))
    except Exception as fault:  # noqa: BLE001  # a user's __str__ may raise anything; the run must still end
        words, trace = f"<its message cannot be shown: {type(fault).__name__}>", ""
    return {
        "type": _type_name(error),
        "message": storable(words[:10_000]),
        "traceback": storable(trace[-20_000:]),
    }


def _number(key: str, given: Any) -> Any:
    """The number given; a tensor or array of one element is its number."""
    try:
        if not isinstance(given, (int, float)) and callable(getattr(given, "item", None)):
            given = given.item()
        return number(given)
    except InvalidInput as error:
        raise InvalidInput(f"metric {shown(key)}: {error.what}", hint=error.hint) from None
    except (TypeError, ValueError, RuntimeError) as error:  # item() of an array of several elements
        raise InvalidInput(f"metric {shown(key)}: {reason(error)}", hint="write float(value)") from None


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


def join(journals: str, objects: str, run: str, name: str) -> Run:
    """Take part in a run that another process began."""
    from contexta.recorder.processes import rank

    return Run(Journal(journals, run, first=False, rank=rank()), Objects(objects), name)
