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
    """Show what changed between two runs: metrics, environment, inputs.

    Without LEFT and RIGHT: the last two runs of the project. With LEFT alone: that run and the latest one.
    """
    finding = ctx.diff_runs(left, right)
    return Answer(finding, int(exit_code and finding.differs))


@click.command(epilog="Example: contexta compare last-month this-month")
@click.argument("left")
@click.argument("right")
@click.argument("more", nargs=-1)
@query
def compare(ctx: Contexta, left: str, right: str, more: tuple[str, ...]) -> Answer:
    """Show the metrics of two or more runs side by side.

    LEFT, RIGHT and MORE are references, project.run, names, @latest, @latest~2, or unique prefixes.
    """
    return Answer(ctx.compare_multiple_runs((left, right, *more)) if more else ctx.compare_runs(left, right))


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
