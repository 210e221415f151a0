"""What ``contexta bisect`` is asked, made into a study; and remembered, so that --resume needs no arguments."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contexta.analysis.why.suspects import prior
from contexta.bisect.execution.metric import Threshold, check_source, threshold
from contexta.bisect.execution.sandbox import too_large_to_copy
from contexta.bisect.execution.seed_use import note_on_seed
from contexta.bisect.execution.trial import Command
from contexta.bisect.inputs.completeness import AS_PINNED, CHECK, RESOLVE
from contexta.bisect.inputs.pins import read_text
from contexta.bisect.inputs.sides import Ends, Install, both_ends, skipped
from contexta.bisect.reporting.advice import Here
from contexta.bisect.search.search import Settings
from contexta.bisect.session.setup import Setup, identity
from contexta.bisect.space.changes import BOTH, SOURCE
from contexta.cli.bisect_metric import judgement
from contexta.cli.bisect_sides import (
    Include,
    held,
    include_of,
    included,
    installation,
    is_path,
    not_included,
    side,
)
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput, NotFound, shown
from contexta.recorder.journal import digested_files
from contexta.recorder.redaction import redact
from contexta.reproduce.launch.launchers import Prepared, prepared
from contexta.reproduce.uv.commands import Uv, find_uv

_LAST = "last.json"
_USAGE = "contexta bisect OLD NEW --metric NAME -- COMMAND"

Options = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A study to run.

    sides: what OLD and NEW were taken for. notes: what else the user should know of that. here: where the user stands,
    as the commands of the report have it. recorded: where the metric ended in OLD's and NEW's recorded runs. chosen:
    see ``Judgement``. command_given: the command with its launchers, where they were taken off.
    """

    setup: Setup
    uv: Uv
    sides: tuple[str, ...]
    notes: tuple[str, ...]
    here: Here
    recorded: tuple[float | None, float | None]
    chosen: tuple[str | None, str] | None = None
    command_given: tuple[str, ...] | None = None


def asked_by(options: Options, workspace: str | None, swapped: str) -> Asked:
    """swapped: the command line with OLD and NEW swapped.

    Raises InvalidInput or NotFound for what cannot be meant or read.
    """
    _require(options)
    include = include_of(options.get("include"), options.get("param_arg"))
    large = None if options["in_place"] else too_large_to_copy(Path.cwd())
    if SOURCE in include.kinds:
        _require_copies(options["in_place"], large)
    good_if = _threshold(options)
    judged = judgement(options, good_if, workspace, swapped)
    launched = prepared(options["command"], Path.cwd()) if options["command"] else Prepared(())
    judge = prepared(_words("--judge", options["judge"]), Path.cwd()) if options["judge"] else None
    in_place = options["in_place"] or large is not None
    command = _command(options, judged.metric, good_if, launched, judge, in_place=in_place)
    given = {end: side(options[end], workspace) for end in BOTH}
    pythons = {end: options[f"{end}_python"] or options["python"] for end in BOTH}
    variables = {end: _variables(options[f"{end}_env"]) for end in BOTH}
    uv = find_uv(offline=options["offline"])
    limits = options.get("build_constraint")
    skip = skipped(options.get("skip") or ())
    install = Install(skip, read_text(Path(limits)) if limits else "", _pinning(options))
    ends = both_ends(given, pythons, variables, uv, install)
    ends = included(ends, include, {end: options[end] for end in BOTH}, command.argv, workspace)
    setup = Setup(
        old=ends.old,
        new=ends.new,
        pythons=ends.pythons,
        command=command,
        folder=Path(),
        workspace=home(workspace),
        higher_is_better=judged.higher_is_better or command.timeout_is_bad,
        jobs=options["jobs"] or 1,
        first_seed=options["seed"],
        settings=Settings(
            max_runs=options["max_runs"],
            repeats=options.get("repeats") or 0,
            judged=command.metric is None or command.good_if is not None,
        ),
        expected=ends.seconds,
        fixed=ends.fixed,
        options=ends.options,
        lost=ends.lost,
        outputs=(Path(options["html"]),) if options["html"] else (),
        suspicion=prior(judged.differences),
    )
    name = hashlib.sha256(identity(setup).encode()).hexdigest()[:12]
    setup = replace(setup, folder=(options["study"] or home(workspace) / name).absolute())
    about = [*([f"{large}: the command runs in place"] if large else []), *judged.notes]
    about += filter(None, [note_on_seed(command.argv, command.seed_argument)])
    told = [f"{end.upper()} is {given[end].what}, on Python {ends.pythons[end].version}" for end in BOTH]
    here = _here(options, include, ends, workspace, include_more=not_included(include, judged.differences))
    here = replace(here, by_metric=not command.is_judged, swapped=swapped)
    values = (None, None) if command.timeout_is_bad else judged.values
    rewritten = (*launched.notes, *(f"--judge: {note}" for note in (judge.notes if judge is not None else ())))
    return Asked(
        setup,
        uv,
        tuple(told),
        (*ends.notes, *about, *rewritten),
        here,
        values,
        judged.chosen,
        tuple(options["command"]) if launched.notes else None,
    )


def _pinning(options: Options) -> str:
    """What to do about requirements that a file does not pin."""
    if options["resolve"] and options["as_pinned"]:
        raise InvalidInput("--resolve and --as-pinned were both given", hint="leave out one of them")
    return RESOLVE if options["resolve"] else AS_PINNED if options["as_pinned"] else CHECK


def _here(options: Options, include: Include, ends: Ends, workspace: str | None, *, include_more: str) -> Here:
    """include_more: what --include would add."""
    named = [f"--workspace={workspace}"] if workspace is not None else []
    records = home(workspace).absolute()
    are_runs = not any(is_path(options[end], workspace) for end in BOTH)
    typed = tuple(options["command"])
    return Here(
        resume=shlex.join(["contexta", "bisect", "--resume", *named]),
        records=str(records.relative_to(Path.cwd()) if records.is_relative_to(Path.cwd()) else records),
        runs=(options["old"], options["new"]) if are_runs else None,
        command=typed,
        held=held(include, ends),
        include="" if options["study"] else include_more,
        old_python=ends.pythons["old"].path,
        lost=ends.lost,
        installation=installation(options["new"], typed, workspace),
        workspace=tuple(named),
    )


def _require_copies(in_place: bool, large: str | None) -> None:
    """Raises InvalidInput where trials cannot run in checkouts."""
    if in_place:
        raise InvalidInput("--in-place runs the source that is here", hint="leave it out, or source out of --include")
    if large is not None:
        raise InvalidInput(
            f"{large}, which every rerun would copy",
            hint="move data out of the repository, or leave source out of --include",
        )


def _require(options: Options) -> None:
    for name, what in (("old", "OLD and NEW"), ("new", "NEW")):
        if not options[name]:
            raise InvalidInput(f"{what} missing", hint=_USAGE)
    if not options["command"] and not options["only_plan"]:
        raise InvalidInput("there is no command to rerun", hint="put it behind --, as in: -- python train.py")


