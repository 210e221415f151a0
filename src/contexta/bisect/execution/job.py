"""A trial as it is sent to where it runs, on this machine or another: what to install, what to run, what to tell.

It is picklable and needs nothing of the study's machine but the source at the same path. The environment is put
together there, from the cache of each machine, and nothing of a trial stays behind.
"""

from __future__ import annotations

import os
import platform
import shlex
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from contexta.bisect.execution.parameter_changes import Setting
from contexta.bisect.execution.sandbox import Revision, own_place
from contexta.bisect.execution.source_files import Source, fingerprint, repository
from contexta.bisect.execution.trial import Command, Order, Report, run_trial, thread_counts
from contexta.core import settings
from contexta.core.errors import ContextaError, InvalidInput
from contexta.core.files import atomic_files
from contexta.recorder.journal.writer import SUFFIX
from contexta.reproduce.environments.builder import Built, EnvironmentChanged
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.linker import Recipe, edited_file, put_together
from contexta.reproduce.launch.confirmation import Intended, differing_packages, fixed_commits
from contexta.reproduce.plan.checkouts import repository_of, require_commit
from contexta.reproduce.uv.commands import Uv, find_uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.urls import directory_line, is_address


class WorkerLost(Exception):
    """What an executor raises for an errand that nobody came back from, however often it was tried."""


@dataclass(frozen=True)
class Errand:
    """workspace: where the trial's run is kept. source: what is to be run, None to take what is there; with a revision
    what is beside that. parameters: what the command was told, see ``Order``.
    changing: the variables that are not the same in all mixes.
    offline, index: how uv finds packages. about: what the run says of its place in the study.
    timeout: seconds. neighbours: trials at a time on this machine. threads: ``thread_counts`` of the study.
    """

    command: Command
    recipe: Recipe
    seed: int
    variables: Mapping[str, str | None]
    about: Mapping[str, object]
    workspace: str
    timeout: float
    neighbours: int = 1
    threads: Mapping[str, str] = field(default_factory=thread_counts)
    source: Source | None = None
    revision: Revision | None = None
    parameters: Mapping[str, Setting] = field(default_factory=dict)
    offline: bool = False
    index: tuple[tuple[str, str], ...] = ()
    changing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Returned:
    """What comes back from another machine: the report, and the files of its run, by their path in a workspace."""

    report: Report
    files: Mapping[str, bytes]


