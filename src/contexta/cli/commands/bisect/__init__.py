"""`contexta bisect`: options, and one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from contexta.cli.command import Answer, Format, print_answer, take_format
from contexta.cli.commands.bisect.progress import progress
from contexta.cli.options import format_options, workspace_option
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput, shown

_NOT_OF_A_STUDY = ("json_stream", "only_plan", "show", "resume", "workspace")


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
    help="The metric that dropped, as the command records or prints it; default: the one that `why` explains first for "
    "recorded runs, else the exit code.",
)
@click.option("--exit-code", is_flag=True, help="Judge by the exit code, even if recorded runs have metrics.")
@click.option("--good-if", metavar="TEXT", help='What is good, as in "accuracy >= 0.9"; replaces --metric.')
@click.option("--judge", metavar="COMMAND", help="Run after each rerun: exit code 0 is good, 125 gives no result.")
@click.option(
    "--lower-is-better/--higher-is-better",
    default=None,
    help="The direction of the metric, if its name does not tell.",
)
@click.option("--metric-from", metavar="SOURCE", help="stdout:REGEX with one group, or json:FILE:PATH.")
@click.option("--python", metavar="VERSION|PATH", help="The interpreter of both sides.")
@click.option("--old-python", metavar="VERSION|PATH", help="The interpreter of OLD.")
@click.option("--new-python", metavar="VERSION|PATH", help="The interpreter of NEW.")
@click.option("--old-env", metavar="NAME=VALUE", multiple=True, help="A variable of OLD; may be repeated.")
@click.option("--new-env", metavar="NAME=VALUE", multiple=True, help="A variable of NEW; may be repeated.")
@click.option("--include", metavar="KINDS", help="Also bisect source, params, or source,params of two recorded runs.")
@click.option("--param-arg", metavar="TEXT", help='How to pass a parameter to COMMAND, as in "--{name} {value}".')
@click.option(
    "--build-constraint",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Constraints of the tools that build source distributions, as in setuptools<58.",
)
@click.option("--skip", metavar="PACKAGE", multiple=True, help="A package to leave out on both sides; may be repeated.")
@click.option(
    "--max-runs", type=click.IntRange(min=8), default=60, show_default=True, help="Reruns until the verdict at most."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    help="Seconds per rerun; default: 4 x its duration, >= 60.",
)
@click.option("--timeout-is-bad", is_flag=True, help="A rerun that exceeds --timeout is bad, any other is good.")
@click.option("--memory-limit", type=click.IntRange(min=1), metavar="MB", help="The memory limit of a rerun.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first seed.")
@click.option("--seed-arg", metavar="TEXT", help='How to pass the seed to COMMAND, as in "--seed {seed}".')
@click.option("--in-place", is_flag=True, help="Run in this directory instead of in a copy of it.")
@click.option("--study", type=click.Path(path_type=Path), metavar="DIR", help="The directory of the study.")
@click.option("--jobs", type=click.IntRange(min=1), help="Reruns at a time; default: 1, or all threads of the cluster.")
@click.option("--fresh", is_flag=True, help="Do not reuse trials of earlier studies.")
@click.option("--versions/--no-versions", default=True, help="Find the first bad release of the culprit.")
@click.option("--resolve", is_flag=True, help="Complete requirements files that lack pins, with uv.")
@click.option("--as-pinned", is_flag=True, help="Use requirements files as they are, even if they lack pins.")
@click.option("--keep-order", is_flag=True, help="Run even if NEW is better according to recorded runs.")
@click.option("--plan", "only_plan", is_flag=True, help="Show the plan and the expected cost; rerun nothing.")
@click.option("--resume", is_flag=True, help="Continue this study; without OLD and NEW: the last one.")
@click.option("--show", is_flag=True, help="Show the report of the last study, or of --study; rerun nothing.")
@click.option("--offline", is_flag=True, help="Use packages from uv's cache only.")
@workspace_option
@click.option(
    "--json-stream", is_flag=True, help="Print a JSON object per line: each trial as it ends, then the report."
)
@click.option("--repeats", type=click.IntRange(min=0), default=0, metavar="N", help="Least runs of OLD and of NEW.")
@click.option("--dask", metavar="ADDRESS", help="Rerun on a Dask cluster, as in tcp://10.0.0.1:8786.")
@format_options
@click.pass_context
def bisect(context: click.Context, /, **options: Any) -> int:
    """Prove which change between two environments moved a metric.

    OLD and NEW are requirements files of exact pins, pylock.toml, uv.lock, directories of virtual environments, or
    recorded runs, in any combination. COMMAND, after --, is rerun in mixes of both; default: the command of the
    recorded run. It should read its seed from the variable SEED, see also --seed-arg. With --include source,params the
    source and the parameters of two recorded runs are changes too. Exits with 1 if the verdict is not_proved or
    undecided.
    """
    form = take_format(context.obj, options)
    stream = options["json_stream"]
    _require_one_format(form, stream=stream)
    fields = _fields(context, options, form)
    with Contexta(workspace=options["workspace"] or context.obj["workspace"]) as ctx:
        if options["only_plan"]:
            with progress(stream=False) as watch:
                plan = ctx.plan_bisect(**fields, progress=watch)
            print_answer(Answer(plan), form._replace(as_json=form.as_json or stream))
            return 0
        if options["show"]:
            report = ctx.last_bisect(options["study"])
        else:
            with progress(stream=stream) as watch:
                report = ctx.bisect(**fields, resume=options["resume"], progress=watch)
    if stream:
        click.echo(report.model_dump_json())
    if form.html or not stream:
        print_answer(Answer(report), form)
    return 0 if report.holds else 1


def _fields(context: click.Context, options: dict[str, Any], form: Format) -> dict[str, Any]:
    """The arguments of ``Contexta.bisect`` that were typed."""
    typed = {name for name in options if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    fields = {name: options[name] for name in sorted(typed - {*_NOT_OF_A_STUDY})}
    for name in typed & {"old_env", "new_env"}:
        fields[name] = _variables(options[name])
    if "include" in typed:
        fields["include"] = tuple(options["include"].split(","))
    if form.html:
        fields["outputs"] = (Path(form.html),)
    return fields


def _variables(pairs: Sequence[str]) -> dict[str, str]:
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or "\0" in pair:
            raise InvalidInput(f"{shown(pair)} is not a variable", hint="write it as NAME=VALUE")
        variables[name] = value
    return variables


def _require_one_format(form: Format, *, stream: bool) -> None:
    chosen = {"--json": form.as_json, "--json-stream": stream, "--markdown": form.as_markdown}
    names = [name for name, is_chosen in chosen.items() if is_chosen]
    if len(names) > 1:
        raise InvalidInput(f"{' and '.join(names)} were both given", hint="leave out one of them")
