"""`contexta lineage`, `deployments`: the origins of runs, artifacts and deployments."""

from __future__ import annotations

import click
from pydantic import ConfigDict, RootModel

from contexta.cli.command import Answer, query
from contexta.client.contexta import Contexta
from contexta.contract import DeploymentExecution
from contexta.reports.pages.recorded.lineage import deployments as deployments_report


class _Deployments(RootModel[tuple[DeploymentExecution, ...]]):
    """The JSON of a list of deployments."""

    model_config = ConfigDict(ser_json_inf_nan="strings")  # as in every finding


@click.command(epilog="Example: contexta lineage deployment:shop.web --direction upstream")
@click.argument("ref")
@click.option(
    "--direction",
    type=click.Choice(["both", "upstream", "downstream"]),
    default="both",
    show_default=True,
    help="upstream: what REF came from; downstream: what came from REF.",
)
@click.option("--max-depth", type=click.IntRange(1, 1_000_000), metavar="N", help="The most edges to follow from REF.")
@query
def lineage(ctx: Contexta, ref: str, direction: str, max_depth: int | None) -> Answer:
    """Show what came from what: runs, artifacts, deployments.

    It follows the links between runs, artifacts and deployments, and recorded relations. REF is any reference, such as
    artifact:shop.february.model, or the name of a run.
    """
    return Answer(ctx.traverse_lineage(ref, direction=direction, max_depth=max_depth))


@click.command(epilog="Example: contexta deployments --run this-month")
@click.option("--project", metavar="NAME", help="Only the deployments of this project.")
@click.option("--run", metavar="RUN", help="Only those of this run, its artifacts or its environment.")
@query
def deployments(ctx: Contexta, project: str | None, run: str | None) -> Answer:
    """List deployments and what they run, oldest first."""
    executions = ctx.list_deployments(project, run=run)
    return Answer(_Deployments(executions), report=deployments_report(executions))
