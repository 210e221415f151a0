"""``contexta timeline``: how a package went through its versions, and what a metric did meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.text import Text

from contexta.cli.asking import Screen, asks, pages
from contexta.cli.layout import columns, note_lines, words
from contexta.cli.words import amount, count, moment
from contexta.client.contexta import Contexta
from contexta.core.model import Value
from contexta.findings import PackageTimeline


@click.command(epilog="Example: contexta timeline torch --metric accuracy")
@click.argument("package")
@click.option("--metric", metavar="NAME", help="A metric to put beside the versions.")
@click.option(
    "--project", metavar="NAME", help="The project; default: the configured one, else that of the latest run."
)
@pages
@asks
def timeline(ctx: Contexta, package: str, metric: str | None, project: str | None) -> tuple[Value, Screen, int]:
    """Show the versions of a package over the runs of a project, and a metric beside them.

    PACKAGE is a distribution, or python.
    """
    found = ctx.package_timeline(package, metric=metric, project=project)
    return found, screen(found), 0


def screen(found: PackageTimeline) -> Iterator[Any]:
    if not found.runs:
        yield Text("No runs with an environment yet.")
    else:
        yield words(f"{found.package} over {count(len(found.runs), 'run')}", "bold")
        table = columns(
            "Version", "From run", "To run", "Since (UTC)", ">Runs", *([f">{found.metric}"] if found.metric else [])
        )
        for period in found.periods:
            values = (
                amount(period.low) if period.low == period.high else f"{amount(period.low)} to {amount(period.high)}"
            )
            table.add_row(
                words(period.version or "absent", "bold"),
                words(period.first_run.name),
                words(period.last_run.name),
                moment(period.first_at),
                str(period.runs),
                *([values] if found.metric else []),
            )
        yield table
    yield from note_lines(found.completeness_notes)
