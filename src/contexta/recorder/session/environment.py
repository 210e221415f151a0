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
from contexta.recorder.probes import distributions, interpreter, machine, variables
from contexta.recorder.session import inherited
from contexta.recorder.session.salt import salt_is_intact, salt_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, FrozenSet, List, Optional, Tuple

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
            self._known = os.path.join(self._objects.root, CACHE, distributions.fingerprint())
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
        from contexta.recorder.probes import imports, late_distributions

        return late_distributions.with_late(body, self._path, imports.loaded_files())

    def _facts(self, salt: bytes) -> None:
        """What belongs to this run alone, and to no environment: how it was called, its source, its seeds."""
        from contexta.core import settings
        from contexta.recorder.probes import invocation, seeds

        found: List[Dict[str, str]] = []
        facts = {
            "invocation": _probe(found, "invocation", lambda: invocation.invocation(salt=salt), {}),
            "seeds": _probe(found, "seeds", seeds.seeds, {}),
        }
        if self._journal.first or not os.environ.get("CONTEXTA_WRAPPED"):  # else the wrapper does it, once
            reading = self._reading = read_source(self._journal, salt, self._objects)
            facts["source"] = _probe(found, "source", lambda: reading.early() or ({}, []), {})
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
    body: Body = {
        "python_version": interpreter.python_version(),
        "platform": machine.platform_name(),
        "distributions": _probe(found, "distributions", lambda: _distributions(known), []),
        "environment_variables": _probe(
            found,
            "variables",
            lambda: variables.recorded(
                inherited.without_injected(os.environ), salt=salt, extra=inherited.trial_variables()
            ),
            {},
        ),
        "interpreter": _probe(found, "interpreter", interpreter.interpreter, {}),
        "machine": _probe(found, "machine", lambda: machine.machine(salt=salt), {}),
    }
    if found:
        body["notes"] = found
    return body


def with_builds(body: Body, known: str = "") -> Body:
    """The same with the digests of the builds, which take longer; itself when it has them already.

    known: the file by which the next run in this environment starts with them."""
    from contexta.recorder.probes import installed_files

    if any("build" in each for each in body["distributions"]):
        return body
    found = list(body.get("notes", ()))
    builds = _probe(found, "builds", installed_files.builds, {})
    if not builds and "notes" not in body and not found:
        return body
    each = [{**one, "build": builds[one["name"]]} if one["name"] in builds else one for one in body["distributions"]]
    told = [note for note in found if note["topic"] in (distributions.TOPIC, installed_files.TOPIC, "builds")]
    if known:
        _remember(known, each, told)
    return {**body, "distributions": each, **({"notes": found} if found else {})}


def without_builds(body: Body) -> Body:
    """The same as a run records it that starts where nobody has looked at the builds yet."""
    from contexta.recorder.probes import installed_files

    told = [note for note in body.get("notes", ()) if note["topic"] not in (installed_files.TOPIC, "builds")]
    rest = {name: facts for name, facts in body.items() if name != "notes"}
    bare = [{name: fact for name, fact in each.items() if name != "build"} for each in body["distributions"]]
    return {**rest, "distributions": bare, **({"notes": told} if told else {})}


def installed(salt: bytes) -> Body:
    """What an interpreter has, without a program that runs on it: ``capture`` with build digests and checkouts."""
    from contexta.recorder.probes import origins

    body = with_builds(capture(salt))
    found = list(body.get("notes", ()))
    known = body["distributions"]
    full = {**body, "distributions": _probe(found, "distributions", lambda: origins.with_checkouts(known), known)}
    return {**full, "notes": found} if found else full


def imported(body: Body) -> Body:
    """What was imported by now."""
    from contexta.recorder.probes import imports

    found: List[Dict[str, str]] = []
    facts = {"imports": _probe(found, "imports", lambda: imports.imported(distributions=body["distributions"]), {})}
    return {**facts, "notes": found} if found else facts


def ended(body: Body) -> Body:
    """What is known only at the end, or changes from run to run: what was imported, and whether it is as it was
    installed, which numeric libraries are loaded, GPUs, where editable checkouts stand. ``origins`` and ``gpus`` belong
    into the distributions and the machine."""
    from contexta.recorder.probes import gpus, imports, installed_files, native, origins

    end = imported(body)
    found = end.pop("notes", [])
    known = body["distributions"]
    # conda writes the place of an environment into its files, so that none of them is as its RECORD says
    plain = {each["name"] for each in known if each.get("origin", {}).get("kind") != "conda"}
    names = plain.intersection(end["imports"].get("distributions", ()))
    _probe(found, "files", lambda: (None, installed_files.edited_where_loaded(imports.loaded_files(), names)), None)
    placed = _probe(found, "distributions", lambda: origins.with_checkouts(known), known)
    moved = {new["name"]: new["origin"] for old, new in zip(known, placed) if old.get("origin") != new.get("origin")}
    devices = _probe(found, "gpus", gpus.gpus, {})
    end["native_libraries"] = _probe(found, "native", native.native, [])
    for name, facts in (("origins", moved), ("gpus", devices), ("notes", found)):
        if facts:
            end[name] = facts
    return end


def _probe(found: List[Dict[str, str]], topic: str, ask: Callable[[], Told], otherwise: Any) -> Any:
    """What a probe answers; its notes are gathered. One that fails leaves a note, and nothing else is lost."""
    try:
        facts, told = ask()
    except Exception as error:  # noqa: BLE001  # see above
        found.append(notes.note(topic, f"could not be captured: {notes.reason(error)}"))
        return otherwise
    found.extend(told)
    return facts


def _distributions(path: str) -> Told:
    """What is installed; remembered under its fingerprint, as most runs start where the last one did."""
    if not path:
        return distributions.installed()
    try:
        known, told = json.loads(digested_files.read(path))
        return known, told
    except (OSError, ValueError, DamagedData):
        pass  # not seen before, or damaged: read again, and the entry is replaced by with_builds
    return distributions.installed()


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
