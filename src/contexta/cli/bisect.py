"""``contexta bisect``: what is asked, read from the command line; what is found, shown on it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from contexta.analysis.suspects import prior
from contexta.bisect.changes import End
from contexta.bisect.findings import BisectPlan, BisectReport
from contexta.bisect.pins import read_pins
from contexta.bisect.readings import Result
from contexta.bisect.report import plan, report
from contexta.bisect.search import Probe, Settings
from contexta.bisect.study import Setup, Study, identity
from contexta.bisect.trial import Command, check_source, too_large_to_copy
from contexta.cli import layout, words
from contexta.client import Contexta
from contexta.contract import EnvironmentSnapshot
from contexta.errors import InvalidInput, NotFound, shown
from contexta.reproduce.uv import Interpreter, Uv, find_uv

_LAST = "last.json"


@click.command(
    epilog="Example: contexta bisect old.txt new.txt --metric accuracy -- python train.py",
    context_settings={"allow_interspersed_args": True},
)
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--metric", metavar="NAME", help="The metric that dropped, as the command prints it.")
@click.option("--lower-is-better", is_flag=True, help="A higher value of the metric is the worse one.")
@click.option("--metric-from", metavar="SOURCE", help="stdout:REGEX with one group, or json:FILE:PATH.")
@click.option("--python", metavar="VERSION|PATH", help="The interpreter of both sides.")
@click.option("--old-python", metavar="VERSION|PATH", help="The interpreter of OLD.")
@click.option("--new-python", metavar="VERSION|PATH", help="The interpreter of NEW.")
@click.option("--old-env", metavar="NAME=VALUE", multiple=True, help="A variable of OLD; may be repeated.")
@click.option("--new-env", metavar="NAME=VALUE", multiple=True, help="A variable of NEW; may be repeated.")
@click.option("--max-runs", type=click.IntRange(min=8), default=60, show_default=True, help="At most so many reruns.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=600.0, show_default=True, help="Seconds a rerun.")
@click.option("--memory-limit", type=click.IntRange(min=1), metavar="MB", help="Memory a rerun may use.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first seed.")
@click.option("--seed-arg", metavar="TEXT", help='Appended to the command, as in "--seed {seed}".')
@click.option("--in-place", is_flag=True, help="Run in this directory itself instead of a copy of it.")
@click.option("--study", type=click.Path(path_type=Path), metavar="DIR", help="Where the study is kept.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be tried, and rerun nothing.")
@click.option("--resume", is_flag=True, help="Go on with this study; alone: with the last one.")
@click.option("--offline", is_flag=True, help="Take packages from uv's cache only.")
@click.option("--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else .contexta.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_obj
def bisect(globals_: dict[str, Any], /, **options: Any) -> int:
    """Prove which change between two environments moved a metric.

    OLD and NEW are requirements files of exact pins, or recorded runs. COMMAND, behind --, is rerun in mixes of both;
    it should read its seed from the variable SEED.
    """
    workspace = options["workspace"] or globals_["workspace"]
    as_json = options["as_json"] or globals_["as_json"]
    if options["resume"] and options["old"] is None:
        options = {**_last(workspace), "resume": True, "max_runs": options["max_runs"]}
    setup, uv = _setup(options, workspace)
    _remember(options, setup, workspace)
    study = Study(setup, uv)
    if not options["resume"] and not options["only_plan"]:
        study.forget()
    if options["only_plan"]:
        found = plan(study.space, setup.settings.max_runs)
        _answer(found, _plan_screen(found), as_json)
        return 0
    for line in _opening(study, setup):
        _say(line)
    try:
        verdict = study.finish(lambda step, result, number: _say(_trial_line(study, setup, step, result, number)))
    except KeyboardInterrupt:
        _say(f"stopped after {len(study.trials)} trials; `contexta bisect --resume` goes on")
        raise
    finally:
        study.clean()
    done = report(
        study.space,
        verdict,
        study.trials,
        metric=setup.command.metric,
        higher_is_better=setup.higher_is_better,
    )
    _answer(done, _report_screen(done), as_json)
    return 0 if done.verdict in ("proved", "no_regression") else 1


# ---------------------------------------------------------------------------------------------- what is asked


def _setup(options: dict[str, Any], workspace: str | None) -> tuple[Setup, Uv]:
    for name, what in (("old", "OLD and NEW"), ("new", "NEW"), ("metric", "--metric")):
        if not options[name]:
            raise InvalidInput(f"{what} missing", hint="contexta bisect OLD NEW --metric NAME -- COMMAND")
    if not options["command"] and not options["only_plan"]:
        raise InvalidInput("there is no command to rerun", hint="put it behind --, as in: -- python train.py")
    check_source(options["metric_from"])
    uv = find_uv(offline=options["offline"])
    ends, pythons = {}, {}
    for end in ("old", "new"):
        asked = options[f"{end}_python"] or options["python"]
        ends[end], pythons[end] = _end(options[end], asked, _variables(options[f"{end}_env"]), uv, workspace)
    folder = Path.cwd()
    large = None if options["in_place"] else too_large_to_copy(folder)
    if large:
        _say(f"note: {large}: the command runs in place")
    command = Command(
        argv=tuple(options["command"]),
        metric=options["metric"],
        folder=str(folder),
        metric_from=options["metric_from"],
        timeout=options["timeout"],
        memory=options["memory_limit"] * 2**20 if options["memory_limit"] else None,
        in_place=bool(options["in_place"] or large),
        seed_argument=options["seed_arg"],
    )
    setup = Setup(
        old=ends["old"],
        new=ends["new"],
        pythons=pythons,
        command=command,
        folder=Path(),
        higher_is_better=not options["lower_is_better"],
        first_seed=options["seed"],
        settings=Settings(max_runs=options["max_runs"]),
        suspicion=_suspicion(options["old"], options["new"], workspace),
    )
    name = hashlib.sha256(identity(setup).encode()).hexdigest()[:12]
    return replace(setup, folder=(options["study"] or _home(workspace) / name).absolute()), uv


def _end(
    given: str, python: str | None, variables: dict[str, str], uv: Uv, workspace: str | None
) -> tuple[End, Interpreter]:
    """One side: from a file of pins, else from a recorded run."""
    if Path(given).is_file():
        interpreter = uv.interpreter(python or this_python())
        packages = read_pins(Path(given), interpreter.markers)
        return End(packages, interpreter.version, interpreter.markers, variables), interpreter
    snapshot = _recorded(given, workspace)
    interpreter = uv.interpreter(python or snapshot.python_version)
    packages = dict(sorted(snapshot.packages.items()))
    recorded = {**snapshot.environment_variables, **variables}
    return End(packages, interpreter.version, interpreter.markers, recorded), interpreter


def _suspicion(old: str, new: str, workspace: str | None) -> dict[str, float]:
    """What records make of each change, where both sides are recorded runs."""
    if Path(old).is_file() or Path(new).is_file():
        return {}
    with Contexta(workspace=workspace) as ctx:
        return prior(ctx.explain_regression(old, new).differences)


def _recorded(given: str, workspace: str | None) -> EnvironmentSnapshot:
    with Contexta(workspace=workspace) as ctx:
        if not ctx.root.is_dir():
            raise NotFound(f"there is no file {shown(given)}, and no workspace that could have a run of that name")
        run = ctx.get_run(given)
        snapshots = ctx.metadata_store.environments.list_environment_snapshots(run.run_ref)
    if not snapshots:
        raise NotFound(f"{run.run_ref} has no environment snapshot", hint="give a file of its pins instead")
    found: EnvironmentSnapshot = snapshots[0]
    return found


def this_python() -> str:
    """The interpreter under this one, should this be a virtual environment."""
    return str(Path(getattr(sys, "_base_executable", None) or sys.executable))


def _variables(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not name or "\0" in pair:
            raise InvalidInput(f"{shown(pair)} is no variable", hint="write it as NAME=VALUE")
        found[name] = value
    return found


def _home(workspace: str | None) -> Path:
    return Contexta(workspace=workspace).root / "bisect"


def _remember(options: dict[str, Any], setup: Setup, workspace: str | None) -> None:
    """So that --resume needs no arguments."""
    home = _home(workspace)
    home.mkdir(parents=True, exist_ok=True)
    kept = {key: str(value) if isinstance(value, Path) else value for key, value in options.items()}
    (home / _LAST).write_text(json.dumps({"options": kept, "folder": setup.command.folder}))


def _last(workspace: str | None) -> dict[str, Any]:
    path = _home(workspace) / _LAST
    if not path.exists():
        raise NotFound("there is no study to resume here", hint="contexta bisect OLD NEW --metric NAME -- COMMAND")
    kept: dict[str, Any] = json.loads(path.read_text())
    if kept["folder"] != str(Path.cwd()):
        raise InvalidInput(f"the last study ran in {kept['folder']}", hint="resume it from there")
    options: dict[str, Any] = kept["options"]
    options["study"] = Path(options["study"]) if options["study"] else None
    return options


# ---------------------------------------------------------------------------------------------- what is shown


def _answer(found: BisectPlan | BisectReport, screen: Iterator[Any], as_json: bool) -> None:
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        layout.show(screen)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _opening(study: Study, setup: Setup) -> Iterator[str]:
    count = sum(len(atom.changes) for atom in study.space.atoms)
    yield (
        f"{count} changes in {len(study.space.atoms)} groups that move alone; "
        f"at most {setup.settings.max_runs} runs; kept in {setup.folder}"
    )
    if study.trials:
        yield f"{len(study.trials)} trials were finished before"


def _trial_line(study: Study, setup: Setup, step: Probe, result: Result, number: int) -> str:
    sign = 1.0 if setup.higher_is_better else -1.0
    value = f"{setup.command.metric}={sign * result.value:g}" if result.value is not None else result.reason
    return f"{number:>3}  {step.purpose:<6}  {_mix(study, step.mix)}  seed {step.seed}  {value}  {result.seconds:.1f}s"


def _mix(study: Study, mix: int) -> str:
    if mix in (0, study.space.mixes.full):
        return "NEW" if mix else "OLD"
    on = study.space.keys(mix)
    off = study.space.keys(study.space.mixes.full & ~mix)
    return f"OLD + {', '.join(on)}" if len(on) <= len(off) else f"NEW - {', '.join(off)}"


def _plan_screen(found: BisectPlan) -> Iterator[Any]:
    yield Text(f"{len(found.changes)} changes", "bold")
    for change in found.changes:
        yield Text(f"  {change}")
    for atom in found.atoms:
        if len(atom) > 1:
            yield Text(f"only together: {', '.join(atom)}")
    for name, needs in found.needs.items():
        yield Text(f"{name} brings {', '.join(needs)}")
    yield Text(f"About {found.expected_probes:g} mixes to try, {found.expected_runs} runs without noise.")


def _report_screen(found: BisectReport) -> Iterator[Any]:
    yield Text.assemble((_headline(found), "bold"))
    for name, end in (("OLD", found.old), ("NEW", found.new)):
        if end.mean is not None:
            yield Text(f"{name}: {found.metric} {words.amount(end.mean)} over {len(end.values)} runs")
    if found.share is not None:
        low, high = (f"{bound:.0%}" for bound in (found.share.low, found.share.high))
        yield Text(f"It makes {found.share.estimate:.0%} of the change (95 %: {low} to {high}).")
    for name, move in (found.additive or {}).items():
        yield Text(f"  {name}: {move:+.4g}")
    if found.interaction:
        yield Text(f"They act {found.interaction}.")
    if found.proof:
        yield Text()
        yield Text("Proof" if found.verdict == "proved" else "What was shown", "bold")
    for fact in found.proof:
        values = ", ".join(words.amount(value) for value in fact.values) or "not run"
        mark = "yes" if fact.holds else "no" if fact.state != "open" else "open"
        yield Text(f"  {mark:<4} {fact.fact}: {values}")
    for suspect in found.suspects:
        yield Text(f"  suspected with {suspect.probability:.0%}: {' and '.join(suspect.changes)}")
    yield Text()
    yield Text(f"{found.probes} mixes tried, {found.runs} runs, {words.span(found.seconds)}", "dim")
    for line in found.next:
        yield Text(f"next: {line}")


def _headline(found: BisectReport) -> str:
    if found.verdict == "proved":
        brings = f" (brings {', '.join(found.companions)})" if found.companions else ""
        return f"proved: {' and '.join(found.culprits)}{brings}"
    return f"{found.verdict.replace('_', ' ')}: {found.why}"
