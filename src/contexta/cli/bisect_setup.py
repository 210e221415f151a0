"""What ``contexta bisect`` is asked, made into a study; and remembered, so that --resume needs no arguments."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contexta.analysis.direction import direction_of
from contexta.analysis.suspects import prior
from contexta.bisect.advice import Here
from contexta.bisect.changes import BOTH, SOURCE
from contexta.bisect.given import both_ends
from contexta.bisect.metric import check_source, threshold
from contexta.bisect.place import too_large_to_copy
from contexta.bisect.search import Settings
from contexta.bisect.setup import Setup, identity
from contexta.bisect.trial import Command
from contexta.cli.bisect_sides import (
    Include,
    differences,
    held,
    include_of,
    included,
    is_path,
    not_included,
    recorded_value,
    side,
)
from contexta.client import Contexta
from contexta.errors import InvalidInput, NotFound, shown
from contexta.findings import Difference
from contexta.reproduce.uv import Uv, find_uv

_LAST = "last.json"
_USAGE = "contexta bisect OLD NEW --metric NAME -- COMMAND"

Options = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A study to run.

    sides: what OLD and NEW were taken for. notes: what else the user should know of that. here: where the user stands,
    as the commands of the report have it. recorded: where the metric ended in OLD's and NEW's recorded runs.
    """

    setup: Setup
    uv: Uv
    sides: tuple[str, ...]
    notes: tuple[str, ...]
    here: Here
    recorded: tuple[float | None, float | None]


def asked_by(options: Options, workspace: str | None) -> Asked:
    """Raises InvalidInput or NotFound for what cannot be meant or read."""
    _require(options)
    include = include_of(options.get("include"), options.get("param_arg"))
    large = None if options["in_place"] else too_large_to_copy(Path.cwd())
    if SOURCE in include.kinds:
        _require_copies(options["in_place"], large)
    command = _command(options, in_place=options["in_place"] or large is not None)
    given = {end: side(options[end], workspace) for end in BOTH}
    pythons = {end: options[f"{end}_python"] or options["python"] for end in BOTH}
    variables = {end: _variables(options[f"{end}_env"]) for end in BOTH}
    uv = find_uv(offline=options["offline"])
    ends = both_ends(given, pythons, variables, uv)
    ends = included(ends, include, {end: options[end] for end in BOTH}, command.argv, workspace)
    runs = None if any(is_path(options[end], workspace) for end in BOTH) else (options["old"], options["new"])
    found = differences(runs, workspace)
    higher, why = _is_higher_better(command, options["lower_is_better"], workspace)
    setup = Setup(
        old=ends.old,
        new=ends.new,
        pythons=ends.pythons,
        command=command,
        folder=Path(),
        workspace=home(workspace),
        higher_is_better=higher,
        jobs=options["jobs"] or 1,
        first_seed=options["seed"],
        settings=Settings(max_runs=options["max_runs"], repeats=options.get("repeats") or 0),
        expected=ends.seconds,
        fixed=ends.fixed,
        outputs=(Path(options["html"]),) if options["html"] else (),
        suspicion=prior(found),
    )
    name = hashlib.sha256(identity(setup).encode()).hexdigest()[:12]
    setup = replace(setup, folder=(options["study"] or home(workspace) / name).absolute())
    about = [*([f"{large}: the command runs in place"] if large else []), *why]
    told = [f"{end.upper()} is {given[end].what}, on Python {ends.pythons[end].version}" for end in BOTH]
    here = replace(_here(options, include, found, workspace), runs=runs, command=command.argv, held=held(include, ends))
    by_metric = command.metric is not None and command.good_if is None
    here = replace(here, old_python=ends.pythons["old"].path, by_metric=by_metric)
    old, new = (recorded_value(options[end], command.metric, workspace) for end in BOTH)
    return Asked(setup, uv, tuple(told), (*ends.notes, *about), here, (old, new))


def _here(options: Options, include: Include, found: Sequence[Difference], workspace: str | None) -> Here:
    named = [f"--workspace={workspace}"] if workspace is not None else []
    records = home(workspace).absolute()
    return Here(
        shlex.join(["contexta", "bisect", "--resume", *named]),
        str(records.relative_to(Path.cwd()) if records.is_relative_to(Path.cwd()) else records),
        include="" if options["study"] else not_included(include, found),
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


def _command(options: Options, *, in_place: bool) -> Command:
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
    if options["judge"] and metric:
        raise InvalidInput("--judge decides by itself", hint="leave out --metric and --good-if")
    if options["metric_from"] and not metric:
        raise InvalidInput("--metric-from reads a metric, and none is named", hint="name it: --metric NAME")
    return Command(
        argv=tuple(options["command"]),
        metric=metric,
        folder=str(Path.cwd()),
        metric_from=options["metric_from"],
        timeout=options["timeout"],
        memory=options["memory_limit"] * 2**20 if options["memory_limit"] else None,
        in_place=in_place,
        seed_argument=options["seed_arg"],
        judge=_words("--judge", options["judge"]) if options["judge"] else None,
        good_if=good_if,
    )


def _is_higher_better(command: Command, lower: bool | None, workspace: str | None) -> tuple[bool, list[str]]:
    """(whether it is, what the user should know of that)"""
    if command.good_if is not None:
        return command.good_if.sign.startswith(">"), []
    if command.metric is None and lower is not None:
        way = "--lower-is-better" if lower else "--higher-is-better"
        raise InvalidInput(f"{way} is about a metric, and none is named", hint="name it: --metric NAME")
    if command.metric is None:
        return True, []
    config = Contexta(workspace=workspace).config
    known = {"higher": config.higher_is_better, "lower": config.lower_is_better}
    better, origin = direction_of(command.metric, lower_is_better=lower, **known)
    if better == "lower" and origin != "argument":
        return False, [f"lower is taken for better, by {command.metric}'s {origin}; --higher-is-better says otherwise"]
    return better != "lower", []


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
    told = {"options": kept, "folder": setup.command.folder, "study": str(setup.folder)}
    (at / _LAST).write_text(json.dumps(told))


def last_asked(workspace: str | None) -> Options:
    """The options of the last study, which is resumed where it began."""
    kept = _last(workspace)
    if kept["folder"] != str(Path.cwd()):
        raise InvalidInput(f"the last study ran in {kept['folder']}", hint="resume it from there")
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
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept
