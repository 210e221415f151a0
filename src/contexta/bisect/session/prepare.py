"""Prepare a study from a request: read both sides, choose the metric, and check the request."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from contexta.analysis.commands.training_commands import seed_option
from contexta.analysis.why.suspects import prior
from contexta.bisect.execution.isolation.source_files import too_large_to_copy
from contexta.bisect.execution.seed_use import note_on_seed, passes_seed
from contexta.bisect.execution.trial_job import Command
from contexta.bisect.inference.proof import Strength
from contexta.bisect.inputs.both_sides import BothSides, Install, both_sides
from contexta.bisect.inputs.completion.completeness import AS_PINNED, CHECK, RESOLVE
from contexta.bisect.inputs.included import Include, held, include_of, included, not_included
from contexta.bisect.inputs.judgement import Choice, Judgement, judgement, threshold_of
from contexta.bisect.inputs.named_changes import with_axes
from contexta.bisect.inputs.request import BisectRequest, split_words, swapped_call
from contexta.bisect.inputs.sides.kinds import side_of
from contexta.bisect.inputs.sides.side import Records, Side, read_text
from contexta.bisect.option_names import option, usage
from contexta.bisect.reporting.advice import Here
from contexta.bisect.reporting.expectation import expected_value
from contexta.bisect.search.problem import Settings
from contexta.bisect.session.setup import Setup, identity
from contexta.bisect.space.changes import BOTH, SOURCE, changes_between
from contexta.contract.environment import normal_name
from contexta.core.errors import InvalidInput
from contexta.findings.bisect import ExpectedValue
from contexta.reproduce.launch.commands import Prepared, prepared
from contexta.reproduce.launch.recorded_command import command_of, working_directory
from contexta.reproduce.lock.kept_wheels import with_kept_wheels
from contexta.reproduce.uv.commands import Uv, find_uv


@dataclass(frozen=True)
class PreparedStudy:
    """A study that is ready to run, and further facts for its report."""

    setup: Setup
    uv: Uv
    labels: tuple[str, ...]
    """OLD and NEW, described in words."""
    notes: tuple[str, ...]
    here: Here
    recorded: tuple[float | None, float | None]
    """Last value of the metric in the recorded runs of OLD and NEW."""
    expected: ExpectedValue | None = None
    """What OLD is expected to give."""
    choice: Choice | None = None
    command_given: tuple[str, ...] | None = None
    """The command with its launchers, if they were removed."""
    dates: Mapping[str, str] = field(default_factory=dict)
    """Fields of the request that repeat the resolution of requirements without an exact version."""


def studies_of(records: Records) -> Path:
    """The directory of all studies, which is also the workspace of their trials."""
    return records.root / "bisect"


def prepare(
    request: BisectRequest,
    records: Records,
    workspace: str | None,
    *,
    resumes: bool = False,
    plans: bool = False,
    choice: Choice | None = None,
) -> PreparedStudy:
    """workspace: as the user named it. plans: nothing will be rerun. choice: of the study that is resumed.

    Raises InvalidInput or NotFound.
    """
    _require(request)
    here = Path.cwd()
    include = include_of(",".join(request.include) or None, request.param_arg)
    large = None if request.in_place else too_large_to_copy(here)
    if SOURCE in include.kinds:
        _require_copies(request, large)
    threshold_of(request)  # contradictions before anything is read
    sides = {"old": side_of(request.old or "", records), "new": side_of(request.new or "", records)}
    request, source_of_command = _with_command(request, sides, plans=plans)
    request, source_of_seed = _with_seed_argument(request, sides)
    swapped = request.swapped().command_line(workspace)
    judged = judgement(request, sides, records, swapped_call(request, workspace), resumes=resumes, choice=choice)
    launched = prepared(request.command, here) if request.command else Prepared(())
    judge = prepared(split_words(option("judge"), request.judge), here) if request.judge is not None else None
    command = _command(request, judged, launched, judge, in_place=request.in_place or large is not None)
    uv = with_kept_wheels(find_uv(offline=request.offline), records.root)
    both = both_sides(sides, _pythons(request), _variables(request), uv, _install(request))
    both = included(both, include, sides, command.argv, records)
    both = with_axes(both, request.axis, command.argv)
    setup = _setup(request, both, judged, command, studies_of(records))
    command_notes = [*([f"{large}: the command runs in place"] if large else []), *judged.notes]
    command_notes += filter(None, [note_on_seed(command.argv, command.seed_argument)])
    launcher_notes = (*launched.notes, *(f"--judge: {note}" for note in (judge.notes if judge is not None else ())))
    return PreparedStudy(
        setup,
        uv,
        tuple(f"{end.upper()} is {sides[end].label}, on Python {both.pythons[end].version}" for end in BOTH),
        (*both.notes, *source_of_command, *source_of_seed, *command_notes, *launcher_notes),
        replace(_here(request, include, both, sides, judged, records, workspace), swapped=swapped),
        (None, None) if command.timeout_is_bad else judged.values,
        expected_value(sides["old"].run, judged.metric) if judged.metric is not None else None,
        judged.choice,
        request.command if launched.notes else None,
        {f"{end}_exclude_newer": date for end, date in both.resolved_at.items()},
    )


def _require(request: BisectRequest) -> None:
    if not request.old or not request.new:
        raise InvalidInput(f"{'NEW' if request.old else 'OLD and NEW'} missing", hint=usage())
    both = f"{option('resolve', True)} and {option('as_pinned', True)}" if request.resolve and request.as_pinned else ""
    if request.dask is not None and request.executor is not None:
        both = f"{option('dask')} and {option('executor')}"
    if both:
        raise InvalidInput(f"{both} were both given", hint="leave out one of them")


def _with_command(
    request: BisectRequest, sides: Mapping[str, Side], *, plans: bool
) -> tuple[BisectRequest, tuple[str, ...]]:
    """The request with the command of the recorded run of NEW, else of OLD, if the user named none; and notes.

    Raises InvalidInput if there is no command, unless nothing will be rerun.
    """
    if request.command:
        return request, ()
    reason = "neither OLD nor NEW is a recorded run"
    for run in [sides[end].run for end in reversed(BOTH)]:
        if run is None:
            continue
        try:
            command = command_of(run.metadata, run.run_ref.value)
        except InvalidInput as error:
            reason = error.what
            continue
        note = f"the command is that of run {run.run_ref.value}: {shlex.join(command)}"
        directory = working_directory(run.metadata)
        elsewhere = (
            "" if directory in (None, Path.cwd()) else f"; it was recorded in {directory}, and reruns start here"
        )
        return request.model_copy(update={"command": tuple(command)}), (note + elsewhere,)
    if plans:
        return request, ()
    raise InvalidInput(f"there is no command to rerun ({reason})", hint=f"name it: {usage()}")


def _with_seed_argument(request: BisectRequest, sides: Mapping[str, Side]) -> tuple[BisectRequest, tuple[str, ...]]:
    """The request with the seed option of the recorded program, if nothing else passes a seed; and notes."""
    if request.seed_arg is not None or passes_seed(request.command):
        return request, ()
    for run in [sides[end].run for end in reversed(BOTH)]:
        if run is None:
            continue
        name = seed_option(run.params, run.metadata)
        if name is None or not _is_same_program(request.command, run.metadata):
            continue
        argument = f"{name} {{seed}}"
        note = f"the seed is passed by {name}, an option of the program in run {run.run_ref.value}"
        return request.model_copy(update={"seed_arg": argument}), (note,)
    return request, ()


def _is_same_program(command: Sequence[str], metadata: Mapping[str, Any]) -> bool:
    """Whether a command runs the script of the recorded command."""
    recorded = metadata.get("command")
    scripts = (
        {Path(word).name for word in recorded if str(word).endswith(".py")}
        if isinstance(recorded, list | tuple)
        else set()
    )
    return any(Path(word).name in scripts for word in command)


def _require_copies(request: BisectRequest, large: str | None) -> None:
    """Raise InvalidInput if trials cannot run in checkouts."""
    if request.in_place:
        hint = f"leave it out, or source out of {option('include')}"
        raise InvalidInput(f"{option('in_place', True)} runs the current source", hint=hint)
    if large is not None:
        raise InvalidInput(
            f"{large}, which every rerun would copy",
            hint=f"move data out of the repository, or leave source out of {option('include')}",
        )


def _command(
    request: BisectRequest, judged: Judgement, launched: Prepared, judge: Prepared | None, *, in_place: bool
) -> Command:
    return Command(
        argv=launched.command,
        metric=judged.metric,
        folder=str(Path.cwd()),
        metric_from=request.metric_from,
        timeout=request.timeout,
        memory=request.memory_limit * 2**20 if request.memory_limit else None,
        in_place=in_place,
        seed_argument=request.seed_arg,
        judge=judge.command if judge is not None else None,
        good_if=threshold_of(request),
        timeout_is_bad=request.timeout_is_bad,
    )


def _pythons(request: BisectRequest) -> dict[str, str | None]:
    return {"old": request.old_python or request.python, "new": request.new_python or request.python}


def _variables(request: BisectRequest) -> dict[str, Mapping[str, str]]:
    return {"old": request.old_env, "new": request.new_env}


def _install(request: BisectRequest) -> Install:
    limits = request.build_constraint
    return Install(
        frozenset(normal_name(name) for name in request.skip),
        read_text(limits) if limits is not None else "",
        RESOLVE if request.resolve else AS_PINNED if request.as_pinned else CHECK,
        {"old": request.old_exclude_newer, "new": request.new_exclude_newer},
    )


def _suspects(names: Sequence[str], changes: Sequence[str]) -> frozenset[str]:
    """The keys of changes by the names that the user wrote. Raises InvalidInput for one that is none."""
    keys = [name if name in changes else normal_name(name) for name in names]
    if unknown := [name for name, key in zip(names, keys, strict=True) if key not in changes]:
        close = get_close_matches(unknown[0], changes, n=1)
        hint = f"did you mean {close[0]}?" if close else f"name one of: {', '.join(changes[:20])}"
        raise InvalidInput(f"{unknown[0]} does not differ between OLD and NEW", hint=hint)
    return frozenset(keys)


def _setup(request: BisectRequest, both: BothSides, judged: Judgement, command: Command, studies: Path) -> Setup:
    setup = Setup(
        old=both.old,
        new=both.new,
        pythons=both.pythons,
        command=command,
        folder=Path(),
        workspace=studies,
        higher_is_better=judged.higher_is_better or command.timeout_is_bad,
        first_seed=request.seed,
        settings=Settings(
            max_runs=request.max_runs,
            max_hours=request.max_hours,
            repeats=request.repeats,
            only_seed=request.seed if request.one_seed else None,
            strength=Strength(runs=1) if request.one_seed else Strength(),
            judged=command.metric is None or command.good_if is not None,
        ),
        expected=both.seconds,
        early_after=request.early_after if request.early else None,
        fixed=both.fixed,
        options=both.options,
        lost=both.lost,
        outputs=request.outputs,
        suspicion=prior(judged.differences),
        suspects=_suspects(request.suspect, [change.key for change in changes_between(both.old, both.new)]),
    )
    name = hashlib.sha256(identity(setup).encode()).hexdigest()[:12]
    return replace(setup, folder=(request.study or studies / name).absolute())


def _here(
    request: BisectRequest,
    include: Include,
    both: BothSides,
    sides: Mapping[str, Side],
    judged: Judgement,
    records: Records,
    workspace: str | None,
) -> Here:
    named = [f"--workspace={workspace}"] if workspace is not None else []
    studies = studies_of(records).absolute()
    are_runs = all(side.run is not None for side in sides.values())
    more = not_included(include, judged.differences)
    return Here(
        resume=shlex.join(["contexta", "bisect", "--resume", *named]),
        records=str(studies.relative_to(Path.cwd()) if studies.is_relative_to(Path.cwd()) else studies),
        runs=(str(request.old), str(request.new)) if are_runs else None,
        command=request.command,
        held=held(include, both),
        include="" if request.study else more,
        old_python=both.pythons["old"].path,
        by_metric=judged.metric is not None and request.good_if is None and not request.timeout_is_bad,
        lost=both.lost,
        installation=sides["new"].installation(request.command),
        workspace=tuple(named),
    )
