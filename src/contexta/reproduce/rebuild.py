"""A recorded environment, had again: planned, built or taken from the cache, and looked at with the recorder's eyes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contexta.analysis.environments.environment_diff import compare_environments
from contexta.analysis.environments.rebuilds import compared_builds, deviations, notes
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core import process
from contexta.core.errors import ContextaError, InvalidInput
from contexta.core.references import StableRef
from contexta.findings import Rebuild
from contexta.recorder.journal.objects import Objects
from contexta.recorder.session.inherited import INJECTED
from contexta.reproduce.environments.cache import Kept, KeptChanged, Shelf, hand_out
from contexta.reproduce.environments.progress import Watch, counted
from contexta.reproduce.plan.interpreters import find_interpreter
from contexta.reproduce.plan.local_checkouts import install_local, missing_locally
from contexta.reproduce.plan.plan import Plan, plan_of
from contexta.reproduce.plan.unavailable import Impossible, absent, as_missing
from contexta.reproduce.uv.commands import Interpreter, NoRoom, NoSuchVersion, Uv, UvError, python_in
from contexta.reproduce.uv.urls import index_option

_UNFINISHED = "contexta-unfinished"
_FINISHED = "contexta-rebuild.json"
_PROBE_SECONDS = 1_800.0
_SHAPE = 2  # of what the cache keeps: raised when a kept environment would be made differently now


@dataclass(frozen=True)
class Recorded:
    """What is known of a run's environment. source: its facts about the repository; patch: its changes there."""

    run_ref: StableRef
    snapshot: EnvironmentSnapshot
    source: Mapping[str, Any] = field(default_factory=dict)
    patch: bytes | None = None


@dataclass(frozen=True)
class Wishes:
    """What a person allows. python: an interpreter's version or path. python_drift: another patch version of Python
    will do. build: releases without a wheel may be built. indexes: ``NAME=URL`` that may hold local version tags."""

    python: str | None = None
    python_drift: bool = False
    build: bool = False
    indexes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for each in self.indexes:
            index_option(each)


@dataclass(frozen=True)
class Tools:
    """With what it is done. objects: the workspace's, by whose salt the probe hides secrets."""

    uv: Uv
    shelf: Shelf
    objects: Objects


def rebuild(recorded: Recorded, into: Path, wishes: Wishes, tools: Tools, watch: Watch) -> Rebuild:
    """Build the environment of a run in a new directory and compare it with the recording.

    watch: told what begins. Raises InvalidInput for a directory that holds something, UvMissing, OSError.
    """
    began = time.monotonic()
    into = into.absolute()
    _require_free(into)
    snapshot = recorded.snapshot
    plan = plan_of(snapshot, recorded.source, indexes=bool(wishes.indexes))
    python, key, missing = None, None, [*plan.missing]
    try:
        python = find_interpreter(tools.uv, snapshot, wishes.python, drift=wishes.python_drift)
        missing += missing_locally(plan)
        if missing:
            watch("asking the index for the rest")
            raise Impossible(*absent(tools.uv, python, plan, wishes.build, wishes.indexes))
        key = _key(plan, python, wishes)
        kept, from_cache = _place(plan, key, into, python, wishes, tools, watch)
        told = [*kept.notes, *_finish_local(plan, recorded, into, tools, watch)]
    except Impossible as end:
        missing += end.missing
        return Rebuild(
            run_ref=recorded.run_ref,
            verdict="impossible",
            into=None,
            python=python.path if python else None,
            recorded_python=snapshot.python_version,
            rebuilt_python=None,
            platform=snapshot.platform,
            package_count=len(snapshot.packages),
            missing=tuple(missing),
            environment_key=key,
            seconds=time.monotonic() - began,
        )
    watch("comparing with the recording")
    found, _ = probed(recorded, into, tools.objects)
    differing = deviations(snapshot, found, edits=kept.edits)
    diff = compare_environments(recorded.run_ref, snapshot, recorded.run_ref, found)
    done = Rebuild(
        run_ref=recorded.run_ref,
        verdict="deviates" if differing else "match",
        into=str(into),
        python=str(python_in(into)),
        recorded_python=snapshot.python_version,
        rebuilt_python=found.python_version,
        platform=found.platform,
        package_count=len(snapshot.packages),
        build_count=compared_builds(snapshot, found),
        deviations=differing,
        notes=(*told, *notes(snapshot, diff)),
        from_cache=from_cache,
        environment_key=key,
        seconds=time.monotonic() - began,
    )
    (into / _FINISHED).write_text(done.model_dump_json(indent=2))
    (into / _UNFINISHED).unlink()
    return done


def probed(
    recorded: Recorded, environment: Path, objects: Objects, *, deep: bool = False
) -> tuple[EnvironmentSnapshot, list[dict[str, str]]]:
    """What the recorder sees in an environment; deep: and which installed files are not as their RECORD says.

    Raises ContextaError when its Python does not run.
    """
    told = _ask(environment, objects, "deep" if deep else "installed")
    snapshot = EnvironmentSnapshot.model_validate(
        {
            **told["body"],
            "environment_snapshot_ref": recorded.snapshot.environment_snapshot_ref,
            "run_ref": recorded.run_ref,
            "captured_at": recorded.snapshot.captured_at,
        }
    )
    return snapshot, told["edits"]


