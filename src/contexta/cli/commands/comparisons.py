"""`contexta diff`, `compare`, `why`, `report`: two or more runs compared."""

from __future__ import annotations

import click

from contexta.cli.command import RUN_HELP, Answer, documented, query
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.findings.comparisons import NOT_INSTALLED


@click.command(epilog="Example: contexta diff last-month this-month")
@click.argument("left", required=False)
@click.argument("right", required=False)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if something differs.")
@click.option("--issue", is_flag=True, help="Versions and links to release notes, as a text for an issue.")
@click.option("--online", is_flag=True, help="With --issue: read missing links from the package index.")
@query
def diff(ctx: Contexta, left: str | None, right: str | None, exit_code: bool, issue: bool, online: bool) -> Answer:
    """Show every difference between two runs.

    It compares metrics, parameters, command, code, environment and inputs. Without LEFT and RIGHT: the last two runs of
    the project. With LEFT alone: that run and the latest one. These defaults skip reruns. What a run did not record is
    listed as unknown. --html adds learning curves. --issue --markdown prints a text for the issue tracker of a package:
    the changed packages with links to their release notes, and the versions of both runs.
    """
    if online and not issue:
        raise InvalidInput("--online was given without --issue", hint="add --issue")
    if issue:
        draft = ctx.draft_issue(left, right, online=online)
        if any(change.reason == NOT_INSTALLED for change in draft.changes):  # on stderr: the text is pasted
            click.echo("hint: --online reads the missing addresses from the package index", err=True)
        return Answer(draft, int(exit_code and bool(draft.changes or draft.metrics)))
    finding = ctx.diff_runs(left, right)
    return Answer(finding, int(exit_code and finding.differs), page=lambda: ctx.build_page_with_curves(finding))


@click.command(epilog="Example: contexta compare last-month this-month")
@click.argument("run", nargs=-1)
@query
@documented(RUN_HELP)
def compare(ctx: Contexta, run: tuple[str, ...]) -> Answer:
    """Show runs side by side, and what changed between them.

    Without RUN: the last two runs of the project. With one RUN: that run and the latest one. These defaults skip
    reruns. --html adds learning curves.
    """
    finding = ctx.compare_multiple_runs(run) if len(run) > 2 else ctx.compare_runs(*run)
    return Answer(finding, page=lambda: ctx.build_page_with_curves(finding))


@click.command(epilog="Example: contexta report this-month --html this-month.html")
@click.argument("run", nargs=-1)
@click.option("--site", metavar="DIR", help="Write linked pages of all runs to a directory, or update them.")
@query
@documented(RUN_HELP)
def report(ctx: Contexta, run: tuple[str, ...], site: str | None) -> Answer:
    """Write a report about runs, as Markdown or HTML.

    Two runs are shown with their differences, more runs side by side. --site DIR writes an index, a page for each run
    and each project, and comparisons of successive runs; it needs no server.
    """
    if site is not None and run:
        raise InvalidInput("--site writes pages of all runs, and a run was named", hint="leave out one of them")
    if site is not None:
        return Answer(ctx.write_site(site))
    if not run:
        raise InvalidInput("no run was named", hint="contexta report RUN, or contexta report --site DIR for all runs")
    finding = ctx.build_run_report(*run) if len(run) <= 2 else ctx.build_multi_run_report(run)
    return Answer(finding, text=finding.to_markdown())


@click.command(epilog="Example: contexta why last-month this-month --metric accuracy")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--metric", metavar="NAME", help="The metric to explain; default: the one with the most certain drop.")
@click.option(
    "--lower-is-better/--higher-is-better",
    "lower_is_better",
    default=None,
    help="The direction of the metric, if its name does not tell.",
)
@click.option(
    "--group-by",
    metavar="KEY",
    default="auto",
    show_default=True,
    help="Which runs are repeats of each other: auto, none, tag:NAME, param:NAME.",
)
@query
def why(
    ctx: Contexta,
    old: str | None,
    new: str | None,
    metric: str | None,
    lower_is_better: bool | None,
    group_by: str,
) -> Answer:
    """Explain a changed metric: significance, suspects, next steps.

    Without OLD and NEW: the last two runs of the project. With OLD alone: that run and the latest one.
    These defaults skip reruns.

    OLD and NEW are references, project.run, names, @latest, @latest~2, or unique prefixes. Nothing is rerun, so every
    cause is a hypothesis; `contexta bisect` proves it. --html adds learning curves.
    """
    finding = ctx.explain_regression(old, new, metric=metric, lower_is_better=lower_is_better, group_by=group_by)
    return Answer(finding, page=lambda: ctx.build_page_with_curves(finding))
