"""``contexta series``: one metric of one run over its points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.text import Text

from contexta.cli.asking import Screen, asks
from contexta.cli.layout import columns, metric_name, note_lines
from contexta.cli.words import amount, count, moment
from contexta.client.contexta import Contexta
from contexta.core.model import Value
from contexta.findings import RUN_LEVEL, MetricSeries
from contexta.reports.document.formatting import printable

_BARS = "▁▂▃▄▅▆▇█"
_ROWS = 20


@click.command(epilog="Example: contexta series this-month loss --points 40")
@click.argument("run")
@click.argument("metric")
@click.option("--stage", metavar="NAME", help="Of this stage; default: whichever logged it last.")
@click.option("--slice", "slice_ref", metavar="NAME", help="Of this slice of the data; default: the whole.")
@click.option("--points", type=click.IntRange(1, 100_000), default=_ROWS, show_default=True, help="At most so many.")
@asks
def series(
    ctx: Contexta, run: str, metric: str, stage: str | None, slice_ref: str | None, points: int
) -> tuple[Value, Screen, int]:
    """Show one metric of a run over its points. They are thinned so that every spike survives.

    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix.
    """
    found = ctx.metric_series(run, metric, stage=stage, slice_ref=slice_ref, points=points)
    return found, _screen(found), 0


def _screen(found: MetricSeries) -> Iterator[Any]:
    of_stage = "" if found.stage_name == RUN_LEVEL else f"  stage {printable(found.stage_name)}"
    name = metric_name(found.metric_key, found.slice_ref)
    yield Text.assemble((found.run_ref.value, "bold"), "  ", name, of_stage, f"  {count(found.points, 'point')}")
    yield Text(_line([bucket.last for bucket in found.buckets]))
    yield Text()
    table = columns(">Step", "At (UTC)", ">Points", ">Low", ">High", ">Last", ">NaN")
    for bucket in found.buckets:
        table.add_row(
            "-" if bucket.step is None else str(bucket.step),
            moment(bucket.observed_at),
            str(bucket.points),
            amount(bucket.low),
            amount(bucket.high),
            amount(bucket.last),
            str(bucket.not_numbers) if bucket.not_numbers else "",
        )
    yield table
    yield from note_lines(found.completeness_notes)


def _line(values: list[int | float]) -> str:
    """The values as a row of bars; a blank for what is no finite number."""
    finite = [float(value) for value in values if abs(value) < 1e300]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    width = (high - low) or 1.0
    return "".join(
        _BARS[min(int((float(value) - low) / width * len(_BARS)), len(_BARS) - 1)] if abs(value) < 1e300 else " "
        for value in values
    )
