"""The commands that ask of many runs, or of all that lies below one."""

from __future__ import annotations

from typing import Any

import click
from pydantic import ConfigDict, RootModel

from contexta.cli import answers
from contexta.cli.asking import Screen, asks, pages
from contexta.client.contexta import Contexta
from contexta.contract import DeploymentExecution
from contexta.core.model import Value

_STAGE = click.option("--stage", "stage_name", metavar="NAME", help="Look at this stage; else at the last that has it.")
_PROJECT = click.option("--project", metavar="NAME", help="Only the runs of this project.")


@click.command(epilog="Example: contexta snapshot this-month --json")
@click.argument("run")
@click.option(
    "--max-records",
    type=click.IntRange(1, 10_000_000),
    default=1_000,
    show_default=True,
    help="At most so many of each kind.",
)
@pages
@asks
def snapshot(ctx: Contexta, run: str, max_records: int) -> tuple[Value, Screen, int]:
    """Show everything that is stored of one run. That is: stages, batches, samples, deployments, artifacts, records.

    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix.
    """
    found = ctx.get_run_snapshot(run, max_records=max_records)
    return found, answers.snapshot(found), 0


@click.command(epilog="Example: contexta diagnose this-month")
@click.argument("run")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when there is an error or a warning.")
@pages
@asks
def diagnose(ctx: Contexta, run: str, exit_code: bool) -> tuple[Value, Screen, int]:
    """Show what stands out in a run: failures, what is open or missing. What is degraded counts too.

    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix.
    """
    found = ctx.diagnose_run(run)
    return found, answers.diagnosis(found), int(exit_code and not found.healthy)


@click.command(epilog="Example: contexta lineage deployment:shop.web --direction upstream")
@click.argument("ref")
@click.option(
    "--direction",
    type=click.Choice(["both", "upstream", "downstream"]),
    default="both",
    show_default=True,
    help="What it came from, what became of it, or both.",
)
@click.option("--max-depth", type=click.IntRange(1, 1_000_000), metavar="N", help="At most so many edges away.")
@pages
@asks
def lineage(ctx: Contexta, ref: str, direction: str, max_depth: int | None) -> tuple[Value, Screen, int]:
    """Show what came from what: environments, runs, artifacts, deployments. Recorded edges are followed too.

    REF is any reference (artifact:shop.february.model), or a run as people name it.
    """
    found = ctx.traverse_lineage(ref, direction=direction, max_depth=max_depth)
    return found, answers.lineage(found), 0


@click.command(epilog="Example: contexta best accuracy --stage train --higher-is-better")
@click.argument("metric")
@click.argument("run", nargs=-1)
@click.option("--higher-is-better/--lower-is-better", default=None, help="Which way is good.")
@_STAGE
@_PROJECT
@pages
@asks
def best(
    ctx: Contexta,
    metric: str,
    run: tuple[str, ...],
    higher_is_better: bool | None,
    stage_name: str | None,
    project: str | None,
) -> tuple[Value, Screen, int]:
    """Find the run that ended best by a metric. The others follow in order.

    Without RUN: the latest 1,000 runs that have the metric.
    """
    found = ctx.select_best_run(
        run or None, metric, stage_name=stage_name, higher_is_better=higher_is_better, project=project
    )
    return found, answers.best(found), int(found.run_ref is None)


@click.command(epilog="Example: contexta trend accuracy --html trend.html")
@click.argument("metric")
@_STAGE
@_PROJECT
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="The latest so many.")
@pages
@asks
def trend(
    ctx: Contexta, metric: str, stage_name: str | None, project: str | None, limit: int
) -> tuple[Value, Screen, int]:
    """Show a metric over runs, and what changed between them. The runs are those of a project."""
    found = ctx.get_metric_trend(metric, project, stage_name=stage_name, limit=limit)
    return found, answers.trend(found), 0


@click.command(epilog="Example: contexta report this-month --html this-month.html")
@click.argument("run", nargs=-1, required=True)
@pages
@asks
def report(ctx: Contexta, run: tuple[str, ...]) -> tuple[Value, Screen, int]:
    """Write a page about one run, or about several. Two are told with what differs, more side by side; Markdown unless
    told otherwise.

    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix.
    """
    found = ctx.build_run_report(*run) if len(run) <= 2 else ctx.build_multi_run_report(run)
    return found, answers.markdown(found), 0


class _Deployments(RootModel[tuple[DeploymentExecution, ...]]):
    """What ``contexta deployments --json`` prints: a list."""

    model_config = ConfigDict(ser_json_inf_nan="strings")  # as in every finding


@click.command(epilog="Example: contexta deployments --run this-month")
@_PROJECT
@click.option("--run", metavar="RUN", help="Only those of this run, its artifacts or its environment.")
@asks
def deployments(ctx: Contexta, project: str | None, run: str | None) -> tuple[Any, Screen, int]:
    """List deployments and what they run. The oldest come first."""
    found = ctx.list_deployments(project, run=run)
    return _Deployments(found), answers.deployments(found), 0
