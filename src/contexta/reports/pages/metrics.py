"""One metric: over the points of a run, over runs, and the run where it is best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from contexta.findings import BestRun, Change, MetricSeries, MetricTrend
from contexta.reports.document.blocks import Block, Mark, Paragraph, Plot, Point, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count, moment
from contexta.reports.pages.common import metric_name, notes, run_label, short_names, tone_of, value_text

_MOST_NAMED = 4  # changes of one run
_LONGEST_VALUE = 30  # characters of a value in a change


def best(finding: BestRun) -> Report:
    metric = _metric(finding.stage_name, finding.metric_key)
    order = "highest" if finding.higher_is_better else "lowest"
    best_run = run_label(finding.run_ref, finding.renamed) if finding.run_ref else ""
    result = f"{best_run} has the {order} {metric}: {amount(finding.value)}"
    names = short_names([candidate.run_ref for candidate in finding.candidates], finding.renamed)
    rows = tuple(
        Row(
            cells=("-" if run.rank is None else str(run.rank), name, amount(run.value), run.status),
            tone=tone_of(run.status) if run.status != "completed" else None,
        )
        for run, name in zip(finding.candidates, names, strict=True)
    )
    blocks = (
        Paragraph(text=result if finding.run_ref else f"No run has a finite {metric}."),
        Table(columns=(">Rank", "Run", f">{metric}", "Status"), rows=rows, screen_rows=30),
    )
    sections = (Section(title="", blocks=blocks), *notes(finding.completeness_notes))
    return Report(title=f"Best by {metric}", sections=sections)


def trend(finding: MetricTrend) -> Report:
    metric = _metric(finding.stage_name, finding.metric_key)
    names = short_names([point.run_ref for point in finding.points], finding.renamed)
    blocks: tuple[Block, ...] = ()
    if finding.points:
        changes = [_count(point.changes) if number else "" for number, point in enumerate(finding.points)]
        rows = tuple(
            Row(cells=(name, moment(point.started_at), amount(point.value), change, point.status))
            for point, name, change in zip(finding.points, names, changes, strict=True)
        )
        columns = ("Run", "Started (UTC)", f">{metric}", "Changed before it", "Status")
        blocks = (_trend_plot(metric, finding, names), Table(columns=columns, rows=rows, one_line=True))
    return Report(
        title=f"{metric} over {count(len(finding.points), 'run')}",
        sections=(Section(title="", blocks=blocks), *notes(finding.completeness_notes)),
    )


def series(finding: MetricSeries) -> Report:
    """Each row is a bucket of successive points."""
    metric = metric_name(finding.stage_name, finding.metric_key, finding.slice_ref)
    steps = [
        str(number) if bucket.step is None else f"step {bucket.step}" for number, bucket in enumerate(finding.buckets)
    ]
    plot = Plot(
        title=f"{metric}, {count(finding.points, 'point')}",
        points=tuple(Point(label=step, value=bucket.last) for bucket, step in zip(finding.buckets, steps, strict=True)),
        unit="bucket",
    )
    rows = tuple(
        Row(
            cells=(
                "-" if bucket.step is None else str(bucket.step),
                moment(bucket.observed_at),
                str(bucket.points),
                amount(bucket.low),
                amount(bucket.high),
                amount(bucket.last),
                str(bucket.not_numbers) if bucket.not_numbers else "",
            )
        )
        for bucket in finding.buckets
    )
    table = Table(columns=(">Step", "At (UTC)", ">Points", ">Low", ">High", ">Last", ">NaN"), rows=rows)
    sections = (Section(title="", blocks=(plot, table)), *notes(finding.completeness_notes))
    return Report(title=f"{metric} of {run_label(finding.run_ref, finding.renamed)}", sections=sections)


def _trend_plot(metric: str, finding: MetricTrend, names: Iterable[str]) -> Plot:
    points = finding.points
    return Plot(
        title=metric,
        points=tuple(
            Point(label=name, value=point.value, about=f"{moment(point.started_at)} UTC, {point.status}")
            for point, name in zip(points, names, strict=True)
        ),
        marks=tuple(
            Mark(at=index, label=_changes(point.changes)) for index, point in enumerate(points) if point.changes
        ),
    )


def _metric(stage_name: str | None, key: str) -> str:
    return f"{stage_name}/{key}" if stage_name else key


def _count(changes: Sequence[Change] | None) -> str:
    """The number of changes before a run, which the plot names."""
    return "unknown" if changes is None else count(len(changes), "change") if changes else "nothing recorded"


def _changes(changes: Iterable[Change] | None) -> str:
    """The first changes by name and the number of the others; ``unknown`` for None."""
    if changes is None:
        return "unknown"
    names = [_change(change) for change in changes]
    more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _change(change: Change) -> str:
    left, right = (value_text(value, _LONGEST_VALUE) for value in (change.left_value, change.right_value))
    return f"{change.key}: {left} -> {right}"
