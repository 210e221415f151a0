"""``contexta bisect``: options, and one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from contexta.cli.asking import answer, pages
from contexta.cli.bisect_progress import progress
from contexta.cli.bisect_screens import plan_screen, report_screen
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput, shown
from contexta.findings.bisect import BisectReport

_OF_THE_OUTPUT = ("as_json", "as_markdown", "html", "json_stream", "only_plan", "show", "resume", "workspace")


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
    _require_one_format(options)
    fields = _fields(context, options)
    with Contexta(workspace=options["workspace"] or context.obj["workspace"]) as ctx:
        if options["show"]:
            return _print(ctx.last_bisect(options["study"]), options)
        if options["only_plan"]:
            with progress(stream=False) as watch:
                plan = ctx.plan_bisect(**fields, progress=watch)
            as_json = options["as_json"] or options["json_stream"]
            answer(plan, plan_screen(plan), as_json=as_json, as_markdown=options["as_markdown"], html=options["html"])
            return 0
        with progress(stream=options["json_stream"]) as watch:
            report = ctx.bisect(**fields, resume=options["resume"], progress=watch)
    return _print(report, options)


def _fields(context: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of ``Contexta.bisect`` that were typed."""
    typed = {name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    fields = {name: options[name] for name in sorted(typed - {*_OF_THE_OUTPUT})}
    for name in typed & {"old_env", "new_env"}:
        fields[name] = _variables(options[name])
    if "include" in typed:
        fields["include"] = tuple(options["include"].split(","))
    if options["html"]:
        fields["outputs"] = (Path(options["html"]),)
    return fields


def _variables(pairs: Sequence[str]) -> dict[str, str]:
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or "\0" in pair:
            raise InvalidInput(f"{shown(pair)} is no variable", hint="write it as NAME=VALUE")
        variables[name] = value
    return variables


def _require_one_format(options: dict[str, Any]) -> None:
    formats = [name for name, key in (("--json", "as_json"), ("--json-stream", "json_stream")) if options[key]]
    formats += ["--markdown"] if options["as_markdown"] else []
    if len(formats) > 1:
        raise InvalidInput(f"{' and '.join(formats)} were both given", hint="ask for one of them at a time")


def _print(report: BisectReport, options: dict[str, Any]) -> int:
    if options["json_stream"]:
        click.echo(report.model_dump_json())
    if options["html"] or not options["json_stream"]:
        answer(
            report,
            report_screen(report),
            as_json=options["as_json"],
            as_markdown=options["as_markdown"],
            html=options["html"],
        )
    return 0 if report.holds else 1
