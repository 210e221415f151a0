"""Rebuild a recorded environment, and compare it with the recording by probing it again."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contexta.analysis.environments.environment_diff import compare_environments
from contexta.analysis.environments.rebuilds import compared_builds, deviations, notes
from contexta.contract.environment import EnvironmentSnapshot
from contexta.core.errors import ContextaError, InvalidInput
from contexta.core.processes import process
from contexta.core.references import StableRef
from contexta.findings import Rebuild
from contexta.recorder.journal.objects import Objects
from contexta.recorder.session.inherited import INJECTED
from contexta.reproduce.environments.builder import Built, Contents, build, key_of
from contexta.reproduce.environments.cache import Edits, EnvironmentCache
from contexta.reproduce.environments.linker import Recipe, put_together
from contexta.reproduce.environments.progress import ProgressCallback
from contexta.reproduce.plan.interpreters import find_interpreter
from contexta.reproduce.plan.local_checkouts import install_local, missing_locally
from contexta.reproduce.plan.plan import Plan, plan_of
from contexta.reproduce.plan.unavailable import Impossible, as_missing, unavailable_packages
from contexta.reproduce.uv.commands import Uv, python_in
from contexta.reproduce.uv.error_messages import NoRoom, UvError
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.urls import index_option

_UNFINISHED = "contexta-unfinished"
_FINISHED = "contexta-rebuild.json"
_PROBE_SECONDS = 1_800.0


@dataclass(frozen=True)
class RecordedEnvironment:
    """The recorded environment of a run. source: facts about its repository; patch: uncommitted changes there."""

    run_ref: StableRef
    snapshot: EnvironmentSnapshot
    source: Mapping[str, Any] = field(default_factory=dict)
    patch: bytes | None = None


@dataclass(frozen=True)
class RebuildOptions:
    """The options of the user. python: version or path of an interpreter. python_drift: another patch version of Python
    is accepted.
    build: releases without a wheel may be built from source. indexes: ``NAME=URL`` that may hold local version tags.
    """

    python: str | None = None
    python_drift: bool = False
    build: bool = False
    indexes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for index in self.indexes:
            index_option(index)


@dataclass(frozen=True)
class Tools:
    """The tools of a rebuild. objects: of the workspace, whose salt the probe hides secrets with."""

    uv: Uv
    cache: EnvironmentCache
    objects: Objects


def rebuild(
    recorded: RecordedEnvironment, into: Path, options: RebuildOptions, tools: Tools, progress: ProgressCallback
) -> Rebuild:
    """Build the environment of a run in a new directory and compare it with the recording.

    Raises InvalidInput for a directory that is not empty, UvMissing, OSError.
    """
    began = time.monotonic()
    into = into.absolute()
    _require_free(into)
    snapshot = recorded.snapshot
    plan = plan_of(snapshot, recorded.source, indexes=bool(options.indexes))
    python, key, missing = None, None, [*plan.missing]
    try:
        python = find_interpreter(tools.uv, snapshot, options.python, drift=options.python_drift)
        missing += missing_locally(plan)
        if missing:
            progress("querying the index for the rest")
            raise Impossible(*unavailable_packages(tools.uv, python, plan.pins, options.build, options.indexes))
        contents = Contents(plan.pins, build=options.build, indexes=options.indexes)
        key = key_of(python, contents)
        built, edits = _install(plan, contents, into, python, tools, progress)
        local_notes = _install_local(plan, recorded, into, tools, progress)
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
    progress("comparing with the recording")
    rebuilt, _ = probed(recorded, into, tools.objects)
    differing = deviations(snapshot, rebuilt, edits=edits)
    diff = compare_environments(recorded.run_ref, snapshot, recorded.run_ref, rebuilt)
    result = Rebuild(
        run_ref=recorded.run_ref,
        verdict="deviates" if differing else "match",
        into=str(into),
        python=str(python_in(into)),
        recorded_python=snapshot.python_version,
        rebuilt_python=rebuilt.python_version,
        platform=rebuilt.platform,
        package_count=len(snapshot.packages),
        build_count=compared_builds(snapshot, rebuilt),
        deviations=differing,
        notes=(*built.notes, *local_notes, *notes(snapshot, diff)),
        from_cache=not built.is_new,
        environment_key=key,
        seconds=time.monotonic() - began,
    )
    (into / _FINISHED).write_text(result.model_dump_json(indent=2))
    (into / _UNFINISHED).unlink()
    return result


def probed(
    recorded: RecordedEnvironment, environment: Path, objects: Objects, *, deep: bool = False
) -> tuple[EnvironmentSnapshot, list[dict[str, str]]]:
    """Probe an environment with the recorder; deep: also find installed files that differ from their RECORD.

    Raises ContextaError when its Python does not run.
    """
    answer = _probe(environment, objects, "deep" if deep else "installed")
    snapshot = EnvironmentSnapshot.model_validate(
        {
            **answer["body"],
            "environment_snapshot_ref": recorded.snapshot.environment_snapshot_ref,
            "run_ref": recorded.run_ref,
            "captured_at": recorded.snapshot.captured_at,
        }
    )
    return snapshot, answer["edits"]


def _probe(environment: Path, objects: Objects, how: str) -> dict[str, Any]:
    argv = [str(python_in(environment)), "-I", str(Path(INJECTED, "probe.py")), str(objects.root), how]
    done = process.run(argv, timeout=_PROBE_SECONDS)
    if done.exit_code != 0:
        output = done.stderr.decode(errors="replace").strip()[-500:]
        raise ContextaError(f"the Python of {environment} cannot list its packages: {output}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _install(
    plan: Plan, contents: Contents, into: Path, python: Interpreter, tools: Tools, progress: ProgressCallback
) -> tuple[Built, Edits]:
    """Install everything that comes from an index or an address.

    Returns the environment in the cache, and its files that differ from their RECORD.
    Raises Impossible with all packages that are missing.
    """
    try:
        built = build(tools.uv, tools.cache, python, contents, progress)
    except NoRoom:
        raise
    except UvError as error:
        progress("querying each package")
        lost = unavailable_packages(tools.uv, python, contents.pins, contents.build, contents.indexes)
        raise Impossible(*(lost or [as_missing(plan.versions, error)])) from error
    edits = built.cached.edits
    if edits is None:
        progress("reading every file")
        edits = tuple(_probe(built.at, tools.objects, "deep")["edits"])
        tools.cache.note_edits(key_of(python, contents), edits)
    if into.exists():
        shutil.rmtree(into)  # empty, or a partly built environment: _require_free has checked it
    into.mkdir(parents=True)
    try:
        (into / _UNFINISHED).touch()
        put_together(tools.uv, tools.cache, into, Recipe(python, contents.pins, (contents,)), progress)
    except BaseException:  # Ctrl-C too: no partly built environment stays
        shutil.rmtree(into, ignore_errors=True)
        raise
    return built, edits


def _install_local(
    plan: Plan, recorded: RecordedEnvironment, into: Path, tools: Tools, progress: ProgressCallback
) -> list[str]:
    """Install packages from repositories of this machine. Not from the cache: they depend on their path."""
    try:
        return install_local(plan, recorded.patch, into, tools.uv, progress)
    except (Impossible, NoRoom):
        shutil.rmtree(into, ignore_errors=True)
        raise
    except ContextaError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise Impossible(as_missing(plan.versions, error)) from error


def _require_free(into: Path) -> None:
    if into.is_symlink() or (into.exists() and not into.is_dir()):
        raise InvalidInput(f"{into} exists and is not a directory", hint="name a new one")
    if into.is_dir() and any(into.iterdir()) and not (into / _UNFINISHED).exists():
        raise InvalidInput(f"{into} exists and is not empty", hint="name a new directory, or remove it")
