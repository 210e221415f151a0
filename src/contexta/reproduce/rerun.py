"""Rerun a recorded run in its rebuilt environment, and compare the metrics."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from contexta.analysis.reruns import outcome, rerun_metrics
from contexta.contract import LineageEdge
from contexta.core import settings
from contexta.core.errors import InvalidInput
from contexta.core.files.filelock import alone
from contexta.core.references import StableRef
from contexta.findings import Rebuild, Rerun, RunComparison, RunDetails
from contexta.findings.reproduction import RERUN_OF
from contexta.recorder.journal.writer import SUFFIX
from contexta.recorder.session import inherited
from contexta.recorder.wrapping.command import CommandRecorder
from contexta.reproduce.environments.progress import ProgressCallback
from contexta.reproduce.launch.commands import fixes, prepared
from contexta.reproduce.launch.confirmation import Confirmation, Intended, confirm
from contexta.reproduce.launch.observations import observations
from contexta.reproduce.launch.recorded_command import (
    command_of,
    in_environment,
    tolerance,
    variables,
    working_directory,
)
from contexta.reproduce.plan.checkouts import check_out, repository_of
from contexta.reproduce.rebuild import RebuildOptions, RecordedEnvironment, Tools, rebuild

DERIVED = "derived"
RERUN = "contexta rerun"
_PREFIX, _LOCK = "contexta-rerun-", "lock"
_NO_COUNTERPART = (
    "the run is one of several of its program, and none of the new ones corresponds to it: nothing is compared"
)
_FRESH = 2.0  # seconds for which a new directory may be unlocked


@dataclass(frozen=True)
class RerunOptions:
    """The options of a rerun. command: replaces the recorded one. checkout: run in a temporary clone with the recorded
    commit and changes. relative, absolute: tolerances, as in ``math.isclose``. metrics: compare only these. pattern:
    finds metrics in the output, and replaces the recorded one. options: of the rebuild.
    """

    command: Sequence[str] = ()
    checkout: bool = False
    relative: float = 0.0
    absolute: float = 0.0
    metrics: Sequence[str] = ()
    pattern: re.Pattern[str] | None = None
    options: RebuildOptions = field(default_factory=RebuildOptions)


class RerunRecords(Protocol):
    """The part of ``Contexta`` that a rerun uses."""

    root: Path

    def get_run(self, run: str) -> RunDetails: ...

    def compare_runs(self, left: str, right: str) -> RunComparison: ...

    def note_rerun(self, edge: LineageEdge, rebuilt: Rebuild) -> None: ...


def rerun(
    workspace: RerunRecords,
    recorded: RecordedEnvironment,
    how: RerunOptions,
    tools: Tools,
    journals: Path,
    progress: ProgressCallback,
) -> Rerun:
    """Rebuild the environment, run the command in it, compare. The command has this process's terminal and stdin.

    Raises InvalidInput when there is no command, or no directory to run it in; and what ``rebuild`` raises.
    """
    details = workspace.get_run(str(recorded.run_ref))
    command = list(how.command) or command_of(details.metadata, details.run_ref.value)
    limits = tolerance(how.relative, "relative"), tolerance(how.absolute, "absolute")
    with _temporary_directory() as folder, _working_directory(details, recorded, how, folder) as (directory, moved):
        environment = folder / "environment"
        rebuilt = rebuild(recorded, environment, how.options, tools, progress)
        base = {
            "run_ref": recorded.run_ref,
            "command": tuple(command),
            "directory": str(directory),
            "relative_tolerance": limits[0],
            "absolute_tolerance": limits[1],
            "environment": rebuilt,
        }
        if rebuilt.verdict == "impossible":
            return Rerun(**base, rerun_ref=None, verdict="impossible", exit_code=None)
        launched = prepared(command, directory)
        base["command"] = launched.command
        environ, notes = variables(recorded.snapshot, os.environ, environment, moved)
        environ[inherited.TRIAL] = str(folder / "reported")
        progress(f"running {Path(launched.command[0]).name}")
        wrapper = CommandRecorder(
            in_environment(launched.command, environment),
            str(journals),
            tools.objects,
            pattern=how.pattern or _pattern(details.metadata),
            environ=environ,
            directory=str(directory),
        )
        wrapper.begin(details.project_ref.value, f"{details.name[:200]}-rerun", {RERUN_OF: str(details.run_ref)})
        code = wrapper.run()
        observed = observations(_journals_of(wrapper.ref, journals), tools.objects, folder / "reported")
        where = confirm(_intended(recorded, rebuilt, environment, directory), observed)
    command_run = workspace.get_run(str(wrapper.ref))
    counterpart = _counterpart(workspace, details, command_run)
    new = counterpart or command_run
    workspace.note_rerun(_edge(new, recorded.run_ref), rebuilt)
    compared = workspace.compare_runs(str(recorded.run_ref), str(new.run_ref)) if counterpart is not None else None
    metrics = rerun_metrics(compared, *limits, how.metrics) if compared is not None else ()
    return Rerun(
        **base,
        rerun_ref=new.run_ref,
        verdict=outcome(metrics, code) if where.state != "no" else "unknown",
        exit_code=code,
        confirmed=where.state,
        confirmed_reason=where.reason,
        metrics=metrics,
        notes=(
            *launched.notes,
            *_about_environment(launched.command, where),
            *notes,
            *([] if counterpart is not None else [_NO_COUNTERPART]),
            *_notes(details, new, how, metrics),
        ),
    )


def _counterpart(workspace: RerunRecords, old: RunDetails, command_run: RunDetails) -> RunDetails | None:
    """The run of the repeated program that corresponds to the old one; None where that is unclear.

    A program may start several runs: the first is that of the command, the others are its parts. A pool of workers does
    not repeat their order, so the name decides, and then the number.
    """
    number = old.metadata.get("run_of_process", 1)
    if number == 1 and old.part_of is None:
        return command_run
    parts = [workspace.get_run(str(ref)) for ref in command_run.parts]
    named = [part for part in parts if part.name == old.name]
    numbered = [part for part in parts if part.metadata.get("run_of_process", 1) == number]
    for candidates in (named, [part for part in named if part in numbered] or numbered):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _journals_of(run: StableRef, journals: Path) -> list[Path]:
    """The journals of the processes of a run, ingested or not."""
    return [path for at in (journals, journals / settings.ENDED) for path in sorted(at.glob(f"{run.value}.*{SUFFIX}"))]


def _intended(recorded: RecordedEnvironment, rebuilt: Rebuild, environment: Path, directory: Path) -> Intended:
    """The rebuilt environment that the recorder must observe, without the packages that the rebuild reported."""
    deviating = {deviation.key for deviation in rebuilt.deviations}
    packages = {name: version for name, version in recorded.snapshot.packages.items() if name not in deviating}
    return Intended(
        prefix=str(environment),
        python=rebuilt.rebuilt_python or recorded.snapshot.python_version,
        packages=packages,
        places=(str(directory),),
    )


def _about_environment(command: Sequence[str], where: Confirmation) -> Iterator[str]:
    """A note if the command did not run in the rebuilt environment, or if that is unknown."""
    if where.state == "no":
        yield f"the command did not run in the rebuilt environment: {where.reason}"
        yield from fixes(command, where.location)
    if where.state == "outside":
        yield f"environment confirmed from outside only: {where.reason}"


@contextmanager
def _temporary_directory() -> Iterator[Path]:
    """A directory for one rerun. Directories of killed reruns, whose lock is free, are removed too."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            facts = (path / _LOCK).stat(follow_symlinks=False)
            if facts.st_uid != path.stat(follow_symlinks=False).st_uid or time.time() - facts.st_mtime < _FRESH:
                continue
            with alone(path / _LOCK) as is_abandoned:
                if is_abandoned:
                    shutil.rmtree(path, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as temporary,
        alone(Path(temporary, _LOCK)),
    ):
        yield Path(temporary).resolve()


