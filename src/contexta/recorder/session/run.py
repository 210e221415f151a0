"""A live run in the training code: ``with ctx.run("this-month") as run: run.metric("accuracy", 0.87)``.

Wrong use (a metric that is not a number) raises InvalidInput at the call; a failure of the recording never raises.
Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from contexta.core.errors import InvalidInput, shown
from contexta.core.references import StableRef
from contexta.core.validation import MAX_NAME, text
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.processes import rank
from contexta.recorder.journal.writer import Journal
from contexta.recorder.notes import reason, storable
from contexta.recorder.parts import numbers
from contexta.recorder.parts.failure import failure_of, status_of
from contexta.recorder.parts.measured import MOST_NAMES, Measured
from contexta.recorder.parts.stages import ENDS, Stage, free_component
from contexta.recorder.redaction import redact
from contexta.recorder.session.mappings import SUMMARY, Config, Summary
from contexta.recorder.session.salt import salt_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple, Union

    from contexta.recorder.parts.deployments import Deployment

_INT64 = 2**63
_MOST_READ = 500  # parameters that the recorder reads from one source
_LONGEST_QUOTE = 1_000  # characters of a text that a note may quote; more are not searched for secrets


class LiveRun(Measured):
    """A run being recorded. Use it as a context manager, or call ``finish`` yourself.

    A forked child, or a process of ``multiprocessing`` that it is sent to, can use it too. Its records belong to the
    run, and its end does not end the run.
    """

    def __init__(
        self,
        journal: Journal,
        objects: Objects,
        name: str,
        *,
        before_end: Optional[Callable[[], None]] = None,
        after_end: Optional[Callable[["LiveRun"], None]] = None,
    ) -> None:
        """before_end: called while records are still accepted. after_end: called when the whole run has ended, not only
        this process' part of it."""
        self.ref = StableRef("run", journal.run)
        self.name = name
        self._journal = journal
        self._objects = objects
        self._before_end = before_end
        self._after_end = after_end
        self._ended = False
        self.is_in_block = False  # of a with statement, which ends the run
        self._heads: Dict[str, str] = {}
        self._refused: Set[Any] = set()  # names that ``log`` refused with a note
        self._stages: Dict[str, object] = {}
        self._deployments: Dict[str, object] = {}
        self._values: Dict[str, Any] = {}
        self._secret_salt = b""
        self.status_of_tracker = "completed"
        """The status that a tracker of the program gave the run; it counts where the program ends without an error."""

    def __repr__(self) -> str:
        return f"<Run {self.ref}{' (ended)' if self._ended else ''}>"

    def __reduce__(self) -> "Tuple[Any, ...]":
        return (join, (self._journal.folder, self._objects.root, self._journal.run, self.name))

    def param(self, name: str, value: Any) -> None:
        """Record a hyperparameter. The last value of a name counts.

        value: JSON values and nested lists and mappings are kept as they are, anything else as ``str(value)``.
        """
        text(name, printable=True)
        self._values[name] = self._write_param(name, value)

    def _write_param(self, name: str, value: Any, source: Optional[str] = None, option: Optional[str] = None) -> Any:
        """source: where the recorder read the parameter; None where the program logged it. Returns the plain value."""
        plain, cut = numbers.bounded(numbers.plain(value))
        if cut:
            self._write("note", topic="parameters", text=f"{redact.inside(name, self._salt)}: {cut}")
        cleaned, notes = redact.parameters({name: plain}, self._salt)
        origin = {key: text for key, text in (("o", source), ("a", option)) if text is not None}
        for cleaned_name, cleaned_value in cleaned.items():
            self._write("param", k=cleaned_name, x=cleaned_value, **origin)
        self._write_notes(notes)
        return plain

    def read_params(self, values: Mapping[str, Any], source: str, options: Optional[Mapping[str, str]] = None) -> None:
        """Record parameters that the recorder read: ``argparse``, ``command line``, or the name of a file.

        options: the option of the program that sets a parameter, by name.
        Parameters that the program logs replace them. Names that cannot be recorded are left out.
        """
        if len(values) > _MOST_READ:
            self.note("parameters", f"only {_MOST_READ} of {len(values)} parameters from {source} are recorded")
        for name, value in list(values.items())[:_MOST_READ]:
            try:
                text(name, printable=True)
            except InvalidInput:
                continue
            self._write_param(name, value, source, (options or {}).get(name))

    def params(self, values: Mapping[str, Any]) -> None:
        """Record several parameters."""
        for name, value in values.items():
            self.param(name, value)

    def log(self, values: Mapping[str, Any], step: Optional[int] = None) -> None:
        """Record several measurements at once; a nested mapping becomes ``outer.inner``.

        Accepts the values of training loops and never raises: a bool counts as 0 or 1, a step of 5.0 as 5. A value that
        is not a number is counted, with one note for its key; the others are recorded. ``metric`` is strict.
        """
        try:
            pairs = list(numbers.flattened(values))
        except Exception as error:  # noqa: BLE001  # values of any class may raise anything, and the training goes on
            self._refuse("", f"log takes a mapping of names and numbers: {reason(error)}", None)
            return
        if self._ended:
            for key, _ in pairs:
                self._journal.lose("logged after the end of the run", f"metric {numbers.name_of(key)}")
            return
        if step is not None and (type(step) is not int or not -_INT64 <= step < _INT64):
            step, why = numbers.step_of(step)
            if why and "step" not in self._refused:
                self._refused.add("step")
                self._note_refusal(f"measurements are recorded without their step: {why}")
        for key, value in pairs:
            try:
                self.metric(key, value, step)
            except Exception:  # noqa: BLE001  # as above
                self._log_leniently(key, value, step)

    def _log_leniently(self, key: Any, value: Any, step: Optional[int]) -> None:
        """Record a value that ``metric`` refuses with another type, name or step; otherwise count it."""
        name = numbers.name_of(key)
        number, why = numbers.number_of(value)
        if name != key and ("name", name) not in self._refused and len(self._refused) < MOST_NAMES:
            self._refused.add(("name", name))
            self._note_refusal(f"a metric is recorded as {shown(name)}: names are printable texts of up to {MAX_NAME}")
        if number is None:
            self._refuse(name, why, value)
            return
        self.metric(name, number, step)

    def _refuse(self, name: str, why: str, value: Any) -> None:
        """Count a value that is not a measurement. The first such value of a name gets a note."""
        self._journal.lose("not a number", f"metric {name}".strip(), now=False)
        if name not in self._refused and len(self._refused) < MOST_NAMES:
            self._refused.add(name)
            if isinstance(value, str) and len(value) <= _LONGEST_QUOTE:
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
        """The results of the run as a mapping.

        A number is recorded as a metric without a step, anything else as the parameter ``summary.<key>``.
        """
        return Summary(self._values, self._summarise)

    def _summarise(self, key: str, value: Any) -> None:
        try:
            self.metric(key, value)
        except InvalidInput:
            self.param(SUMMARY + key, value)
        else:
            self._values[SUMMARY + key] = value

    def tag(self, name: str, value: str = "") -> None:
        """Add a tag to the run. The last value of a name counts."""
        text(name, printable=True)
        text(value, blank=True)
        self._write("tag", k=redact.inside(name, self._salt), x=redact.value(name, value, self._salt))

    def rename(self, name: str) -> None:
        """Change the name of the run; its reference stays."""
        self.name = redact.name(text(name, printable=True), self._salt)
        self._write("name", name=self.name)

    def note(self, topic: str, words: str) -> None:
        """Record something that could not be captured or was adjusted, and why."""
        text(words, limit=10_000)
        topic = redact.name(text(topic, printable=True), self._salt)
        self._write("note", topic=topic, text=redact.inside(words, self._salt))

    def input(self, name: str, path: Union[str, "os.PathLike[str]"], *, limit: Optional[int] = None) -> Optional[str]:
        """Record an input of the run, a file or a directory, by size, modification time and content digest.

        limit: bytes up to which everything is read, 1 GiB by default; of a larger input only a sample is read, and the
        digest says so. Returns the digest; None, and a note, when it could not be read. Costs the time to read.
        """
        from contexta.recorder.session import artifacts

        sizes = {} if limit is None else {"limit": limit}
        return self._write_artifact(*artifacts.read(text(name, printable=True), path, self._salt, **sizes))

    def artifact(
        self,
        name: str,
        path: Union[str, "os.PathLike[str]"],
        *,
        kind: str = "output",
        limit: Optional[int] = None,
        attributes: Optional[Mapping[str, Any]] = None,
    ) -> Optional[str]:
        """Store an output of the run in the workspace: a file, or a directory as a tar archive.

        kind: any word, as ``model`` or ``plot``. limit: bytes, 256 MiB by default; of a larger output only digest and
        location are stored. attributes: JSON values. Returns the digest; None when it could not be read. Files that
        hold secrets are not stored.
        """
        from contexta.recorder.session import artifacts

        sizes = {} if limit is None else {"limit": limit}
        name, kind = text(name, printable=True), text(kind, printable=True)
        cleaned = self._attributes(attributes)
        fields, notes = artifacts.made(name, path, self._salt, self._objects, kind, **sizes)
        fields["attributes"] = {**cleaned, **fields["attributes"]}
        return self._write_artifact(fields, notes)

    def image(self, name: str, image: Any, *, step: Optional[int] = None) -> Optional[str]:
        """Store an image: a path, the bytes of a file, a PIL image, or an array or tensor of pixels (0 to 255, or 0.0
        to 1.0; height x width, channels last or first). Returns the digest; None, and a note, if it was not stored.
        """
        return self._media("image", name, image, step)

    def figure(self, name: str, figure: Any, *, step: Optional[int] = None) -> Optional[str]:
        """Store a figure of Matplotlib as PNG, or one of Plotly as HTML. Returns the digest as ``image`` does."""
        return self._media("figure", name, figure, step)

    def table(
        self, name: str, rows: Any, *, columns: Optional[Sequence[str]] = None, step: Optional[int] = None
    ) -> Optional[str]:
        """Store a table as CSV, without secrets: a DataFrame, a mapping of columns, or rows that are mappings or, with
        ``columns``, sequences. At most 100 000 rows are stored. Returns the digest as ``image`` does.
        """
        return self._media("table", name, rows, step, columns)

    def _media(self, *arguments: Any) -> Optional[str]:
        from contexta.recorder.session import artifacts

        return self._write_artifact(*artifacts.media(self._salt, self._objects, *arguments))

    def _write_artifact(self, fields: Dict[str, Any], notes: List[Dict[str, str]]) -> Optional[str]:
        """Write the record of an artifact, if it has fields, and the notes about it. Returns its digest."""
        if fields:
            self._write("artifact", **fields)
        self._write_notes(notes)
        digest: Optional[str] = fields.get("digest")
        return digest

    def register_artifact(
        self,
        name: str,
        path: Union[str, "os.PathLike[str]"],
        *,
        kind: Optional[str] = None,
        attributes: Optional[Mapping[str, Any]] = None,
    ) -> Optional[str]:
        """Store an output as ``artifact`` does. name: also its kind, unless ``kind`` is given."""
        return self.artifact(name, path, kind=name if kind is None else kind, attributes=attributes)

    def deployment(self, name: str, *, status: str = "completed", artifact: Optional[str] = None) -> "Deployment":
        """Record a deployment of this run, in its environment. Each deployment has a unique reference. status: ``open``
        if it continues; ``with run.deployment("web"):`` is open until the block ends. artifact: the name or reference
        of the deployed artifact. Raises InvalidInput for another status.
        """
        from contexta.recorder.parts import vocabularies
        from contexta.recorder.parts.deployments import Deployment

        vocabularies.one_of(status, vocabularies.STATUSES, "status")
        name = redact.name(text(name, printable=True), self._salt)
        fields = {} if artifact is None else {"artifact": redact.inside(text(artifact, printable=True), self._salt)}
        component = free_component(self._deployments, name, "deployment")
        self._write("deployment", part=component, name=name, status=status, **fields)
        return Deployment(self, component, name)

    def stage(self, name: str) -> "Stage":
        """Begin a stage of the run; a second one of the same name is another stage.

        ``with run.stage("train") as stage: stage.metric("loss", 0.3, step=1)``
        """
        name = redact.name(text(name, printable=True), self._salt)
        component = free_component(self._stages, name, "stage")
        order = len(self._stages) - 1
        self._write("stage", stage=component, name=name, order=order)
        return Stage(self, self.ref.child("stage", component), name)

    def flush(self) -> None:
        """Flush all records, values mirrored from trackers, and the list of imported modules to the disk."""
        for write_waiting in (self._journal.on_close, self._journal.on_beat):
            if write_waiting is not None:
                write_waiting()
        self._journal.flush()

    def finish(self, status: str = "completed", *, failure: Optional[BaseException] = None) -> None:
        """End the run as completed, failed or cancelled. Ending it again does nothing.

        A process that did not begin the run ends only its own part. Below `contexta run` the last status of a program
        is the status of the run, unless the command fails.
        """
        if status not in ENDS:
            raise InvalidInput(f"a run cannot end as {shown(status)}", hint="it ends as completed, failed or cancelled")
        self._end(status, failure, is_explicit=True)

    def _end(self, status: str, failure: Optional[BaseException], *, is_explicit: bool) -> None:
        """is_explicit: whether the program set the status itself. Only then a process that did not begin the run sets
        the status of the run."""
        if self._ended:
            return
        if self._before_end is not None:
            self._before_end()
        self._ended = True
        if not is_explicit and status == "completed" != self.status_of_tracker:
            status, is_explicit = self.status_of_tracker, True
        has_status = is_explicit or self._journal.first or self._journal.is_heir()
        end: Dict[str, Any] = {"status": status} if has_status else {}
        if failure is not None:
            end["failure"] = {name: redact.inside(words, self._salt) for name, words in failure_of(failure).items()}
        self._journal.close(**end)
        if self._after_end is not None and self._journal.first:
            self._after_end(self)

    def _become(self, program: Any) -> None:
        """Note that the process is about to become another program, which ends the run."""
        try:
            if self._before_end is not None:
                self._before_end()
            name = os.fsdecode(program) if isinstance(program, (str, bytes, os.PathLike)) else str(program)
            program_name = redact.inside(storable(name)[:1_000], self._salt)
            self.note("process", f"the process becomes {program_name}: that program is not part of this run")
            self._journal.write("exec")
            self._journal.flush()
        except Exception:  # noqa: BLE001  # the program must go on
            pass  # the run is then found crashed

    def _stay(self, error: BaseException) -> None:
        self.note("process", f"it did not become another program: {reason(error)}"[:10_000])

    def resume(self, *, to_exit: bool = False) -> None:
        """Join the run again after this process' part of it has ended. to_exit: only until the process exits."""
        self._journal = self._journal.for_another_file(beats=not to_exit)
        self._ended = False

    def part(self) -> "LiveRun":
        """This run for another part of this process. The end of the part does not end the run."""
        part = LiveRun(self._journal.for_another_file(), self._objects, self.name)
        self._journal._turn = part._journal._turn  # the next part has another file
        part._stages, part._deployments, part._values = self._stages, self._deployments, self._values
        return part

    def __enter__(self) -> "LiveRun":
        self.is_in_block = True
        return self

    def __exit__(self, kind: object, error: Optional[BaseException], trace: object) -> None:
        """End the run with the status of the block. An exception propagates to the caller."""
        status = status_of(error)
        self.finish(status, failure=error if status == "failed" else None)

    @property
    def _salt(self) -> bytes:
        """The salt for the hashes of secrets: the workspace's, or where there is none, one for this run alone."""
        if not self._secret_salt:
            try:
                self._secret_salt = salt_of(self._objects)
            except OSError:
                self._secret_salt = os.urandom(32)
        return self._secret_salt


def join(journals: str, objects: str, run: str, name: str) -> LiveRun:
    """Join a run that another process began."""
    redact.know(os.environ)
    return LiveRun(Journal(journals, run, first=False, rank=rank()), Objects(objects), name)
