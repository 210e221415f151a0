"""Capture the environment of the running interpreter: the facts of all probes in one body.

The cheap facts are captured before the program begins. All others are added at its end.
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
    Notes = List[Dict[str, str]]

_SOURCE_SECONDS = 5.0  # seconds at the end for a source that is still being read
_DIGEST_START = 12  # characters of a digest that tell the environments of a run apart
CACHE = ".known"  # below the objects: the distributions of earlier runs, by their fingerprint
_DAMAGED_SALT = (
    "the workspace's secret key is damaged: values hidden in this run cannot be compared with those of earlier runs"
)


class Recording:
    """The environment of one process: ``begin`` before the program, ``update`` during it, ``complete`` after it.

    The environment at the start is one object, the same for all runs in it. The facts that only the program determines
    (imports, loaded libraries) are another object.
    """

    def __init__(self, journal: Journal, objects: Objects) -> None:
        self._journal = journal
        self._objects = objects
        self._pid = os.getpid()
        self._body: Optional[Body] = None
        self._digest = ""
        self._of: Dict[str, str] = {}
        self._cache = ""
        self._path: List[str] = []
        self._modules: FrozenSet[str] = frozenset()  # top-level modules at the last update
        self._reading: Optional[SourceReading] = None
        self._lock = _thread.RLock()  # a signal may end the run during an update

    def begin(self) -> None:
        """Capture the environment and flush it to the disk. A failure becomes a note on the run."""
        try:
            salt = salt_of(self._objects)
            if salt_is_intact(self._objects) is False:
                self._journal.write("note", topic="secrets", text=_DAMAGED_SALT)
            self._cache = os.path.join(self._objects.root, CACHE, places.fingerprint())
            self._path = list(sys.path)
            self._body = capture(salt, self._cache)
            self._digest = self._objects.put(encode(self._body))
            start = _digest(without_builds(self._body))
            self._of = {} if start == self._digest else {"of": start[:_DIGEST_START]}
            self._journal.write("environment", digest=self._digest, **self._of)
            self._facts(salt)
            self._journal.on_beat = self.update
        except Exception as error:  # noqa: BLE001  # the program continues, and the run has a note
            self._journal.write("note", topic="environment", text=f"could not be captured: {notes.reason(error)}")
        self._journal.flush()

    def update(self) -> None:
        """Record the imports so far, if they have changed: so they survive if the program is killed."""
        with self._lock:
            if self._body is None or os.getpid() != self._pid:
                return
            modules = frozenset(name.partition(".")[0] for name in list(sys.modules))
            if modules == self._modules:
                return
            try:
                body = self._with_late(self._body)
                self._write_end(body, imported(body))
            except Exception as error:  # noqa: BLE001  # as in begin
                self._journal.write("note", topic="imports", text=f"were not captured: {notes.reason(error)}")
            self._modules = modules

    def complete(self) -> None:
        """Capture the facts of the end. A forked child leaves that to its parent, unless it is a daemon that continues
        the run."""
        is_forked = os.getpid() != self._pid
        if is_forked and not self._journal.is_heir():
            return
        if self._reading is not None and not is_forked:
            self._reading.finish(_SOURCE_SECONDS)
        if self._body is None:
            return
        with self._lock:
            try:
                if is_forked:  # the first record of a process is the environment at its start
                    self._journal.write("environment", digest=self._digest, **self._of)
                body = self._with_late(with_builds(self._body, self._cache))
                self._write_end(body, ended(body))
            except Exception as error:  # noqa: BLE001  # as in begin
                self._journal.write(
                    "note", topic="environment", text=f"its end was not captured: {notes.reason(error)}"
                )
            self._body = None

    def _write_end(self, body: Body, end: Body) -> None:
        changed = {} if body is self._body else {"digest": self._objects.put(encode(body))}
        self._journal.write("environment", **changed, end=self._objects.put(encode(end)))

    def _with_late(self, body: Body) -> Body:
        from contexta.recorder.packages import late_distributions
        from contexta.recorder.probes import imports

        return late_distributions.with_late(body, self._path, imports.loaded_files())

    def _facts(self, salt: bytes) -> None:
        """Record the facts of this run that are not part of an environment: command line, source, seeds."""
        from contexta.core import settings

        problems: Notes = []
        facts = table.run(table.OF_RUN, table.Context(salt), problems)
        if self._journal.first or not os.environ.get("CONTEXTA_WRAPPED"):  # else the wrapper records it, once
            reading = self._reading = read_source(self._journal, salt, self._objects)
            source = table.ProbeRow("source", lambda _: reading.early() or ({}, []))
            facts.update(table.run([source], table.Context(), problems))
            problems.extend(notes.note(settings.TOPIC, problem) for problem in settings.problems())
        if facts.get("source", {}).get("root"):
            facts["invocation"].pop("directory", None)  # the source has it, relative to its root
        facts = {name: value for name, value in facts.items() if value}
        if facts:
            self._journal.write("fact", facts=facts)
        for entry in problems:
            self._journal.write("note", **entry)


def read_source(journal: Journal, salt: bytes, objects: Objects, directory: Optional[str] = None) -> SourceReading:
    """Start to read the repository around a directory (the current one)."""
    from contexta.recorder.source.background import SourceReading

    folder = directory or os.getcwd()
    return SourceReading(journal, lambda limits: source_of(salt, objects, folder, limits))


def source_of(salt: bytes, objects: Objects, directory: str, limits: Limits) -> Tuple[Body, Notes]:
    """(facts, notes) about the repository around a directory, with the patch against its commit as an object."""
    from contexta.recorder.source import capture, repository

    workspace = os.path.dirname(os.path.abspath(objects.root))
    facts, patch, problems = capture.source(directory, salt=salt, workspace=workspace, limits=limits)
    if patch is not None:
        try:
            facts = {**facts, "patch": objects.put(patch)}
        except OSError as error:
            problems = [*problems, notes.note(repository.TOPIC, f"{repository.NO_PATCH}: {notes.reason(error)}")]
    return facts, problems


def capture(salt: bytes, cache: str = "") -> Body:
    """The body of an environment: a ``contexta.contract.EnvironmentSnapshot`` without its run and its time.

    cache: the file with the distributions of this fingerprint.
    """
    body_notes: Notes = []
    context = table.Context(salt, inherited.without_injected(os.environ), inherited.trial_variables())
    remembered = _remembered(cache)
    probes: Sequence[table.ProbeRow] = table.AT_START
    body: Body = {"python_version": interpreter.python_version(), "platform": machine.platform_name()}
    if remembered is not None:
        body["distributions"], earlier_notes = remembered
        body_notes.extend(earlier_notes)
        probes = [probe for probe in probes if probe is not table.DISTRIBUTIONS]
    body.update(table.run(probes, context, body_notes))
    if body_notes:
        body["notes"] = body_notes
    return body


def with_builds(body: Body, cache: str = "") -> Body:
    """The body with the digests of the builds, which take longer; itself when it has them already.

    cache: the file with which the next run in this environment starts.
    """
    from contexta.recorder.packages import installed_files

    if any("build" in package for package in body["distributions"]):
        return body
    body_notes = list(body.get("notes", ()))
    builds = table.run([table.BUILDS], table.Context(), body_notes)["builds"]
    if not builds and "notes" not in body and not body_notes:
        return body
    packages = [
        {**package, "build": builds[package["name"]]} if package["name"] in builds else package
        for package in body["distributions"]
    ]
    package_notes = [
        note for note in body_notes if note["topic"] in (distributions.TOPIC, installed_files.TOPIC, "builds")
    ]
    if cache:
        _remember(cache, packages, package_notes)
    return {**body, "distributions": packages, **({"notes": body_notes} if body_notes else {})}


def without_builds(body: Body) -> Body:
    """The body as the first run in an environment records it, before the builds are known."""
    from contexta.recorder.packages import installed_files

    kept_notes = [note for note in body.get("notes", ()) if note["topic"] not in (installed_files.TOPIC, "builds")]
    rest = {name: facts for name, facts in body.items() if name != "notes"}
    packages = [{name: fact for name, fact in package.items() if name != "build"} for package in body["distributions"]]
    return {**rest, "distributions": packages, **({"notes": kept_notes} if kept_notes else {})}


def installed(salt: bytes) -> Body:
    """The body of an interpreter that runs no program: ``capture`` with build digests and checkouts."""
    body = with_builds(capture(salt))
    body_notes = list(body.get("notes", ()))
    packages = body["distributions"]
    origins = table.run([table.CHECKOUTS], table.Context(distributions=packages), body_notes)["origins"]
    packages = [
        {**package, "origin": origins[package["name"]]} if package["name"] in origins else package
        for package in packages
    ]
    return {**body, "distributions": packages, **({"notes": body_notes} if body_notes else {})}


def imported(body: Body) -> Body:
    """The imports so far."""
    return _facts_of([table.IMPORTS], body)


def ended(body: Body) -> Body:
    """The facts of the end: imports, edited files of imported packages, and so on.

    ``origins`` completes the distributions, ``gpus`` the machine.
    """
    from contexta.recorder.packages import installed_files
    from contexta.recorder.probes import imports

    end = _facts_of(table.AT_END, body)
    # conda writes the path of an environment into its files, so they differ from their RECORD
    names = {
        package["name"] for package in body["distributions"] if package.get("origin", {}).get("kind") != "conda"
    }.intersection(end["imports"].get("distributions", ()))
    edited = table.ProbeRow(
        "files", lambda _: (None, installed_files.edited_where_loaded(imports.loaded_files(), names))
    )
    body_notes = end.pop("notes", [])
    table.run([edited], table.Context(), body_notes)
    for name in ("origins", "gpus"):
        if not end[name]:
            del end[name]
    return {**end, **({"notes": body_notes} if body_notes else {})}


def _facts_of(probes: Sequence[table.ProbeRow], body: Body) -> Body:
    body_notes: List[Dict[str, str]] = []
    facts = table.run(probes, table.Context(distributions=body["distributions"]), body_notes)
    return {**facts, "notes": body_notes} if body_notes else facts


def _remembered(path: str) -> Optional[Tuple[Any, Notes]]:
    """(distributions, notes) of this fingerprint, recorded by an earlier run."""
    if not path:
        return None
    try:
        packages, package_notes = json.loads(digested_files.read(path))
        return packages, package_notes
    except (OSError, ValueError, DamagedData):
        return None  # a new environment, or a damaged file: with_builds replaces it


def _remember(path: str, packages: Any, package_notes: Any) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        digested_files.write(path, json.dumps([packages, package_notes]).encode())
    except OSError:
        pass  # only the next start is slower


def _digest(body: Body) -> str:
    from hashlib import sha256

    return sha256(encode(body)).hexdigest()


def encode(body: Body) -> bytes:
    """The bytes that a body is content-addressed by."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