def _edge(new: RunDetails, old: StableRef) -> LineageEdge:
    return LineageEdge(
        relation_ref=new.run_ref.child("relation", "rerun-of"),
        relation_type=DERIVED,
        source_ref=new.run_ref,
        target_ref=old,
        recorded_at=new.started_at,
        origin_marker=RERUN,
        confidence_marker="certain",
    )


@contextmanager
def _working_directory(
    details: RunDetails, recorded: RecordedEnvironment, how: RerunOptions, temporary: Path
) -> Iterator[tuple[Path, tuple[str, str] | None]]:
    """The directory to run the command in, and (from, to) of the source if that is a clone."""
    if not how.checkout:
        yield working_directory(details.metadata) or Path.cwd(), None
        return
    root, commit = recorded.source.get("root"), recorded.source.get("commit")
    if not isinstance(root, str) or not isinstance(commit, str):
        raise InvalidInput("the commit of this run was not recorded", hint="start the next run in a git repository")
    if recorded.source.get("patch_applies") is False:
        raise InvalidInput(
            "the recorded changes do not apply, because secrets were removed from them",
            hint="rerun without --checkout, with the source as it is now",
        )
    clone = temporary / Path(root).name
    check_out(repository_of(root), commit, recorded.patch, clone)
    yield clone / str(recorded.source.get("directory", ".")), (root, str(clone))
    shutil.rmtree(clone, ignore_errors=True)


def _pattern(metadata: Mapping[str, Any]) -> re.Pattern[str] | None:
    pattern = metadata.get("metrics_from_stdout")
    return re.compile(pattern) if isinstance(pattern, str) else None


def _notes(old: RunDetails, new: RunDetails, how: RerunOptions, metrics: Sequence[object]) -> Iterator[str]:
    recorded, current = old.metadata.get("source"), new.metadata.get("source")
    if isinstance(recorded, Mapping) and isinstance(current, Mapping) and not how.checkout:
        if recorded.get("commit") != current.get("commit"):
            yield (
                f"the source is at commit {str(current.get('commit'))[:12]}, the recorded run was at "
                f"{str(recorded.get('commit'))[:12]}: --checkout runs the recorded one"
            )
        elif recorded.get("patch") != current.get("patch"):
            yield "the source has other uncommitted changes than the recorded run: --checkout applies the recorded ones"
    elif not how.checkout and not (isinstance(recorded, Mapping) and recorded.get("commit")):
        yield "the commit of the source was not recorded: whether it is the same is unknown"
    if not metrics:
        yield "the recorded run has no metric to compare"
