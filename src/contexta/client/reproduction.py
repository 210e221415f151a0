"""Rebuild, lock and reconstruct environments, and prune their cache. Each function is a method of ``Contexta``."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from contexta.client.reading.workspace import Workspace
from contexta.core.errors import ContextaError, InvalidInput, shown
from contexta.core.validation import from_microseconds, seconds_in

if TYPE_CHECKING:
    from contexta.contract import LineageEdge
    from contexta.core.references import StableRef
    from contexta.findings import CacheContents, CacheEntry, KeptWheels, Lock, LockFormat, Rebuild, Reconstruction
    from contexta.reproduce.environments.cache import CacheRecord
    from contexta.reproduce.environments.progress import ProgressCallback
    from contexta.reproduce.rebuild import RebuildOptions, RecordedEnvironment
    from contexta.reproduce.uv.commands import Uv

_FIRST_RUN = "this-month"  # the suggested name of a run to compare with
_MOST_SEARCHED = 100  # runs


def rebuild_environment(
    workspace: Workspace,
    run: str,
    into: str | os.PathLike[str],
    *,
    options: RebuildOptions | None = None,
    uv: Uv | None = None,
    progress: ProgressCallback | None = None,
) -> Rebuild:
    """Build the environment of a run in a new directory, compare it with the recorded one, and store the verdict.

    options: the options of ``contexta rebuild``. progress: receives the progress.
    Raises NotFound without an environment, InvalidInput for a directory in use, UvMissing.
    """
    from contexta.reproduce.lock.kept_wheels import with_kept_wheels
    from contexta.reproduce.recorded_environment import rebuild_and_note

    uv = with_kept_wheels(uv, workspace.root)
    recorded = to_rebuild(workspace, run)
    objects = workspace._opened().objects
    return rebuild_and_note(workspace.record_store, objects, recorded, Path(into), options, uv, progress)


def lock_environment(
    workspace: Workspace,
    run: str,
    format: LockFormat = "pylock",
    *,
    options: RebuildOptions | None = None,
    uv: Uv | None = None,
) -> Lock:
    """The environment of a run as a lock file, with the packages that it cannot contain. Queries the index."""
    from contexta.reproduce.lock.lock import lock
    from contexta.reproduce.rebuild import RebuildOptions
    from contexta.reproduce.uv.commands import find_uv

    return lock(to_rebuild(workspace, run), format, options or RebuildOptions(), uv or find_uv())


def keep_wheels(
    workspace: Workspace,
    run: str,
    into: str | os.PathLike[str] | None = None,
    *,
    options: RebuildOptions | None = None,
    uv: Uv | None = None,
    progress: ProgressCallback | None = None,
) -> KeptWheels:
    """Download the exact wheels of a run, by hash. ``rebuild`` and ``bisect`` use those of the workspace first.

    into: a directory; by default ``wheels`` in the workspace. Raises IndexUnreachable when no index answers.
    """
    from contexta.reproduce.environments.progress import no_progress
    from contexta.reproduce.lock.kept_wheels import WHEELS, keep_wheels
    from contexta.reproduce.rebuild import RebuildOptions
    from contexta.reproduce.uv.commands import find_uv

    directory = workspace.root / WHEELS if into is None else Path(into)
    how = options or RebuildOptions()
    return keep_wheels(to_rebuild(workspace, run), how, uv or find_uv(), directory, progress or no_progress)


def to_rebuild(workspace: Workspace, run: str) -> RecordedEnvironment:
    """The record that a rebuild starts from: the environment, and the source with its uncommitted changes.

    Raises NotFound for a run without an environment, DamagedData if the changes cannot be read.
    """
    from contexta.reproduce.recorded_environment import recorded_of

    with workspace._reading() as connection:
        return recorded_of(connection, workspace._opened().objects, *workspace._find(connection, run))


def note_rerun(workspace: Workspace, edge: LineageEdge, rebuilt: Rebuild) -> None:
    """Store the link from a rerun to its original, and the verdict of the rebuilt environment."""
    from contexta.reproduce.recorded_environment import event_of

    workspace.metadata_store.relations.put_lineage_edge(edge)
    workspace.record_store.append(event_of(rebuilt))


def reconstruct(
    workspace: Workspace,
    at: str | os.PathLike[str],
    *paths: str | os.PathLike[str],
    python: str | None = None,
    name: str | None = None,
    env: str | os.PathLike[str] | None = None,
    project: str | None = None,
    shell_history: bool = False,
    expect: Mapping[str, float] | None = None,
    uv: Uv | None = None,
    progress: ProgressCallback | None = None,
) -> Reconstruction:
    """The environment at a point in time, from traces and the package index, stored as a run that is marked so.

    at: a date, a date with a time, a commit or tag, or a file whose modification time is the moment. paths: directories
    to search instead of the current one, and files, which count whatever their date is. python: a version that you are
    sure about. name: of the run. env: a virtual environment that may be older than the moment.
    expect: metric -> the value that you remember; ``bisect`` compares the reruns of OLD with it.
    Raises InvalidInput if no trace was found, or if a recorded run has the name.
    """
    from contexta.reconstruct.search.past_environment import ReconstructOptions, reconstruct
    from contexta.reconstruct.search.stored_run import store_run
    from contexta.reproduce.environments.progress import no_progress
    from contexta.reproduce.uv.commands import find_uv

    options = ReconstructOptions(python, None if env is None else Path(env), paths, shell_history)
    remembered = {metric: _finite(metric, value) for metric, value in (expect or {}).items()}
    finding = reconstruct(os.fspath(at), options, uv or find_uv(), progress or no_progress)
    finding = finding.model_copy(update={"expect": remembered})
    stored = store_run(workspace, finding, project or workspace.config.project_name, name)
    return stored.model_copy(update={"next": tuple(_next_commands(workspace, stored.run_ref))})


def _finite(metric: str, value: float) -> float:
    if not metric.strip() or not math.isfinite(value):
        raise InvalidInput(
            f"no metric can be expected to be {value:g}: {shown(metric)}", hint="write it as --expect accuracy=0.91"
        )
    return float(value)


def _next_commands(workspace: Workspace, run: StableRef | None) -> Iterator[str]:
    """Commands that compare a reconstructed run with a recorded one. They record one first if there is none."""
    from contexta.store.read.history import unambiguous_names

    if run is None:
        return
    other, option = _latest_recorded(workspace, run.components[0]), workspace._option()
    with workspace._reading() as connection:
        names = unambiguous_names(connection, [run] if other is None else [run, other])
    if other is None:
        yield shlex.join(["contexta", "run", "--name", _FIRST_RUN, *option, "--", "python", "train.py"])
    for command in ("diff", "bisect"):
        right = _FIRST_RUN if other is None else names[other]
        yield shlex.join(["contexta", command, names[run], right, *option])


def _latest_recorded(workspace: Workspace, project: str) -> StableRef | None:
    """The latest run with an environment that was recorded, in this project, else in any; None if there is none."""
    from contexta.client.reading.queries import list_runs
    from contexta.findings.reproduction import RECONSTRUCTED

    for place in (project, None):
        for run in list_runs(workspace, place, limit=_MOST_SEARCHED):
            if RECONSTRUCTED not in run.metadata and _has_environment(workspace, run.run_ref):
                return run.run_ref
    return None


def _has_environment(workspace: Workspace, run: StableRef) -> bool:
    """Whether the environment of a run was recorded, and can be read."""
    from contexta.client.reading.queries import get_environment

    try:
        get_environment(workspace, run)
    except ContextaError:
        return False
    return True


# ---------------------------------------------------------------------------------------------- cache


def cached_environments() -> CacheContents:
    """The environments that rebuilds and trials left in the user's cache, and the limit of the cache."""
    return _cache_contents()


