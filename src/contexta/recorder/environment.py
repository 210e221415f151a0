"""The environment of the running interpreter, gathered from the probes into one body.

What is cheap is captured before the program begins; what takes longer, or is known only then, completes it at the end.
Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import os

from contexta.recorder import distributions, interpreter, machine, notes, variables
from contexta.recorder.journal import Journal
from contexta.recorder.objects import Objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

    from contexta.recorder.live import Run

    Body = Dict[str, Any]
    Told = Tuple[Any, List[Dict[str, str]]]

INJECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inject")


class Recording:
    """The environment of one process of a run: ``begin`` before the program, ``complete`` after it."""

    def __init__(self, journal: Journal, objects: Objects) -> None:
        self._journal = journal
        self._objects = objects
        self._pid = os.getpid()
        self._body: Optional[Body] = None
        self._digest = ""

    def begin(self) -> None:
        """Capture what there is, and bring it to the disk. What fails is noted on the run."""
        try:
            salt = salt_of(self._objects)
            self._body = capture(salt, self._objects)
            self._digest = self._objects.put(encode(self._body))
            self._journal.write("environment", digest=self._digest)
            self._facts(salt)
        except Exception as error:  # noqa: BLE001  # whatever a probe meets, the program goes on and the run says so
            self._journal.write("note", topic="environment", text=f"could not be captured: {notes.reason(error)}")
        self._journal.flush()

    def complete(self, _: "Run") -> None:
        """Capture what is known only now. Nothing in a forked child: its parent does it."""
        if self._body is None or os.getpid() != self._pid:
            return
        try:
            digest = self._objects.put(encode(completed(self._body)))
            self._journal.write("environment", digest=digest, of=self._digest)
        except Exception as error:  # noqa: BLE001  # as in begin
            self._journal.write("note", topic="environment", text=f"its end was not captured: {notes.reason(error)}")

    def _facts(self, salt: bytes) -> None:
        """What belongs to this run alone, and to no environment: how it was called, its source, its seeds."""
        from contexta.recorder import invocation, seeds

        found: List[Dict[str, str]] = []
        facts = {
            "invocation": _probe(found, "invocation", lambda: invocation.invocation(salt=salt), {}),
            "seeds": _probe(found, "seeds", seeds.seeds, {}),
        }
        if not os.environ.get("CONTEXTA_WRAPPED"):  # else the wrapper does it, once
            facts["source"] = _probe(found, "source", lambda: source_of(salt, self._objects), {})
        if set(facts["seeds"]) == {"hash"}:
            del facts["seeds"]  # the interpreter's facts say as much
        for name, value in facts.items():
            if value:
                self._journal.write("fact", name=name, value=value)
        for each in found:
            self._journal.write("note", **each)


def source_of(salt: bytes, objects: Objects, directory: Optional[str] = None) -> Told:
    """The repository around a directory (the current one), the patch against its commit as an object."""
    from contexta.recorder import source

    facts, patch, told = source.source(directory or os.getcwd(), salt=salt)
    return ({**facts, "patch": objects.put(patch)} if patch is not None else facts), told


def capture(salt: bytes, objects: Optional[Objects] = None) -> Body:
    """The body of an environment snapshot, in the shape of ``contexta.contract.EnvironmentSnapshot`` without whose it
    is and when it was seen. objects: where the distributions of a known environment are remembered."""
    found: List[Dict[str, str]] = []
    body: Body = {
        "python_version": interpreter.python_version(),
        "platform": machine.platform_name(),
        "distributions": _probe(found, "distributions", lambda: _distributions(objects), []),
        "environment_variables": _probe(
            found, "variables", lambda: variables.recorded(program_variables(os.environ), salt=salt), {}
        ),
        "interpreter": _probe(found, "interpreter", interpreter.interpreter, {}),
        "machine": _probe(found, "machine", lambda: machine.machine(salt=salt), {}),
    }
    if found:
        body["notes"] = found
    return body


def completed(body: Body) -> Body:
    """The same with what takes longer, or is known only now: build digests, editable checkouts, GPUs, what was imported
    and which numeric libraries are loaded."""
    from contexta.recorder import gpus, imports, native

    found = list(body.get("notes", ()))
    each = _with_builds(body["distributions"], found)
    full = {**body, "distributions": each}
    devices = _probe(found, "gpus", gpus.gpus, {})
    if devices:
        full["machine"] = {**body["machine"], "gpus": devices}
    full["native_libraries"] = _probe(found, "native", native.native, [])
    full["imports"] = _probe(found, "imports", lambda: imports.imported(distributions=each), {})
    if found:
        full["notes"] = found
    return full


def installed(salt: bytes) -> Body:
    """What an interpreter has, without a program that runs on it: ``capture`` with build digests and checkouts."""
    body = capture(salt)
    found = list(body.get("notes", ()))
    full = {**body, "distributions": _with_builds(body["distributions"], found)}
    return {**full, "notes": found} if found else full


def _with_builds(known: List[Dict[str, Any]], found: List[Dict[str, str]]) -> List[Dict[str, Any]]:
    from contexta.recorder import files, origins

    known = _probe(found, "distributions", lambda: origins.with_checkouts(known), known)
    builds = _probe(found, "builds", files.builds, {})
    return [{**one, "build": builds[one["name"]]} if one["name"] in builds else one for one in known]


def _probe(found: List[Dict[str, str]], topic: str, ask: Callable[[], Told], otherwise: Any) -> Any:
    """What a probe answers; its notes are gathered. One that fails leaves a note, and nothing else is lost."""
    try:
        facts, told = ask()
    except Exception as error:  # noqa: BLE001  # see above
        found.append(notes.note(topic, f"could not be captured: {notes.reason(error)}"))
        return otherwise
    found.extend(told)
    return facts


def _distributions(objects: Optional[Objects]) -> Told:
    """What is installed; remembered under its fingerprint, as most runs start where the last one did."""
    if objects is None:
        return distributions.installed()
    folder = os.path.join(objects.root, ".known")
    path = os.path.join(folder, distributions.fingerprint())
    try:
        with open(path, encoding="utf-8") as file:
            known, told = json.load(file)
            return known, told
    except (OSError, ValueError):
        pass  # not seen before, or damaged: asked again
    known, told = distributions.installed()
    try:
        os.makedirs(folder, exist_ok=True)
        temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
        with open(temporary, "x", encoding="utf-8") as file:
            json.dump([known, told], file)
        os.replace(temporary, path)
    except OSError:
        pass  # it is only slower the next time
    return known, told


def program_variables(environ: Mapping[str, str]) -> Dict[str, str]:
    """The variables without what `contexta run` added to them."""
    kept = dict(environ)
    path = kept.get("PYTHONPATH")
    if path is not None:
        rest = [entry for entry in path.split(os.pathsep) if entry != INJECTED]
        if len(rest) < path.count(os.pathsep) + 1:
            kept["PYTHONPATH"] = os.pathsep.join(rest)
            if not rest:
                del kept["PYTHONPATH"]
    return kept


def salt_of(objects: Objects) -> bytes:
    """The workspace's salt, made at its first use. Raises OSError when there is none and none can be made."""
    path = os.path.join(objects.root, ".salt")
    for _ in range(3):
        try:
            with open(path, "rb") as file:
                salt = file.read()
            if salt:
                return salt
            os.unlink(path)  # its maker died half-way
        except FileNotFoundError:
            pass
        os.makedirs(objects.root, exist_ok=True)
        temporary = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(32))
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # another process was first: its salt counts
        except OSError:  # a file system without hard links
            os.replace(temporary, path)
            continue
        os.unlink(temporary)
    with open(path, "rb") as file:
        return file.read()


def encode(body: Body) -> bytes:
    """The bytes that a body is content-addressed by."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
