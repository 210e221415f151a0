"""The environment of the running interpreter, gathered from the probes into one body.

What is cheap is captured before the program begins; what takes longer, or is known only then, completes it at the end.
Standard library only, Python 3.8.
"""

from __future__ import annotations

import _thread
import json
import os
import sys

from contexta.core.errors import DamagedData
from contexta.core.files import digested_files
from contexta.recorder import notes
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.writer import Journal
from contexta.recorder.packages import distributions, places
from contexta.recorder.probes import interpreter, machine, table
from contexta.recorder.session import inherited
from contexta.recorder.session.salt import salt_is_intact, salt_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple

    from contexta.recorder.source.background import SourceReading
    from contexta.recorder.source.limits import Limits

    Body = Dict[str, Any]
    Told = Tuple[Any, List[Dict[str, str]]]

_WAIT = 5.0  # seconds at the end for a source that is still being read
_TOLD_BY = 12  # characters of a digest by which a run tells its environments apart
CACHE = ".known"  # among the objects: the distributions of environments seen before, by their fingerprint
_DAMAGED_SALT = (
    "the workspace's secret key is damaged: values hidden in this run cannot be compared with those of earlier runs"
)


class Recording:
    """The environment of one process of a run: ``begin`` before the program, ``look`` now and then, ``complete`` after.

    What a process starts in is one object, the same for all runs in that environment; what only its program tells (what
    it imported, which libraries it loaded) is another one.
    """

    def __init__(self, journal: Journal, objects: Objects) -> None:
        self._journal = journal
        self._objects = objects
        self._pid = os.getpid()
        self._body: Optional[Body] = None
        self._digest = ""
        self._of: Dict[str, str] = {}
        self._known = ""
        self._path: List[str] = []
        self._seen: FrozenSet[str] = frozenset()
        self._reading: Optional[SourceReading] = None
        self._looking = _thread.RLock()  # a signal may end the run while it is looked at

    def begin(self) -> None:
        """Capture what there is, and bring it to the disk. What fails is noted on the run."""
        try:
            salt = salt_of(self._objects)
            if salt_is_intact(self._objects) is False:
                self._journal.write("note", topic="secrets", text=_DAMAGED_SALT)
            self._known = os.path.join(self._objects.root, CACHE, places.fingerprint())
            self._path = list(sys.path)
            self._body = capture(salt, self._known)
            self._digest = self._objects.put(encode(self._body))
            start = _digest(without_builds(self._body))
            self._of = {} if start == self._digest else {"of": start[:_TOLD_BY]}
            self._journal.write("environment", digest=self._digest, **self._of)
            self._facts(salt)
            self._journal.beside = self.look
        except Exception as error:  # noqa: BLE001  # whatever a probe meets, the program goes on and the run says so
            self._journal.write("note", topic="environment", text=f"could not be captured: {notes.reason(error)}")
        self._journal.flush()

    def look(self) -> None:
        """Write down what was imported by now, if that has changed: a program that is killed leaves it behind."""
        with self._looking:
            if self._body is None or os.getpid() != self._pid:
                return
            seen = frozenset(name.partition(".")[0] for name in list(sys.modules))
            if seen == self._seen:
                return
            try:
                body = self._with_late(self._body)
                changed = {} if body is self._body else {"digest": self._objects.put(encode(body))}
                end = self._objects.put(encode(imported(body)))
                self._journal.write("environment", **changed, end=end)
            except Exception as error:  # noqa: BLE001  # as in begin
                self._journal.write("note", topic="imports", text=f"were not captured: {notes.reason(error)}")
            self._seen = seen

    def complete(self) -> None:
        """Capture what is known only now. Nothing in a forked child, as its parent does it; but in a daemon that goes
        on with the run."""
        is_forked = os.getpid() != self._pid
        if is_forked and not self._journal.is_heir():
            return
        if self._reading is not None and not is_forked:
            self._reading.finish(_WAIT)
        if self._body is None:
            return
        with self._looking:
            try:
                if is_forked:  # a process says first what it started in
                    self._journal.write("environment", digest=self._digest, **self._of)
                body = self._with_late(with_builds(self._body, self._known))
                changed = {} if body is self._body else {"digest": self._objects.put(encode(body))}
                end = self._objects.put(encode(ended(body)))
                self._journal.write("environment", **changed, end=end)
            except Exception as error:  # noqa: BLE001  # as in begin
                self._journal.write(
                    "note", topic="environment", text=f"its end was not captured: {notes.reason(error)}"
                )
            self._body = None

    def _with_late(self, body: Body) -> Body:
        from contexta.recorder.packages import late_distributions
        from contexta.recorder.probes import imports

        return late_distributions.with_late(body, self._path, imports.loaded_files())

    def _facts(self, salt: bytes) -> None:
        """What belongs to this run alone, and to no environment: how it was called, its source, its seeds."""
        from contexta.core import settings

        found: List[Dict[str, str]] = []
        facts = table.run(table.OF_RUN, table.Context(salt), found)
        if self._journal.first or not os.environ.get("CONTEXTA_WRAPPED"):  # else the wrapper does it, once
            reading = self._reading = read_source(self._journal, salt, self._objects)
            source = table.ProbeRow("source", lambda _: reading.early() or ({}, []))
            facts.update(table.run([source], table.Context(), found))
            found.extend(notes.note(settings.TOPIC, problem) for problem in settings.problems())
        if facts.get("source", {}).get("root"):
            facts["invocation"].pop("directory", None)  # the source says where, relative to its root
        facts = {name: value for name, value in facts.items() if value}
        if facts:
            self._journal.write("fact", facts=facts)
        for each in found:
            self._journal.write("note", **each)