def carry_out(errand: Errand, stop: threading.Event | None = None) -> Report:
    """Put the environment together, run the trial in it, and remove everything but its run.

    Raises Stopped when ``stop`` was set meanwhile, EnvironmentChanged when the trial edited installed files in place,
    ContextaError when this machine lacks what it takes: that says nothing about the mix.
    """
    began = time.monotonic()
    uv, cache = find_uv(offline=errand.offline, settings=errand.index), find_cache()
    python = _python_here(uv, errand.recipe.python.path, errand.recipe.python.version)
    _require_source(errand)
    with own_place(cache.links) as room, own_place(Path(tempfile.gettempdir())) as scratch:
        at = room / "environment"
        parts = put_together(uv, cache, at, replace(errand.recipe, python=python))
        about = {**errand.about, "assembled": round(time.monotonic() - began, 3)}
        order = Order(
            command=errand.command,
            environment=str(at),
            seed=errand.seed,
            variables=errand.variables,
            workspace=errand.workspace,
            scratch=str(scratch),
            about=about,
            timeout=errand.timeout,
            threads=errand.threads,
            neighbours=errand.neighbours,
            revision=errand.revision,
            parameters=errand.parameters,
            intended=_intended(errand, at, parts),
            changing=errand.changing,
            caches=(cache.folder, Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv")),
        )
        return run_trial(
            order,
            stop,
            lambda: _altered(uv, order.intended, at, parts),
            lambda place: _install_own(uv, at, errand.revision, place),
        )


def carry_out_elsewhere(errand: Errand, stop: threading.Event | None = None) -> Returned:
    """The same where the study's workspace is not: the run comes back as files. Raises as ``carry_out``."""
    with tempfile.TemporaryDirectory(prefix="contexta-away-") as workspace:
        report = carry_out(replace(errand, workspace=workspace), stop)
        return Returned(report, dict(_files_of_run(Path(workspace))))


def unpack(returned: Returned, workspace: Path) -> Report:
    """Put a run that came back into the workspace; its first journal last, as from then on it is there."""
    first = f"{settings.JOURNALS}/{returned.report.run}{SUFFIX}"
    for name in sorted(returned.files, key=lambda name: (name == first, name.startswith(settings.JOURNALS))):
        target = workspace / name
        if target.resolve().is_relative_to(workspace.resolve()) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            atomic_files.write(target, returned.files[name])
    return returned.report


def machine_is_ready(errand: Errand) -> str | None:
    """Why this machine cannot run such trials; None when it can."""
    try:
        uv = find_uv(offline=errand.offline, settings=errand.index)
        _python_here(uv, errand.recipe.python.path, errand.recipe.python.version)
        _require_source(errand)
    except ContextaError as error:
        return f"{error.what} ({error.hint})" if error.hint else error.what
    return None


def _files_of_run(workspace: Path) -> Iterator[tuple[str, bytes]]:
    for room in (settings.OBJECTS, settings.JOURNALS):
        for path in sorted((workspace / room).rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(workspace).as_posix(), path.read_bytes()


def _install_own(uv: Uv, environment: Path, revision: Revision | None, place: Path) -> str | None:
    """Put the packages of a revision in place of those of the current source; why not, where they do not build."""
    top = repository(place)
    if revision is None or not revision.packages or top is None:
        return None
    lines = [directory_line(name, str(top / inner)) for name, inner in revision.packages]
    try:
        uv.install_linked(environment, lines)
    except UvError as error:
        return f"{revision} does not install: {error.what[:300]}"
    return None


def _require_source(errand: Errand) -> None:
    folder = Path(errand.command.folder)
    if not folder.is_dir():
        raise InvalidInput(
            f"{platform.node()} has no directory {folder}", hint="put the source there, at the same path"
        )
    if errand.revision is not None:
        require_commit(repository_of(str(folder)), errand.revision.commit)
    source = errand.source
    if source is not None and fingerprint(folder, source.files) != source.digest:
        raise InvalidInput(
            f"{folder} on {platform.node()} is not what the study began with", hint="bring it up to date there"
        )


def _intended(errand: Errand, at: Path, parts: Mapping[str, Built]) -> Intended:
    """What the recorder has to see in the trial: the pins as they were put together, and nothing of the other end."""
    pins = errand.recipe.pins
    everything = {name for source in errand.recipe.sources for name in source.pins}
    return Intended(
        prefix=str(at),
        python=errand.recipe.python.version,
        packages={name: parts[name].packages[name].version if is_address(pin) else pin for name, pin in pins.items()},
        places=(errand.command.folder,),
        commits=fixed_commits(pins),
        modules={module: name for name in pins for module in parts[name].packages[name].modules},
        absent=frozenset(everything - pins.keys() - errand.recipe.fixed),
    )


def _altered(uv: Uv, intended: Intended | None, at: Path, parts: Mapping[str, Built]) -> str | None:
    """In what an environment is not what it was put together as any more; None where in nothing.

    Raises EnvironmentChanged where files that environments share were edited."""
    edited = edited_file(at, parts)
    if edited is not None:
        raise EnvironmentChanged(
            f"{edited} was changed in place by what ran",
            hint="environments share their files: have the command change a copy; the study can be resumed then",
        )
    return None if intended is None else differing_packages(intended, uv.installed(at))


@lru_cache(maxsize=16)
def _python_here(uv: Uv, path: str, version: str) -> Interpreter:
    """The interpreter of this machine: at the path it has on the study's, else any of the same version."""
    for request in (path, version):
        try:
            found = uv.interpreter(request)
        except InvalidInput:
            continue
        if found.version == version:
            return found
    raise InvalidInput(
        f"{platform.node()} has no Python {version}",
        hint=f"`{shlex.join(['uv', 'python', 'install', version])}` gets it there",
    )


__all__ = [
    "Errand",
    "Returned",
    "WorkerLost",
    "carry_out",
    "carry_out_elsewhere",
    "machine_is_ready",
    "unpack",
]
