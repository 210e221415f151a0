"""``contexta bisect``: what is asked, read from the command line; what is found, shown on it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from contexta import __version__
from contexta.bisect.execution.cluster import Cluster, cluster_at
from contexta.bisect.reporting.estimate import plan
from contexta.bisect.reporting.report import report
from contexta.bisect.search.search import Verdict
from contexta.bisect.session.releases import releases_of
from contexta.bisect.session.study import Study, Watch
from contexta.cli.asking import answer, pages
from contexta.cli.bisect_progress import progress
from contexta.cli.bisect_screens import measured, opening, plan_screen, report_screen
from contexta.cli.bisect_setup import Asked, Options, asked_by, last_asked, last_study, remember
from contexta.cli.typed import swapped_line
from contexta.core.errors import InvalidInput, NotFound
from contexta.findings.bisect import BisectReport, Releases
from contexta.recorder.redaction import redact
from contexta.reproduce.uv.commands import UvError

_REPORT = "report.json"
_OF_ONE_ANSWER = ("as_json", "as_markdown", "html", "json_stream", "only_plan", "show", "resume", "workspace")


@click.command(
    epilog="Example: contexta bisect old.txt new.txt --metric accuracy -- python train.py",
    context_settings={"allow_interspersed_args": True},
)
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--metric",
    metavar="NAME",
    help="The metric that dropped, as the command records or prints it; default: of recorded runs the one that `why` "
    "explains first, else the exit code.",
)
@click.option("--exit-code", is_flag=True, help="Judge by the exit code, also where recorded runs have metrics.")
@click.option("--good-if", metavar="TEXT", help='What is good, as in "accuracy >= 0.9"; names the metric too.')
@click.option("--judge", metavar="COMMAND", help="Run after each rerun: exit code 0 is good, 125 cannot be told.")
@click.option(
    "--lower-is-better/--higher-is-better",
    default=None,
    help="Which way is good, where the metric's name does not say.",
)
@click.option("--metric-from", metavar="SOURCE", help="stdout:REGEX with one group, or json:FILE:PATH.")
@click.option("--python", metavar="VERSION|PATH", help="The interpreter of both sides.")
@click.option("--old-python", metavar="VERSION|PATH", help="The interpreter of OLD.")
@click.option("--new-python", metavar="VERSION|PATH", help="The interpreter of NEW.")
@click.option("--old-env", metavar="NAME=VALUE", multiple=True, help="A variable of OLD; may be repeated.")
@click.option("--new-env", metavar="NAME=VALUE", multiple=True, help="A variable of NEW; may be repeated.")
@click.option("--include", metavar="KINDS", help="Of two recorded runs also bisect source, params, or source,params.")
@click.option("--param-arg", metavar="TEXT", help='How a parameter is set, as in "--{name} {value}".')
@click.option(
    "--build-constraint",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Limits the tools that build source distributions, as in setuptools<58.",
)
@click.option("--skip", metavar="PACKAGE", multiple=True, help="Leave a package out on both sides; may be repeated.")
@click.option(
    "--max-runs", type=click.IntRange(min=8), default=60, show_default=True, help="Reruns until the verdict, at most."
)
@click.option("--timeout", type=click.FloatRange(min=0.1), help="Seconds a rerun; default: 4 x what it took, >= 60.")
@click.option("--timeout-is-bad", is_flag=True, help="A rerun that does not end in time is bad, any other good.")
@click.option("--memory-limit", type=click.IntRange(min=1), metavar="MB", help="Memory a rerun may use.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first seed.")
@click.option("--seed-arg", metavar="TEXT", help='Appended to the command, as in "--seed {seed}".')
@click.option("--in-place", is_flag=True, help="Run in this directory itself instead of a copy of it.")
@click.option("--study", type=click.Path(path_type=Path), metavar="DIR", help="Where the study is kept.")
@click.option("--jobs", type=click.IntRange(min=1), help="Reruns at a time; default 1, of a cluster all its threads.")
@click.option("--fresh", is_flag=True, help="Rerun what earlier studies ran, too.")
@click.option("--versions/--no-versions", default=True, help="Look for the first bad release of the culprit.")
@click.option("--resolve", is_flag=True, help="Complete requirements files that do not pin all they require, with uv.")
@click.option("--as-pinned", is_flag=True, help="Take requirements files as they are, complete or not.")
@click.option("--keep-order", is_flag=True, help="Run although recorded runs say that NEW is the better side.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be tried, and rerun nothing.")
@click.option("--resume", is_flag=True, help="Go on with this study; alone: with the last one.")
@click.option("--show", is_flag=True, help="Show the last report again, or that of --study; run nothing.")
@click.option("--offline", is_flag=True, help="Take packages from uv's cache only.")
@click.option("--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else .contexta.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
@click.option("--json-stream", is_flag=True, help="Print a JSON object a line: each trial as it ends, then the answer.")
@click.option("--repeats", type=click.IntRange(min=0), default=0, metavar="N", help="At least N reruns of each end.")
@click.option("--dask", metavar="ADDRESS", help="Rerun on a Dask cluster, as in tcp://10.0.0.1:8786.")
@pages
@click.pass_context
def bisect(context: click.Context, /, **options: Any) -> int:
    """Prove which change between two environments moved a metric.

    OLD and NEW are requirements files of exact pins, pylock.toml, uv.lock, directories of virtual environments, or
    recorded runs, in any combination. COMMAND, behind --, is rerun in mixes of both; it should read its seed from the
    variable SEED. With --include source,params the source and the parameters of two recorded runs are changes as well.
    """
    options["as_json"] = options["as_json"] or context.obj["as_json"]
    workspace = options["workspace"] or context.obj["workspace"]
    _require_one_form(options)
    if options["show"]:
        return _told(_kept(options["study"] or last_study(workspace)), options)
    if options["resume"] and options["old"] is None:
        given = {name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
        options = {**options, **last_asked(workspace), **{name: options[name] for name in given}}
    asked = asked_by(options, workspace, swapped_line(context.command, options, workspace))
    for line in (*asked.sides, *(f"note: {note}" for note in asked.notes)):
        _say(line)
    if options["only_plan"]:
        _show_plan(asked, options)
        return 0
    _remember(options, asked, workspace)
    with cluster_at(options["dask"]) if options["dask"] else nullcontext() as cluster:
        if cluster is not None and options["jobs"] is None:
            asked = replace(asked, setup=replace(asked.setup, jobs=cluster.size))
        return _told(_study(asked, cluster, options), options)


def _remember(options: Options, asked: Asked, workspace: str | None) -> None:
    kept = {name: value for name, value in options.items() if name not in _OF_ONE_ANSWER}
    remember({**kept, "chosen": asked.chosen}, asked.setup, workspace)


def _show_plan(asked: Asked, options: Options) -> None:
    _say("building the environments of OLD and NEW, whose metadata says what needs what")
    setup, notes = asked.setup, (*asked.sides, *asked.notes)
    found = plan(Study(setup, asked.uv).space, setup.settings.max_runs, seconds=setup.expected, notes=notes)
    as_json = options["as_json"] or options["json_stream"]
    answer(found, plan_screen(found), as_json=as_json, as_markdown=options["as_markdown"], html=options["html"])


def _study(asked: Asked, cluster: Cluster | None, options: Options) -> BisectReport:
    """Run it to its end. The report is kept with the study."""
    setup = asked.setup
    _say("building the environments of OLD and NEW")
    study = Study(setup, asked.uv, cluster, resume=options["resume"], fresh=options["fresh"])
    if cluster is not None:
        cluster.require_ready(study.sample())
    for line in opening(study, setup):
        _say(line)
    with progress(study, setup, asked.here.swapped or "", stream=options["json_stream"]) as watch:
        try:
            verdict = study.finish(watch.tried, watch.trying)
            watch.decided(verdict)
            releases, unknown = _releases(study, verdict, watch.tried) if options["versions"] else (None, ())
        except KeyboardInterrupt:
            watch.stopped(f"stopped after {len(study.trials) + len(study.inside)} trials, which are kept")
            watch.stopped("`contexta bisect --resume` goes on")
            raise
    done = report(
        study.space,
        verdict,
        study.trials,
        metric=measured(setup),
        higher_is_better=setup.higher_is_better,
        releases=releases,
        inside=study.inside,
        command=_without_secrets(setup.command.argv),
        command_given=None if asked.command_given is None else _without_secrets(asked.command_given),
        tools=_tools(asked),
        notes=(*asked.sides, *asked.notes, *study.notes, *unknown),
        here=replace(asked.here, command=_without_secrets(asked.here.command)),
        recorded=asked.recorded,
    )
    (setup.folder / _REPORT).write_text(done.model_dump_json(indent=2), encoding="utf-8")
    return done


def _without_secrets(command: Sequence[str]) -> tuple[str, ...]:
    """A command as reports show it, which others read."""
    return tuple(redact.argv(command, None)[0])


def _releases(study: Study, verdict: Verdict, watch: Watch) -> tuple[Releases | None, tuple[str, ...]]:
    try:
        return releases_of(study, verdict, watch), ()
    except UvError as error:
        return None, (f"the culprit's releases are not known: {error.what[:300]}",)


def _tools(asked: Asked) -> dict[str, str]:
    pythons = {f"python of {end.upper()}": python.version for end, python in asked.setup.pythons.items()}
    return {"contexta": __version__, "uv": asked.uv.version, **pythons, "platform": platform.platform(terse=True)}


def _kept(folder: Path) -> BisectReport:
    path = folder / _REPORT
    if not path.is_file():
        raise NotFound(f"the study in {folder} has no report yet", hint="`contexta bisect --resume` goes on with it")
    return BisectReport.model_validate_json(path.read_bytes())


def _require_one_form(options: Options) -> None:
    asked = [name for name, key in (("--json", "as_json"), ("--json-stream", "json_stream")) if options[key]]
    asked += ["--markdown"] if options["as_markdown"] else []
    if len(asked) > 1:
        raise InvalidInput(f"{' and '.join(asked)} were both given", hint="ask for one of them at a time")


def _told(done: BisectReport, options: Options) -> int:
    if options["json_stream"]:
        click.echo(done.model_dump_json())
    if options["html"] or not options["json_stream"]:
        answer(
            done,
            report_screen(done),
            as_json=options["as_json"],
            as_markdown=options["as_markdown"],
            html=options["html"],
        )
    return 0 if done.holds else 1


def _say(line: str) -> None:
    click.echo(line, err=True)
