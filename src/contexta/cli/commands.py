"""The commands that ask of runs and environments."""

from __future__ import annotations

from typing import Any

import click
from pydantic import ConfigDict, RootModel

from contexta.cli import environments, screens
from contexta.cli.asking import Screen, asks, pages
from contexta.cli.command import Answer, query
from contexta.client.contexta import Contexta
from contexta.core.model import Value
from contexta.findings import RunSummary


class _Runs(RootModel[tuple[RunSummary, ...]]):
    """What ``contexta runs --json`` prints: a list."""

    model_config = ConfigDict(ser_json_inf_nan="strings")  # as in every finding


@click.command(epilog='Example: contexta runs --where "metrics.accuracy > 0.9 and packages.torch < 2.1"')
@click.option("--project", metavar="NAME", help="Only the runs of this project.")
@click.option("--where", metavar="CONDITION", help="Only the runs that fit.")
@click.option("--sort", metavar="FIELD", help='By which field: "metrics.accuracy desc"; default: "started desc".')
@click.option("--after", metavar="RUN", help="The page behind this run.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="At most so many.")
@asks
def runs(
    ctx: Contexta, project: str | None, where: str | None, sort: str | None, after: str | None, limit: int
) -> tuple[Any, Screen, int]:
    """List the runs of the workspace, the latest first."""
    found = ctx.list_runs(project, where=where, order_by=sort, after=after, limit=limit)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    return _Runs(found), screens.runs(found, limit, bool(where or after or project)), 0


@click.command(epilog="Example: contexta show this-month")
@click.argument("run")
@pages
@asks
def show(ctx: Contexta, run: str) -> tuple[Value, Screen, int]:
    """Show one run: status, metrics, parameters, environment.

    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix.
    """
    details = ctx.get_run(run)
    return details, screens.run(details), 0


@click.command(epilog="Example: contexta compare last-month this-month")
@click.argument("left")
@click.argument("right")
@click.argument("more", nargs=-1)
@pages
@asks
def compare(ctx: Contexta, left: str, right: str, more: tuple[str, ...]) -> tuple[Value, Screen, int]:
    """Put the metrics of two or more runs side by side.

    LEFT, RIGHT and MORE are references, project.run, names, @latest, @latest~2, or unique prefixes.
    """
    if more:
        table = ctx.compare_multiple_runs((left, right, *more))
        return table, screens.side_by_side(table), 0
    comparison = ctx.compare_runs(left, right)
    return comparison, screens.comparison(comparison), 0


@click.command(epilog="Example: contexta diff last-month this-month")
@click.argument("left", required=False)
@click.argument("right", required=False)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if something differs.")
@query
def diff(ctx: Contexta, left: str | None, right: str | None, exit_code: bool) -> Answer:
    """Show what changed between two runs: metrics, environment, inputs.

    Without LEFT and RIGHT: the last two runs of the project. With LEFT alone: that run and the latest one.
    """
    finding = ctx.diff_runs(left, right)
    return Answer(finding, int(exit_code and finding.differs))


@click.command(epilog="Example: contexta env this-month --requirements > requirements.txt")
@click.argument("run")
@click.option("--requirements", is_flag=True, help="Print it as a requirements file.")
@pages
@asks
def env(ctx: Contexta, run: str, requirements: bool) -> tuple[Value, Screen, int]:
    """Print the environment a run started in.

    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix.
    """
    snapshot = ctx.get_environment(run)
    return snapshot, (environments.requirements if requirements else environments.environment)(snapshot), 0


@click.command(epilog="Example: contexta audit this-month --online --fail-on fail")
@click.argument("run")
@click.option("--online", is_flag=True, help="Ask the index for every package.")
@click.option("--deep", is_flag=True, help="Read every file of the environment, where it is still there.")
@click.option("--fail-on", type=click.Choice(["warn", "fail"]), help="Exit with 1 when a check is that, or worse.")
@pages
@asks
def audit(ctx: Contexta, run: str, online: bool, deep: bool, fail_on: str | None) -> tuple[Value, Screen, int]:
    """Check whether a run's environment could be had again.

    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix.
    """
    found = ctx.audit_reproducibility(run, online=online, deep=deep)
    return found, screens.audit(found), int(fail_on is not None and found.is_at_worst(fail_on))