def _threshold(options: Options) -> Threshold | None:
    """What --good-if says. Raises InvalidInput for options that contradict each other."""
    check_source(options["metric_from"])
    good_if = threshold(options["good_if"]) if options["good_if"] else None
    if good_if is not None and options["metric"] not in (None, good_if.metric):
        raise InvalidInput(
            f"--metric is {options['metric']}, --good-if is about {good_if.metric}", hint="leave out --metric"
        )
    if good_if is not None and options["lower_is_better"] is not None:
        way = "--lower-is-better" if options["lower_is_better"] else "--higher-is-better"
        raise InvalidInput("--good-if says which way is better by itself", hint=f"leave out {way}")
    metric = good_if.metric if good_if is not None else options["metric"]
    if metric is not None and not metric.strip():
        raise InvalidInput("--metric is empty", hint="name what the command records or prints: --metric accuracy")
    if options["seed_arg"] is not None and "{seed}" not in options["seed_arg"]:
        raise InvalidInput(
            f"--seed-arg {shown(options['seed_arg'])} has no {{seed}} in it: every trial would run at one seed",
            hint='write it as --seed-arg "--seed {seed}"',
        )
    if options["judge"] and metric:
        raise InvalidInput("--judge decides by itself", hint="leave out --metric and --good-if")
    if options["exit_code"]:
        others = {"--metric": metric, "--metric-from": options["metric_from"], "--judge": options["judge"]}
        if other := next((name for name, value in others.items() if value), None):
            raise InvalidInput(f"--exit-code and {other} both say what judges", hint=f"leave out {other}")
    return good_if


def _command(
    options: Options,
    metric: str | None,
    good_if: Threshold | None,
    launched: Prepared,
    judge: Prepared | None,
    *,
    in_place: bool,
) -> Command:
    if options["metric_from"] and not metric:
        raise InvalidInput("--metric-from reads a metric, and none is named", hint="name it: --metric NAME")
    return Command(
        argv=launched.command,
        metric=metric,
        folder=str(Path.cwd()),
        metric_from=options["metric_from"],
        timeout=options["timeout"],
        memory=options["memory_limit"] * 2**20 if options["memory_limit"] else None,
        in_place=in_place,
        seed_argument=options["seed_arg"],
        judge=judge.command if judge is not None else None,
        good_if=good_if,
        timeout_is_bad=bool(options.get("timeout_is_bad")),
    )


def _words(option: str, given: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(given))
    except ValueError as error:
        raise InvalidInput(f"{option} cannot be {shown(given)}: {error}", hint="quote it as in a shell") from error
    if not words:
        raise InvalidInput(f"{option} is empty", hint='as in --judge "python check.py"')
    return words


def _variables(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name or "\0" in pair:
            raise InvalidInput(f"{shown(pair)} is no variable", hint="write it as NAME=VALUE")
        found[name] = value
    return found


def home(workspace: str | None) -> Path:
    """Where studies and their trials are kept."""
    return Contexta(workspace=workspace).root / "bisect"


def remember(options: Options, setup: Setup, workspace: str | None) -> None:
    """Write down what was asked, for ``last_asked``."""
    at = home(workspace)
    at.mkdir(parents=True, exist_ok=True)
    kept = {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}
    safe, hidden = redact.parameters(json.loads(json.dumps(kept)), None)
    told = {"options": safe, "folder": setup.command.folder, "study": str(setup.folder), "hidden": bool(hidden)}
    digested_files.write(str(at / _LAST), json.dumps(told).encode())


def last_asked(workspace: str | None) -> Options:
    """The options of the last study, which is resumed where it began."""
    kept = _last(workspace)
    if kept["folder"] != str(Path.cwd()):
        raise InvalidInput(f"the last study ran in {kept['folder']}", hint="resume it from there")
    if kept.get("hidden"):
        raise InvalidInput(
            "the command of the last study holds a secret, and secrets are not stored",
            hint="give the whole command again: the trials that ended count",
        )
    options: Options = kept["options"]
    options["study"] = Path(options["study"]) if options["study"] else None
    if options["good_if"] or not options["metric"]:
        options["lower_is_better"] = None  # earlier versions kept False for "not said"
    return options


def last_study(workspace: str | None) -> Path:
    """The directory of the last study."""
    return Path(_last(workspace)["study"])


def _last(workspace: str | None) -> dict[str, Any]:
    path = home(workspace) / _LAST
    if not path.exists():
        raise NotFound("there is no study here", hint=f"begin one: {_USAGE}")
    kept: dict[str, Any] = json.loads(digested_files.read(str(path)))
    return kept