def read_source(journal: Journal, salt: bytes, objects: Objects, directory: Optional[str] = None) -> SourceReading:
    """Begin to read the repository around a directory (the current one)."""
    from contexta.recorder.source.background import SourceReading

    where = directory or os.getcwd()
    return SourceReading(journal, lambda limits: source_of(salt, objects, where, limits))


def source_of(salt: bytes, objects: Objects, directory: str, limits: Limits) -> Told:
    """The repository around a directory, the patch against its commit as an object."""
    from contexta.recorder.source import capture, repository

    workspace = os.path.dirname(os.path.abspath(objects.root))
    facts, patch, told = capture.source(directory, salt=salt, workspace=workspace, limits=limits)
    if patch is not None:
        try:
            facts = {**facts, "patch": objects.put(patch)}
        except OSError as error:
            told = [*told, notes.note(repository.TOPIC, f"{repository.NO_PATCH}: {notes.reason(error)}")]
    return facts, told


def capture(salt: bytes, known: str = "") -> Body:
    """The body of an environment snapshot, in the shape of ``contexta.contract.EnvironmentSnapshot`` without whose it
    is and when it was seen. known: the file that remembers the distributions, by their fingerprint."""
    found: List[Dict[str, str]] = []
    context = table.Context(salt, inherited.without_injected(os.environ), inherited.trial_variables())
    remembered = _remembered(known)
    probes: Sequence[table.ProbeRow] = table.AT_START
    body: Body = {"python_version": interpreter.python_version(), "platform": machine.platform_name()}
    if remembered is not None:
        body["distributions"], told = remembered
        found.extend(told)
        probes = [probe for probe in probes if probe is not table.DISTRIBUTIONS]
    body.update(table.run(probes, context, found))
    if found:
        body["notes"] = found
    return body


def with_builds(body: Body, known: str = "") -> Body:
    """The same with the digests of the builds, which take longer; itself when it has them already.

    known: the file by which the next run in this environment starts with them."""
    from contexta.recorder.packages import installed_files

    if any("build" in each for each in body["distributions"]):
        return body
    found = list(body.get("notes", ()))
    builds = table.run([table.BUILDS], table.Context(), found)["builds"]
    if not builds and "notes" not in body and not found:
        return body
    each = [{**one, "build": builds[one["name"]]} if one["name"] in builds else one for one in body["distributions"]]
    told = [note for note in found if note["topic"] in (distributions.TOPIC, installed_files.TOPIC, "builds")]
    if known:
        _remember(known, each, told)
    return {**body, "distributions": each, **({"notes": found} if found else {})}


def without_builds(body: Body) -> Body:
    """The same as a run records it that starts where nobody has looked at the builds yet."""
    from contexta.recorder.packages import installed_files

    told = [note for note in body.get("notes", ()) if note["topic"] not in (installed_files.TOPIC, "builds")]
    rest = {name: facts for name, facts in body.items() if name != "notes"}
    bare = [{name: fact for name, fact in each.items() if name != "build"} for each in body["distributions"]]
    return {**rest, "distributions": bare, **({"notes": told} if told else {})}


def installed(salt: bytes) -> Body:
    """What an interpreter has, without a program that runs on it: ``capture`` with build digests and checkouts."""
    body = with_builds(capture(salt))
    found = list(body.get("notes", ()))
    known = body["distributions"]
    moved = table.run([table.CHECKOUTS], table.Context(distributions=known), found)["origins"]
    placed = [{**each, "origin": moved[each["name"]]} if each["name"] in moved else each for each in known]
    return {**body, "distributions": placed, **({"notes": found} if found else {})}


def imported(body: Body) -> Body:
    """What was imported by now."""
    return _facts_of([table.IMPORTS], body)


def ended(body: Body) -> Body:
    """The facts of the end: imports, edited files of what was imported, and so on. ``origins`` and ``gpus`` belong into
    the distributions and the machine."""
    from contexta.recorder.packages import installed_files
    from contexta.recorder.probes import imports

    end = _facts_of(table.AT_END, body)
    # conda writes the place of an environment into its files, so that none of them is as its RECORD says
    plain = {each["name"] for each in body["distributions"] if each.get("origin", {}).get("kind") != "conda"}
    names = plain.intersection(end["imports"].get("distributions", ()))
    edited = table.ProbeRow(
        "files", lambda _: (None, installed_files.edited_where_loaded(imports.loaded_files(), names))
    )
    found = end.pop("notes", [])
    table.run([edited], table.Context(), found)
    for name in ("origins", "gpus"):
        if not end[name]:
            del end[name]
    return {**end, **({"notes": found} if found else {})}


def _facts_of(probes: Sequence[table.ProbeRow], body: Body) -> Body:
    found: List[Dict[str, str]] = []
    facts = table.run(probes, table.Context(distributions=body["distributions"]), found)
    return {**facts, "notes": found} if found else facts


def _remembered(path: str) -> Optional[Told]:
    """The distributions of this fingerprint as an earlier run saw them. Most runs start where the last one did."""
    if not path:
        return None
    try:
        known, told = json.loads(digested_files.read(path))
        return known, told
    except (OSError, ValueError, DamagedData):
        return None  # not seen before, or damaged: with_builds replaces the entry


def _remember(path: str, known: Any, told: Any) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        digested_files.write(path, json.dumps([known, told]).encode())
    except OSError:
        pass  # it is only slower the next time


def _digest(body: Body) -> str:
    from hashlib import sha256

    return sha256(encode(body)).hexdigest()


def encode(body: Body) -> bytes:
    """The bytes that a body is content-addressed by."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
