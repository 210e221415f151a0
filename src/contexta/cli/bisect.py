"""``contexta bisect``: what is asked, read from the command line; what is found, shown on it."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from contexta.analysis.suspects import prior
from contexta.bisect.changes import End
from contexta.bisect.cluster import Cluster, cluster_at
from contexta.bisect.findings import BisectPlan, BisectReport, Releases
from contexta.bisect.metric import check_source, threshold
from contexta.bisect.own import pins_and_fixed, the_same_in_both
from contexta.bisect.pins import read_pins
from contexta.bisect.place import too_large_to_copy
from contexta.bisect.releases import releases_of
from contexta.bisect.report import Trial, plan, report
from contexta.bisect.search import Settings, Verdict
from contexta.bisect.study import Setup, Study, Watch, identity
from contexta.bisect.trial import Command, given_again
from contexta.cli import layout
from contexta.cli.bisect_screens import judged_by, opening, plan_screen, report_screen, trial_line
from contexta.client import Contexta
from contexta.contract import EnvironmentSnapshot
from contexta.errors import InvalidInput, NotFound, shown
from contexta.recorder.redact import HIDDEN
from contexta.reproduce.build import Fixed
from contexta.reproduce.uv import Interpreter, Uv, UvError, find_uv
from contexta.scalars import to_microseconds

_LAST = "last.json"


@click.command(
    epilog="Example: contexta bisect old.txt new.txt --metric accuracy -- python train.py",
    context_settings={"allow_interspersed_args": True},
)
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--metric", metavar="NAME", help="The metric that dropped, as the command records or prints it.")
@click.option("--good-if", metavar="TEXT", help='What is good, as in "accuracy >= 0.9"; names the metric too.')
@click.option("--judge", metavar="COMMAND", help="Run after each rerun: exit code 0 is good, 125 cannot be told.")
@click.option("--lower-is-better", is_flag=True, help="A higher value of the metric is the worse one.")
@click.option("--metric-from", metavar="SOURCE", help="stdout:REGEX with one group, or json:FILE:PATH.")
@click.option("--python", metavar="VERSION|PATH", help="The interpreter of both sides.")
@click.option("--old-python", metavar="VERSION|PATH", help="The interpreter of OLD.")
@click.option("--new-python", metavar="VERSION|PATH", help="The interpreter of NEW.")
@click.option("--old-env", metavar="NAME=VALUE", multiple=True, help="A variable of OLD; may be repeated.")
@click.option("--new-env", metavar="NAME=VALUE", multiple=True, help="A variable of NEW; may be repeated.")
@click.option("--max-runs", type=click.IntRange(min=8), default=60, show_default=True, help="At most so many reruns.")
@click.option("--timeout", type=click.FloatRange(min=0.1), help="Seconds a rerun; default: 4 x what it took, >= 60.")
@click.option("--memory-limit", type=click.IntRange(min=1), metavar="MB", help="Memory a rerun may use.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first seed.")
@click.option("--seed-arg", metavar="TEXT", help='Appended to the command, as in "--seed {seed}".')
@click.option("--in-place", is_flag=True, help="Run in this directory itself instead of a copy of it.")
@click.option("--study", type=click.Path(path_type=Path), metavar="DIR", help="Where the study is kept.")
@click.option("--jobs", type=click.IntRange(min=1), help="Reruns at a time; default 1, of a cluster all its threads.")
@click.option("--fresh", is_flag=True, help="Rerun what earlier studies ran, too.")
@click.option("--versions/--no-versions", default=True, help="Look for the first bad release of the culprit.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be tried, and rerun nothing.")
@click.option("--resume", is_flag=True, help="Go on with this study; alone: with the last one.")
@click.option("--offline", is_flag=True, help="Take packages from uv's cache only.")
@click.option("--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else .contexta.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option("--repeats", type=click.IntRange(min=0), default=0, metavar="N", help="At least N reruns of each end.")
@click.option("--dask", metavar="ADDRESS", help="Rerun on a Dask cluster, as in tcp://10.0.0.1:8786.")
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
    elsewhere = options.get("dask") and not options["only_plan"]
    with cluster_at(options["dask"]) if elsewhere else nullcontext() as cluster:
        return _bisect(options, workspace, as_json, cluster)


def _bisect(options: dict[str, Any], workspace: str | None, as_json: bool, cluster: Cluster | None) -> int:
    if cluster is not None and options["jobs"] is None:
        options = {**options, "jobs": cluster.size}
    setup, uv = _setup(options, workspace)
    _remember(options, setup, workspace)
    study = Study(setup, uv, cluster, resume=options["resume"], fresh=options["fresh"])
    if options["only_plan"]:
        found = plan(study.space, setup.settings.max_runs)
        _answer(found, plan_screen(found), as_json)
        return 0
    if cluster is not None:
        cluster.require_ready(study.sample())
    for line in opening(study, setup):
        _say(line)

    def watch(trial: Trial, number: int) -> None:
        _say(trial_line(study, setup, trial, number))

    try:
        verdict = study.finish(watch)
        releases = _releases(study, verdict, watch) if options["versions"] else None
    except KeyboardInterrupt:
        _say(f"stopped after {len(study.trials)} trials, which are kept; `contexta bisect --resume` goes on")
        raise
    done = report(
        study.space,
        verdict,
        study.trials,
        metric=judged_by(setup),
        higher_is_better=setup.higher_is_better,
        releases=releases,
        inside=len(study.inside),
    )
    _answer(done, report_screen(done), as_json)
    return 0 if done.verdict in ("proved", "no_regression") else 1


def _releases(study: Study, verdict: Verdict, watch: Watch) -> Releases | None:
    try:
        return releases_of(study, verdict, watch)
    except UvError as error:
        _say(f"note: its releases are not known: {error.what[:300]}")
        return None


# ---------------------------------------------------------------------------------------------- what is asked


def _setup(options: dict[str, Any], workspace: str | None) -> tuple[Setup, Uv]:
    for name, what in (("old", "OLD and NEW"), ("new", "NEW")):
        if not options[name]:
            raise InvalidInput(f"{what} missing", hint="contexta bisect OLD NEW --metric NAME -- COMMAND")
    if not options["command"] and not options["only_plan"]:
        raise InvalidInput("there is no command to rerun", hint="put it behind --, as in: -- python train.py")
    check_source(options["metric_from"])
    good_if = threshold(options["good_if"]) if options["good_if"] else None
    if good_if is not None and options["metric"] not in (None, good_if.metric):
        raise InvalidInput(f"--metric is {options['metric']}, --good-if is about {good_if.metric}")
    metric = good_if.metric if good_if is not None else options["metric"]
    if options["judge"] and metric:
        raise InvalidInput("--judge decides by itself", hint="leave out --metric and --good-if")
    uv = find_uv(offline=options["offline"])
    ends, pythons, fixed = {}, {}, {}
    for end in ("old", "new"):
        asked = options[f"{end}_python"] or options["python"]
        given = _variables(options[f"{end}_env"])
        ends[end], pythons[end], fixed[end] = _end(options[end], asked, given, uv, workspace)
    folder = Path.cwd()
    large = None if options["in_place"] else too_large_to_copy(folder)
    if large:
        _say(f"note: {large}: the command runs in place")
    command = Command(
        argv=tuple(options["command"]),
        metric=metric,
        folder=str(folder),
        metric_from=options["metric_from"],
        timeout=options["timeout"],
        memory=options["memory_limit"] * 2**20 if options["memory_limit"] else None,
        in_place=bool(options["in_place"] or large),
        seed_argument=options["seed_arg"],
        judge=tuple(shlex.split(options["judge"])) if options["judge"] else None,
        good_if=good_if,
    )
    setup = Setup(
        old=ends["old"],
        new=ends["new"],
        pythons=pythons,
        command=command,
        folder=Path(),
        workspace=_home(workspace),
        higher_is_better=good_if.sign.startswith(">") if good_if is not None else not options["lower_is_better"],
        jobs=options["jobs"] or 1,
        first_seed=options["seed"],
        settings=Settings(max_runs=options["max_runs"], repeats=options.get("repeats") or 0),
        suspicion=_suspicion(options["old"], options["new"], workspace),
        expected=_expected(options["old"], options["new"], workspace),
        fixed=the_same_in_both(fixed["old"], fixed["new"]),
    )
    name = hashlib.sha256(identity(setup).encode()).hexdigest()[:12]
    return replace(setup, folder=(options["study"] or _home(workspace) / name).absolute()), uv


def _end(
    given: str, python: str | None, variables: dict[str, str], uv: Uv, workspace: str | None
) -> tuple[End, Interpreter, dict[str, Fixed]]:
    """One side: from a file of pins, else from a recorded run; and what of it comes from addresses."""
    if Path(given).is_file():
        interpreter = uv.interpreter(python or this_python())
        packages = read_pins(Path(given), interpreter.markers)
        return End(packages, interpreter.version, interpreter.markers, variables), interpreter, {}
    snapshot = _recorded(given, workspace)
    interpreter = uv.interpreter(python or snapshot.python_version)
    packages, fixed = pins_and_fixed(snapshot)
    if fixed:
        _say(f"note: {', '.join(fixed)} of {given} as the source is now: no change")
    recorded = {**given_again(snapshot.environment_variables), **variables}
    hidden = [name for name, value in snapshot.environment_variables.items() if HIDDEN in value]
    if hidden:
        _say(f"note: {given} keeps no value of {', '.join(hidden)}: taken from where a rerun runs")
    return End(packages, interpreter.version, interpreter.markers, recorded), interpreter, fixed


def _suspicion(old: str, new: str, workspace: str | None) -> dict[str, float]:
    """What records make of each change, where both sides are recorded runs."""
    if Path(old).is_file() or Path(new).is_file():
        return {}
    with Contexta(workspace=workspace) as ctx:
        return prior(ctx.explain_regression(old, new).differences)


def _expected(old: str, new: str, workspace: str | None) -> float | None:
    """Seconds that the slower of two recorded runs took; None where a side is no run, or never ended."""
    if Path(old).is_file() or Path(new).is_file():
        return None
    with Contexta(workspace=workspace) as ctx:
        runs = [ctx.get_run(given) for given in (old, new)]
    ends = [(run.started_at, run.ended_at) for run in runs if run.ended_at is not None]
    took = [(to_microseconds(end) - to_microseconds(start)) / 1e6 for start, end in ends]
    return max(took) if len(took) == len(runs) else None


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


# ---------------------------------------------------------------------------------------------- what is told


def _answer(found: BisectPlan | BisectReport, screen: Iterator[Any], as_json: bool) -> None:
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        layout.show(screen)


def _say(line: str) -> None:
    click.echo(line, err=True)
