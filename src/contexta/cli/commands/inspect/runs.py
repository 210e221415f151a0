"""`contexta runs`, `show`, `snapshot`, `diagnose`: one run, or a list of runs."""

from __future__ import annotations

import click

from contexta.cli.command import LATEST_RUN_HELP, Answer, documented, query
from contexta.client.contexta import Contexta
from contexta.findings import RunSummary
from contexta.reports.pages.recorded.run_list import columns_of, run_list


class RunSummaries(tuple[RunSummary, ...]):
    """A list of runs that prints as JSON."""

    def model_dump_json(self, *, indent: int) -> str:
        """The JSON of the runs. The validator of the list is built here, because the terminal output does not need
        it."""
        from pydantic import ConfigDict, TypeAdapter

        as_in_findings = ConfigDict(ser_json_inf_nan="strings")
        adapter = TypeAdapter(tuple[RunSummary, ...], config=as_in_findings)
        return adapter.dump_json(tuple(self), indent=indent).decode()


@click.command(epilog='Example: contexta runs --where "metrics.accuracy > 0.9 and packages.torch < 2.1"')
@click.option("--project", metavar="NAME", help="Only the runs of this project.")
@click.option("--where", metavar="CONDITION", help="Only the runs that match.")
@click.option("--sort", metavar="FIELD", help='As in "metrics.accuracy desc"; default: "started desc".')
@click.option("--after", metavar="RUN", help="The page after this run.")
@click.option("--limit", "-n", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="Runs per page.")
@click.option(
    "--columns", metavar="NAMES", help="As in run,status,metrics.accuracy,params.lr; the sorted one is always shown."
)
@click.option(
    "--group-by",
    metavar="WHAT",
    help="Mean, deviation and number of each metric, by repeats (all but the seed), params, environment, tag:NAME or "
    "param:NAME.",
)
@click.option("--archived", is_flag=True, help="List archived runs too.")
@query
def runs(
    ctx: Contexta,
    project: str | None,
    where: str | None,
    sort: str | None,
    after: str | None,
    limit: int,
    columns: str | None,
    group_by: str | None,
    archived: bool,
) -> Answer:
    """List the runs of the workspace, latest first."""
    if group_by is not None:
        groups = ctx.group_runs(project, by=group_by, where=where, order_by=sort, after=after, archived=archived)
        for note in groups.notes:
            click.echo(f"note: {note}", err=True)
        return Answer(groups)
    page = ctx.list_runs(project, where=where, order_by=sort, after=after, limit=limit + 1, archived=archived)
    for note in page.notes:
        click.echo(f"note: {note}", err=True)
    report = run_list(
        page[:limit],
        columns_of(columns, sort),
        is_filtered=bool(where or after or project),
        has_more=len(page) > limit,
    )
    return Answer(RunSummaries(page[:limit]), report=report)


@click.command(epilog="Example: contexta show this-month")
@click.argument("run", default="@latest")
@query
@documented(LATEST_RUN_HELP)
def show(ctx: Contexta, run: str) -> Answer:
    """Show one run: status, metrics, parameters, environment.

    --html adds its learning curves, its uncommitted changes and its output.
    """
    finding = ctx.get_run(run)
    return Answer(finding, page=lambda: ctx.build_run_page(str(finding.run_ref)))


@click.command(epilog="Example: contexta snapshot this-month --json")
@click.argument("run", default="@latest")
@click.option("--max-records", type=click.IntRange(1, 10_000_000), help="The most records to show; default: all.")
@query
@documented(LATEST_RUN_HELP)
def snapshot(ctx: Contexta, run: str, max_records: int | None) -> Answer:
    """Show everything stored of one run: stages, samples, records."""
    return Answer(ctx.get_run_snapshot(run, max_records=max_records))


@click.command(epilog="Example: contexta diagnose this-month")
@click.argument("run", default="@latest")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if there is an error or a warning.")
@query
@documented(LATEST_RUN_HELP)
def diagnose(ctx: Contexta, run: str, exit_code: bool) -> Answer:
    """Show problems of a run: failures, open stages, lost records."""
    finding = ctx.diagnose_run(run)
    return Answer(finding, int(exit_code and not finding.healthy))
