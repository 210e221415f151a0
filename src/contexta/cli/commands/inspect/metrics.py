"""`contexta metrics`, `series`, `trend`, `best`: one metric of a run, or over runs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from contexta.analysis.metrics.metric_names import like
from contexta.cli.command import LATEST_RUN_HELP, RUN_HELP, Answer, documented, query
from contexta.client.contexta import Contexta
from contexta.core.errors import NotFound, shown
from contexta.findings import RunDetails
from contexta.reports.pages.recorded.runs import metrics_of_run

_STAGE = click.option(
    "--stage", "stage_name", metavar="NAME", help="The stage of the metric; default: the last stage that logged it."
)
_PROJECT = click.option("--project", metavar="NAME", help="Only the runs of this project.")


@click.command(epilog=r"Example: contexta metrics this-month --from-output 'L(?P<step>\d+) (?P<loss>\S+)'")
@click.argument("run", default="@latest")
@click.argument("names", nargs=-1, metavar="[METRIC]...")
@click.option(
    "--from-output",
    "pattern",
    metavar="[REGEX]",
    is_flag=False,
    flag_value="",
    help="Read the metrics from the stored output, in known formats or by REGEX, whose groups are named key and value, "
    "or like metrics; also step.",
)
@query
@documented(LATEST_RUN_HELP)
def metrics(ctx: Contexta, run: str, names: tuple[str, ...], pattern: str | None) -> Answer:
    """Show the metrics of a run, or read them from its stored output.

    METRIC shows only those named. Metrics that are read replace those that were read before. Metrics that the program
    logged stay.
    """
    finding = ctx.get_run(run) if pattern is None else ctx.read_output_metrics(run, pattern or None)
    if names:
        finding = _of_names(finding, names)
    return Answer(finding, report=metrics_of_run(finding))


def _of_names(finding: RunDetails, names: Sequence[str]) -> RunDetails:
    """The run with these metrics only. Raises NotFound for a name that no stage has."""
    recorded = {metric.metric_key for stage in finding.stages for metric in stage.metrics}
    for name in names:
        if name not in recorded:
            similar = ", ".join(like(name, sorted(recorded)))
            hint = f"did you mean {similar}?" if similar else f"contexta metrics {finding.selector}"
            raise NotFound(f"{finding.label} has no metric {shown(name)}", hint=hint)
    stages = []
    for stage in finding.stages:
        metrics_of_stage = tuple(metric for metric in stage.metrics if metric.metric_key in names)
        if metrics_of_stage:
            stages.append(stage.model_copy(update={"metrics": metrics_of_stage}))
    return finding.model_copy(update={"stages": tuple(stages)})


@click.command(epilog="Example: contexta series this-month loss --points 40")
@click.argument("run")
@click.argument("metric")
@_STAGE
@click.option("--slice", "slice_ref", metavar="NAME", help="A slice of the data; default: all of it.")
@click.option("--points", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Rows at most.")
@query
@documented(RUN_HELP)
def series(ctx: Contexta, run: str, metric: str, stage_name: str | None, slice_ref: str | None, points: int) -> Answer:
    """Show one metric of a run over its points. Downsampling keeps the minimum and the maximum of each row."""
    return Answer(ctx.metric_series(run, metric, stage=stage_name, slice_ref=slice_ref, points=points))


@click.command(epilog="Example: contexta trend accuracy --html trend.html")
@click.argument("metric")
@_STAGE
@_PROJECT
@click.option(
    "--limit", "-n", type=click.IntRange(1, 100_000), default=200, show_default=True, help="The latest N runs."
)
@query
def trend(ctx: Contexta, metric: str, stage_name: str | None, project: str | None, limit: int) -> Answer:
    """Show a metric over the runs, and what changed between them."""
    return Answer(ctx.get_metric_trend(metric, project, stage_name=stage_name, limit=limit))


@click.command(epilog="Example: contexta best accuracy --stage train --higher-is-better")
@click.argument("metric")
@click.argument("run", nargs=-1)
@click.option("--higher-is-better/--lower-is-better", default=None, help="The direction of the metric.")
@_STAGE
@_PROJECT
@query
def best(
    ctx: Contexta,
    metric: str,
    run: tuple[str, ...],
    higher_is_better: bool | None,
    stage_name: str | None,
    project: str | None,
) -> Answer:
    """Rank runs by the last value of a metric, the best first.

    Without RUN: the latest 1,000 runs that have the metric. Exits with 1 if no run has a finite value.
    """
    finding = ctx.select_best_run(
        run or None, metric, stage_name=stage_name, higher_is_better=higher_is_better, project=project
    )
    return Answer(finding, int(finding.run_ref is None))