def prune_cache(
    *, older_than: str | timedelta | None = None, max_gigabytes: float | None = None, everything: bool = False
) -> CacheContents:
    """Delete environments from the cache, the least recently used first. An environment in use stays.

    older_than: those that were not used for this long, as in ``30d``. max_gigabytes: until the others are smaller.
    everything: all of them. Without any of these: until they are below the limit of the cache.
    """
    from contexta.reproduce.environments.cache import find_cache

    seconds = older_than.total_seconds() if isinstance(older_than, timedelta) else None
    if isinstance(older_than, str):
        seconds = seconds_in(older_than, needs_unit=True)
    if max_gigabytes is not None and not 0 <= max_gigabytes < 1e9:
        raise InvalidInput(f"max_gigabytes {shown(max_gigabytes)} is not a size", hint="give gigabytes, e.g. 20")
    cache = find_cache()
    records = cache.entries()
    total = sum(record.size for record in records)
    limit: float = total
    if max_gigabytes is not None:
        limit = max_gigabytes * 1e9
    elif seconds is None:
        limit = cache.limit_for(total)[0]
    removed, in_use = [], []
    for record in records:
        is_old = seconds is not None and time.time() - record.used_at > seconds
        if everything or is_old or total > limit:
            if cache.remove(record):
                removed.append(record)
                total -= record.size
            else:
                in_use.append(record)
    return _cache_contents(removed, in_use)


def _cache_contents(removed: Sequence[CacheRecord] = (), in_use: Sequence[CacheRecord] = ()) -> CacheContents:
    from contexta.findings import CacheContents
    from contexta.reproduce.environments.cache import existing, find_cache

    cache = find_cache()
    records = cache.entries()
    size = sum(record.size for record in records)
    limit, reason = cache.limit_for(size)
    return CacheContents(
        path=cache.folder,
        size_bytes=size,
        limit_bytes=limit,
        limit_reason=reason,
        free_bytes=shutil.disk_usage(existing(cache.folder)).free,
        environments=tuple(map(_cache_entry, reversed(records))),
        removed=tuple(map(_cache_entry, removed)),
        kept=tuple(map(_cache_entry, in_use)),
    )


def _cache_entry(record: CacheRecord) -> CacheEntry:
    from contexta.contract.fields import frozen
    from contexta.findings import CacheEntry
    from contexta.reproduce.environments.cache_users import is_in_use

    return CacheEntry(
        key=record.folder.name,
        size_bytes=record.size,
        last_used_at=from_microseconds(int(record.used_at * 1e6)),
        python_version=record.python,
        packages=frozen(record.packages),
        in_use=is_in_use(record.folder),
    )
