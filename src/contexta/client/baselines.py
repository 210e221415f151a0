"""Baselines of ``check_run``: a run of the workspace, an exported file, a run of a backup or of another workspace."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple
from zipfile import is_zipfile

from contexta.client.reading.workspace import Workspace
from contexta.core.errors import ContextaError, InvalidInput, NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from contexta.contract import EnvironmentSnapshot
    from contexta.findings.checks import Baseline
    from contexta.findings.past_runs import PastRun

_TAG = "baseline"


class BaselineRun(NamedTuple):
    """A run to compare with."""

    run: PastRun
    snapshot: EnvironmentSnapshot | None
    others: Sequence[PastRun]
    """Runs of its project, which may be repeats of it; empty if they are in the workspace of the checked run."""
    key: int | None = None
    """Its key in the workspace of the checked run; None for a baseline from elsewhere."""
    is_file: bool = False
    """Whether it is an exported file, which holds packages and no other facts of the environment."""


def export_baseline(workspace: Workspace, run: str, path: str | os.PathLike[str]) -> Baseline:
    """Write the metrics and the environment of a run to a small file to commit, for ``check_run(against=...)``.

    Replaces an older baseline. Raises InvalidInput if the file exists and is something else.
    """
    from contexta.contract.fields import FrozenDict
    from contexta.core.files import atomic_files
    from contexta.findings.checks import Baseline, BaselineMetric
    from contexta.store.read.history import past_runs

    file = Path(path)
    if file.exists() and _read(file) is None:
        raise InvalidInput(f"{file} already exists and is no baseline", hint="name a new file, or remove it")
    with workspace._reading() as connection:
        (past,) = past_runs(connection, [workspace._find(connection, run)[0]])
    environment = past.environment
    metrics = tuple(
        BaselineMetric(stage_name=stage, metric_key=key, value=value)
        for (stage, key), value in sorted(past.metrics.items())
    )
    baseline = Baseline(
        run_ref=past.ref,
        status=past.status,
        started_at=past.started_at,
        metrics=metrics,
        environment_digest=environment and environment.digest,
        python_version=environment and environment.python_version,
        platform=environment and environment.platform,
        packages=FrozenDict(sorted(environment.packages.items()) if environment else ()),
    )
    atomic_files.write(file, f"{baseline.model_dump_json(indent=2)}\n".encode())
    return baseline


def find_baseline(
    workspace: Workspace,
    connection: Connection,
    against: str | None,
    place: str | os.PathLike[str] | None,
    project: str,
) -> BaselineRun:
    """The baseline that these arguments name.

    against: a run, or a path of a baseline file, a backup or a workspace. place: the backup or workspace that has the
    run. project: of the checked run. Without a run, the latest run of that project with the tag ``baseline``.
    """
    if place is None and against is not None and (path := _path(against)) is not None:
        exported = _read(path)
        if exported is not None:
            return _of_file(exported)
        against, place = None, path
    if place is None:
        from contexta.store.read.history import past_runs

        assert against is not None
        key, _ = workspace._find(connection, against)
        (run,) = past_runs(connection, [key])
        return BaselineRun(run, workspace._snapshot(connection, key), (), key=key)
    if Path(place).is_dir():
        return _of_workspace(Path(place), against, project)
    if not is_zipfile(place):
        raise InvalidInput(
            f"{place} is no baseline, backup or workspace",
            hint="`contexta export --baseline FILE RUN` writes a baseline, and `contexta backup FILE.zip` a backup",
        )
    from contexta.client.maintenance import restore

    with TemporaryDirectory(prefix="contexta-baseline-") as folder:
        restore(place, Path(folder, "workspace"))
        return _of_workspace(Path(folder, "workspace"), against, project)


def _path(against: str) -> Path | None:
    """The existing path that an argument names; None for a run. A name without a separator may be both."""
    if not isinstance(against, (str, os.PathLike)):
        return None
    path = Path(against)
    is_typed_as_path = path.suffix in (".json", ".zip") or os.sep in str(against) or str(against).startswith(".")
    if path.is_file() and (is_typed_as_path or is_zipfile(path) or _is_marked(path)):
        return path
    if path.is_dir() and (is_typed_as_path or (path / "contexta.db").is_file()):
        return path
    if is_typed_as_path:
        raise NotFound(
            f"there is no file {against}",
            hint="`contexta export --baseline FILE RUN` writes a baseline",
        )
    return None


def _read(path: Path) -> Baseline | None:
    """The baseline in a file; None if the file holds something else. Raises InvalidInput for a damaged baseline."""
    from contexta.findings.checks import Baseline

    if not path.is_file() or is_zipfile(path) or not _is_marked(path):
        return None
    try:
        return Baseline.model_validate_json(path.read_bytes())
    except (ContextaError, ValueError) as error:
        what = getattr(error, "what", None) or str(error).splitlines()[0]
        hint = "write it again: contexta export --baseline FILE RUN"
        raise InvalidInput(f"the baseline {path} cannot be read: {what}", hint=hint) from error


def _is_marked(path: Path) -> bool:
    """Whether a file begins as a baseline does."""
    from contexta.findings.checks import BASELINE_MARK

    with path.open("rb") as file:
        return BASELINE_MARK in file.read(200)


def _of_file(exported: Baseline) -> BaselineRun:
    from contexta.contract import EnvironmentSnapshot
    from contexta.core.references import StableRef
    from contexta.findings.past_runs import PastEnvironment, PastRun

    environment = snapshot = None
    if exported.environment_digest is not None:
        python, platform = exported.python_version or "", exported.platform or ""
        environment = PastEnvironment(exported.environment_digest, python, platform, exported.packages)
        snapshot = EnvironmentSnapshot(
            environment_snapshot_ref=StableRef("environment", f"{exported.run_ref.value}.baseline"),
            run_ref=exported.run_ref,
            captured_at=exported.started_at,
            python_version=python,
            platform=platform,
            packages=exported.packages,
        )
    metrics = {(metric.stage_name, metric.metric_key): metric.value for metric in exported.metrics}
    run = PastRun(
        ref=exported.run_ref,
        status=exported.status,
        started_at=str(exported.started_at),
        seconds=None,
        environment=environment,
        metrics=metrics,
    )
    return BaselineRun(run, snapshot, (run,), is_file=True)


def _of_workspace(root: Path, against: str | None, project: str) -> BaselineRun:
    from contexta.client.reading.queries import list_runs
    from contexta.store.backends.engine import exists
    from contexta.store.read.history import past_runs, project_runs

    root = root / ".contexta" if exists(root / ".contexta") else root
    if not exists(root):
        raise NotFound(f"there is no workspace at {root}", hint="name the directory that contains contexta.db")
    other = Workspace(root)
    try:
        if against is None:
            tagged = list_runs(other, project, tags=_TAG, limit=1)
            if not tagged:
                raise NotFound(
                    f"no run of {project} in {root} has the tag {_TAG}",
                    hint=f"name the run: --against RUN --from PATH; or tag one there: contexta tag RUN {_TAG}",
                )
            against = str(tagged[0].run_ref)
        with other._reading() as connection:
            key, _ = other._find(connection, against)
            (run,) = past_runs(connection, [key])
            return BaselineRun(run, other._snapshot(connection, key), project_runs(connection, key))
    finally:
        other.close()
