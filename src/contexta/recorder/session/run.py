"""A live run as the training code holds it: ``with ctx.run("this-month") as run: run.metric("accuracy", 0.87)``.

Standard library only, Python 3.8. Wrong use (a metric that is no number) raises InvalidInput at the call; what goes
wrong in recording itself never does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from contexta.core.errors import InvalidInput, shown
from contexta.core.references import StableRef, numbered, slug
from contexta.core.validation import MAX_NAME, text
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.processes import rank
from contexta.recorder.journal.writer import Journal
from contexta.recorder.notes import reason, storable
from contexta.recorder.redaction import redact
from contexta.recorder.session import numbers
from contexta.recorder.session.failure import failure_of, status_of
from contexta.recorder.session.mappings import SUMMARY, Config, Summary
from contexta.recorder.session.salt import salt_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple, Type, Union

_INT64 = 2**63
_MOST_SHOWN = 1_000  # characters of a text that a note may quote from: more are not looked through for secrets
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
        before_end: Optional[Callable[[], None]] = None,
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
        self._refused: Set[Any] = set()  # what log was given and a note was written about
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
            value = numbers.strict_number(key, value)
        if step is not None and (type(step) is not int or not -_INT64 <= step < _INT64):
            step = numbers.strict_step(key, step)
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
        plain, cut = numbers.bounded(numbers.plain(value))
        if cut:
            self._write("note", topic="parameters", text=f"{redact.inside(name, self._salt)}: {cut}")
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
        """Record several measurements at once, as other trackers spell it; a mapping inside becomes ``outer.inner``.

        Takes what training loops hand over and never raises: a bool counts 0 or 1, a step of 5.0 is 5. Anything that
        is no number becomes one note for its key, and is counted; the others are recorded. ``metric`` is strict.
        """
        try:
            given = list(numbers.flattened(values))
        except Exception as error:  # noqa: BLE001  # it may be of any class, and the training goes on
            self._refuse("", f"log takes a mapping of names and numbers: {reason(error)}", None)
            return
        if self._ended:
            for key, _ in given:
                self._journal.lose("logged after the end of the run", f"metric {numbers.name_of(key)}")
            return
        if step is not None and (type(step) is not int or not -_INT64 <= step < _INT64):
            step, why = numbers.step_of(step)
            if why and "step" not in self._refused:
                self._refused.add("step")
                self._note_refusal(f"measurements are recorded without their step: {why}")
        for key, value in given:
            try:
                self.metric(key, value, step)
            except Exception:  # noqa: BLE001  # as above
                self._log_leniently(key, value, step)

    def _log_leniently(self, key: Any, value: Any, step: Optional[int]) -> None:
        """What ``metric`` refuses: another kind of number, a name or a step that has to be changed, or no number."""
        name = numbers.name_of(key)
        found, why = numbers.number_of(value)
        if name != key and ("name", name) not in self._refused and len(self._refused) < _MOST_HEADS:
            self._refused.add(("name", name))
            self._note_refusal(f"a metric is recorded as {shown(name)}: names are printable texts of up to {MAX_NAME}")
        if found is None:
            self._refuse(name, why, value)
            return
        self.metric(name, found, step)

    def _refuse(self, name: str, why: str, value: Any) -> None:
        """Count a value that log was given and that is no measurement; the first of a name is a note."""
        self._journal.lose("not a number", f"metric {name}".strip(), now=False)
        if name not in self._refused and len(self._refused) < _MOST_HEADS:
            self._refused.add(name)
            if isinstance(value, str) and len(value) <= _MOST_SHOWN:
                why = f"{shown(redact.value(name, storable(value), self._salt))} is text, not a number"
            self._note_refusal(f"{shown(name)} is not recorded: {why}" if name else why)

    def _note_refusal(self, words: str) -> None:
        self._journal.write("note", topic="log", text=redact.inside(storable(words), self._salt)[:10_000])

    @property
    def config(self) -> "Config":
        """The parameters as a mapping: ``run.config["lr"] = 0.1``, ``run.config.update(lr=0.1)``, ``run.config.lr``."""
        return Config(self._values, self.param)

    @property
    def summary(self) -> "Summary":
        """Where the run ended, as a mapping: a number is recorded as a metric without a step, anything else as the
        parameter ``summary.<key>``."""
        return Summary(self._values, self._summarise)

    def _summarise(self, key: str, value: Any) -> None:
        try:
            self.metric(key, value)
        except InvalidInput:
            self.param(SUMMARY + key, value)
        else:
            self._values[SUMMARY + key] = value

    def tag(self, name: str, value: str = "") -> None:
        """Mark the run, to find it again. The last value of a name counts."""
        text(name, printable=True)
        text(value, blank=True)
        self._write("tag", k=redact.inside(name, self._salt), x=redact.value(name, value, self._salt))

    def rename(self, name: str) -> None:
        """Call the run otherwise from now on; its reference stays."""
        self.name = redact.name(text(name, printable=True), self._salt)
        self._write("name", name=self.name)

    def note(self, topic: str, words: str) -> None:
        """Record something that could not be captured or was adjusted, and why."""
        text(words, limit=10_000)
        topic = redact.name(text(topic, printable=True), self._salt)
        self._write("note", topic=topic, text=redact.inside(words, self._salt))

    def input(self, name: str, path: Union[str, "os.PathLike[str]"], *, limit: Optional[int] = None) -> Optional[str]:
        """Record what the run reads: a file or a directory, by size, modification time and a digest of its content.

        limit: bytes up to which everything is read, 1 GiB by default; of more only a sample, and the digest says so.
        Returns the digest; None when it could not be read, which a note says. Costs the time to read.
        """
        from contexta.recorder.session import artifacts

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
        from contexta.recorder.session import artifacts

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
        name = redact.name(text(name, printable=True), self._salt)
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

        In another process of the run than the one that began it, only that process' part is ended; below `contexta
        run` the last word of a program also says how the run ended, unless the command fails.
        """
        if status not in ("completed", "failed", "cancelled"):
            raise InvalidInput(f"a run cannot end as {shown(status)}", hint="it ends as completed, failed or cancelled")
        self._end(status, failure, is_said=True)

    def _end(self, status: str, failure: Optional[BaseException], *, is_said: bool) -> None:
        """is_said: by the program, rather than found out from how it exits. Of a process that did not begin the run
        only the former speaks for the run."""
        if self._ended:
            return
        if self._before_end is not None:
            self._before_end()
        self._ended = True
        speaks = is_said or self._journal.first or self._journal.is_heir()
        end: Dict[str, Any] = {"status": status} if speaks else {}
        if failure is not None:
            end["failure"] = {name: redact.inside(words, self._salt) for name, words in failure_of(failure).items()}
        self._journal.close(**end)
        if self._after_end is not None and self._journal.first:
            self._after_end(self)

    def _become(self, program: Any) -> None:
        """The process is about to become another program: the run ends with its last record, if it does."""
        try:
            if self._before_end is not None:
                self._before_end()
            name = os.fsdecode(program) if isinstance(program, (str, bytes, os.PathLike)) else str(program)
            told = redact.inside(storable(name)[:1_000], self._salt)
            self.note("process", f"the process becomes {told}: what that does is not part of this run")
            self._journal.write("exec")
            self._journal.flush()
        except Exception:  # noqa: BLE001  # whatever it is, the program goes on as it wants
            pass  # the run is then found crashed

    def _stay(self, error: BaseException) -> None:
        self.note("process", f"it did not become another program: {reason(error)}"[:10_000])

    def resume(self, *, to_exit: bool = False) -> None:
        """Take part in the run again after this process' part of it has ended. to_exit: for what is left of it."""
        self._journal = self._journal.anew(beats=not to_exit)
        self._ended = False

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
        head = self._journal.metric_head(redact.name(text(key, printable=True), self._salt), stage)
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
            value = numbers.strict_number(key, value)
        if step is not None and (type(step) is not int or not -_INT64 <= step < _INT64):
            step = numbers.strict_step(key, step)
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


def join(journals: str, objects: str, run: str, name: str) -> Run:
    """Take part in a run that another process began."""
    return Run(Journal(journals, run, first=False, rank=rank()), Objects(objects), name)
