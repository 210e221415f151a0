"""`contexta plot`: learning curves."""

from __future__ import annotations

from typing import Literal

import click

from contexta.cli.command import RUN_HELP, Answer, documented, query
from contexta.client.contexta import Contexta
from contexta.client.reading.curves import COLUMNS


@click.command(epilog="Example: contexta plot last-month this-month loss --log")
@click.argument("run_or_metric", nargs=-1, metavar="[RUN...] [METRIC...]")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="A metric, also if a run has that name.")
@click.option(
    "--x",
    type=click.Choice(["step", "time", "epoch"]),
    default="step",
    show_default=True,
    help="The horizontal axis; time is since the start of the run.",
)
@click.option("--log", is_flag=True, help="A logarithmic scale of values.")
@click.option(
    "--smooth",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    metavar="WEIGHT",
    help="Moving average; the weight of the past, as in 0.6.",
)
@click.option(
    "--columns",
    type=click.IntRange(1, 10_000),
    default=COLUMNS,
    show_default=True,
    help="Keep the lowest and the highest point of each column.",
)
@query
@documented(RUN_HELP)
def plot(
    ctx: Contexta,
    run_or_metric: tuple[str, ...],
    metrics: tuple[str, ...],
    x: Literal["step", "time", "epoch"],
    log: bool,
    smooth: float,
    columns: int,
) -> Answer:
    """Draw the learning curves of runs in one chart in the terminal.

    A word that names a run is a run, and one that names a metric is a metric. Without a run: the latest one. Without
    a metric: every metric with more than one point.

    --json prints the points that are drawn: of a long curve at most two for each column.
    """
    return Answer(ctx.plot(*run_or_metric, metrics=metrics, x=x, log=log, smooth=smooth, columns=columns))
