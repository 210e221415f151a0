"""`contexta diff`, `compare`, `report`: differences between runs."""

from __future__ import annotations

import click

from contexta.cli.command import RUN_HELP, Answer, documented, query
from contexta.client.contexta import Contexta


@click.command(epilog="Example: contexta diff last-month this-month")
@click.argument("left", required=False)
@click.argument("right", required=False)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if something differs.")
@query
def diff(ctx: Contexta, left: str | None, right: str | None, exit_code: bool) -> Answer:
    """Show every difference: metrics, parameters, command, code, environment, inputs.

    Without LEFT and RIGHT: the last two runs of the project. With LEFT alone: that run and the latest one. What a run
    did not record is listed as unknown.
    """
    finding = ctx.diff_runs(left, right)
    return Answer(finding, int(exit_code and finding.differs))


@click.command(epilog="Example: contexta compare last-month this-month")
@click.argument("run", nargs=-1)
@query
@documented(RUN_HELP)
def compare(ctx: Contexta, run: tuple[str, ...]) -> Answer:
    """Show two or more runs side by side, and what changed between them.

    Without RUN: the last two runs of the project. With one RUN: that run and the latest one.
    """
    return Answer(ctx.compare_multiple_runs(run) if len(run) > 2 else ctx.compare_runs(*run))


@click.command(epilog="Example: contexta report this-month --html this-month.html")
@click.argument("run", nargs=-1, required=True)
@query
@documented(RUN_HELP)
def report(ctx: Contexta, run: tuple[str, ...]) -> Answer:
    """Write a report about one run, or about several, as Markdown or HTML.

    Two runs are shown with their differences, more runs side by side.
    """
    finding = ctx.build_run_report(*run) if len(run) <= 2 else ctx.build_multi_run_report(run)
    return Answer(finding, text=finding.to_markdown())