def _ask(environment: Path, objects: Objects, how: str) -> dict[str, Any]:
    argv = [str(python_in(environment)), "-I", str(Path(INJECTED, "probe.py")), str(objects.root), how]
    done = process.run(argv, timeout=_PROBE_SECONDS)
    if done.exit_code != 0:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise ContextaError(f"the Python of {environment} does not tell what it has: {said}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


# ---------------------------------------------------------------------------------------------- building


def _place(
    plan: Plan, key: str, into: Path, python: Interpreter, wishes: Wishes, tools: Tools, watch: Watch
) -> tuple[Kept, bool]:
    """Put everything that comes from an index or an address into ``into``: (what is kept of it, whether it was)."""
    kept = tools.shelf.find(key)
    if kept is not None:
        watch("linking")
        try:
            _hand_over(kept, into)
            return kept, True
        except (KeptChanged, FileNotFoundError):  # edited in place; or another process made room in the cache meanwhile
            tools.shelf.forget(key, kept)
    kept = _build(plan, key, python, wishes, tools, watch)
    watch("linking")
    _hand_over(kept, into)
    return kept, False


def _hand_over(kept: Kept, into: Path) -> None:
    partial = into.with_name(f".{into.name}.{os.urandom(4).hex()}")
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        hand_out(kept, partial, into)
        (partial / _UNFINISHED).touch()
        if into.exists():
            shutil.rmtree(into)  # empty, or half built by us: _require_free has seen to it
        partial.rename(into)
    except BaseException:  # whatever stopped it, Ctrl-C too: no half environment stays behind
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _build(plan: Plan, key: str, python: Interpreter, wishes: Wishes, tools: Tools, watch: Watch) -> Kept:
    """Build what is kept under a key, read all of it once, and keep it.

    Raises Impossible with every package that cannot be had.
    """
    at = tools.shelf.room(key)
    uv = tools.uv
    told: list[str] = []
    try:
        uv.create(python.path, at)
        try:
            if plan.pins:
                with counted(watch, at, len(plan.pins)):
                    told += _releases(plan, at, python, wishes, uv)
            if plan.tagged:
                watch(f"installing {len(plan.tagged)} packages with a local version tag")
                told += uv.install(at, plan.tagged, build=wishes.build, indexes=wishes.indexes)
            for name, line in plan.linked.items():
                watch(f"installing {name} from its address")
                told += _linked(uv, at, plan, name, line)
        except NoRoom:
            raise
        except (UvError, Impossible) as error:
            watch("asking for each of them")
            lost = absent(uv, python, plan, wishes.build, wishes.indexes)
            seen = error.missing if isinstance(error, Impossible) else () if lost else (as_missing(plan, error),)
            names = {each.name for each in lost}
            raise Impossible(*lost, *(each for each in seen if each.name not in names)) from error
        watch("reading every file")
        edits = _ask(at, tools.objects, "deep")["edits"]
        return tools.shelf.keep(key, at, [note for note in told if "yanked" in note], edits)
    except BaseException:  # whatever stopped it, Ctrl-C too: what is half built is worth nothing
        shutil.rmtree(at, ignore_errors=True)
        raise


def _releases(plan: Plan, at: Path, python: Interpreter, wishes: Wishes, uv: Uv) -> tuple[str, ...]:
    """The releases without a local tag: from the configured index, and only what that lacks from the named ones."""
    try:
        return uv.install(at, plan.pins, build=wishes.build)
    except NoSuchVersion:
        if not wishes.indexes:
            raise
    lacking = {each.name for each in absent(uv, python, replace(plan, linked={}), wishes.build, ())}
    theirs = {name: version for name, version in plan.pins.items() if name in lacking}
    told = uv.install(at, theirs, build=wishes.build, indexes=wishes.indexes)
    return told + uv.install(at, {name: v for name, v in plan.pins.items() if name not in lacking}, build=wishes.build)


def _linked(uv: Uv, at: Path, plan: Plan, name: str, line: str) -> tuple[str, ...]:
    try:
        return uv.install_linked(at, [line])
    except NoRoom:
        raise
    except UvError as error:
        raise Impossible(as_missing(plan, error, name)) from error


def _finish_local(plan: Plan, recorded: Recorded, into: Path, tools: Tools, watch: Watch) -> list[str]:
    """Install what stands in repositories of this machine. Not from the cache: it is bound to its place."""
    try:
        return install_local(plan, recorded.patch, into, tools.uv, watch)
    except (Impossible, NoRoom):
        shutil.rmtree(into, ignore_errors=True)
        raise
    except ContextaError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise Impossible(as_missing(plan, error)) from error


def _key(plan: Plan, python: Interpreter, wishes: Wishes) -> str:
    """Of what is asked for and of the interpreter's file: another build of it at the same place is another one."""
    facts = Path(python.path).stat()
    asked = [
        _SHAPE,
        sorted(plan.stored.items()),
        [python.path, python.version, facts.st_size, facts.st_mtime_ns],
        [wishes.build, *(wishes.indexes if plan.tagged else ())],
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]


def _require_free(into: Path) -> None:
    if into.is_symlink() or (into.exists() and not into.is_dir()):
        raise InvalidInput(f"{into} is there already, and is no directory", hint="name a new one")
    if into.is_dir() and any(into.iterdir()) and not (into / _UNFINISHED).exists():
        raise InvalidInput(f"{into} is there already and is not empty", hint="name a new directory, or remove it")
