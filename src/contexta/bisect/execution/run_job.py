"""Run a job on this machine: link its environment from the cache, run the trial, remove the environment."""

from __future__ import annotations

import os
import platform
import shlex
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from contexta.bisect.execution.isolation.recorder_entry import install_entry
from contexta.bisect.execution.isolation.sandbox import Revision, own_place
from contexta.bisect.execution.isolation.source_files import fingerprint, repository
from contexta.bisect.execution.trial import TrialEnvironment, run_trial
from contexta.bisect.execution.trial_job import TrialJob, TrialResult
from contexta.core.errors import ContextaError, InvalidInput
from contexta.reproduce.environments.builder import Built, EnvironmentChanged
from contexta.reproduce.environments.cache import find_cache
from contexta.reproduce.environments.installed_packages import site_packages
from contexta.reproduce.environments.linker import Recipe, edited_file, put_together
from contexta.reproduce.launch.confirmation import Intended, differing_packages, fixed_commits
from contexta.reproduce.plan.checkouts import repository_of, require_commit
from contexta.reproduce.uv.commands import Uv, find_uv
from contexta.reproduce.uv.error_messages import UvError
from contexta.reproduce.uv.interpreters import Interpreter
from contexta.reproduce.uv.urls import directory_line, is_address


def run_job(job: TrialJob, stop: threading.Event | None = None) -> TrialResult:
    """Link the environment, run the trial in it, and remove everything but its run.

    Raises Stopped when ``stop`` was set meanwhile, EnvironmentChanged when the trial edited installed files in place,
    ContextaError when this machine lacks something, which says nothing about the mix.
    """
    began = time.monotonic()
    uv, cache = find_uv(offline=job.offline, settings=job.index), find_cache()
    recipe = replace(_recipe(job), python=_python_here(uv, _recipe(job).python.path, _recipe(job).python.version))
    _require_source(job)
    with own_place(cache.links) as room, own_place(Path(tempfile.gettempdir())) as scratch:
        at = room / "environment"
        parts = put_together(uv, cache, at, recipe)
        install_entry(site_packages(at))
        intended = _intended(job, at, parts)
        environment = TrialEnvironment(
            path=str(at),
            scratch=str(scratch),
            intended=intended,
            caches=(cache.folder, Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv")),
            check=lambda: _altered(uv, intended, at, parts),
            install=lambda place: _install_source(uv, at, job.revision, place),
        )
        about = {**job.about, "assembled": round(time.monotonic() - began, 3)}
        return run_trial(replace(job, about=about), environment, stop)


def why_not_ready(job: TrialJob) -> str | None:
    """Why this machine cannot run such jobs; None when it can."""
    try:
        uv = find_uv(offline=job.offline, settings=job.index)
        _python_here(uv, _recipe(job).python.path, _recipe(job).python.version)
        _require_source(job)
    except ContextaError as error:
        return f"{error.what} ({error.hint})" if error.hint else error.what
    return None


def _recipe(job: TrialJob) -> Recipe:
    assert job.recipe is not None  # a job without one runs in an environment that exists
    return job.recipe


def _install_source(uv: Uv, environment: Path, revision: Revision | None, place: Path) -> str | None:
    """Replace the packages of the current source by those of a revision. Returns the reason if they do not build."""
    top = repository(place)
    if revision is None or not revision.packages or top is None:
        return None
    lines = [directory_line(name, str(top / inner)) for name, inner in revision.packages]
    try:
        uv.install_linked(environment, lines)
    except UvError as error:
        return f"{revision} does not install: {error.what[:300]}"
    return None


def _require_source(job: TrialJob) -> None:
    folder = Path(job.command.folder)
    if not folder.is_dir():
        raise InvalidInput(
            f"{platform.node()} has no directory {folder}", hint="put the source there, at the same path"
        )
    if job.revision is not None:
        require_commit(repository_of(str(folder)), job.revision.commit)
    source = job.source
    if source is not None and fingerprint(folder, source.files) != source.digest:
        raise InvalidInput(
            f"{folder} on {platform.node()} differs from the source that the study began with",
            hint="bring it up to date there",
        )


def _intended(job: TrialJob, at: Path, parts: Mapping[str, Built]) -> Intended:
    """The environment that the recorder must observe in the trial: the intended pins, and none of the other
    endpoint."""
    pins = _recipe(job).pins
    everything = {name for source in _recipe(job).sources for name in source.pins}
    return Intended(
        prefix=str(at),
        python=_recipe(job).python.version,
        packages={name: parts[name].packages[name].version if is_address(pin) else pin for name, pin in pins.items()},
        places=(job.command.folder,),
        commits=fixed_commits(pins),
        modules={module: name for name in pins for module in parts[name].packages[name].modules},
        absent=frozenset(everything - pins.keys() - _recipe(job).fixed),
    )


def _altered(uv: Uv, intended: Intended | None, at: Path, parts: Mapping[str, Built]) -> str | None:
    """How an environment differs from what was installed; None without a difference. Raises EnvironmentChanged if files
    that environments share were edited."""
    edited = edited_file(at, parts)
    if edited is not None:
        raise EnvironmentChanged(
            f"{edited} was changed in place by the command",
            hint="environments share their files: have the command change a copy; the study can be resumed then",
        )
    return None if intended is None else differing_packages(intended, uv.installed(at))


@lru_cache(maxsize=16)
def _python_here(uv: Uv, path: str, version: str) -> Interpreter:
    """The interpreter of this machine: at the same path, else any of the same version."""
    for request in (path, version):
        try:
            interpreter = uv.interpreter(request)
        except InvalidInput:
            continue
        if interpreter.version == version:
            return interpreter
    raise InvalidInput(
        f"{platform.node()} has no Python {version}",
        hint=f"`{shlex.join(['uv', 'python', 'install', version])}` gets it there",
    )
