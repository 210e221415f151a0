"""Runs in groups: one row for each group, with the mean and the deviation of its metrics."""

from __future__ import annotations

from contexta.findings.runs import GroupedMetric, RunGroup, RunGroups
from contexta.reports.document.blocks import Block, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count, moment

_MOST_METRICS = 4
_MINUTES = len("2025-02-15 08:00")
_ROWS = 20  # on a screen


def run_groups(finding: RunGroups) -> Report:
    blocks: list[Block] = []
    keys = list(dict.fromkeys(metric.metric_key for group in finding.groups for metric in group.metrics))
    shown = keys[:_MOST_METRICS]
    if finding.groups:
        titles = ("Group", ">Runs", "Started (UTC)", *(f">{key}" for key in shown))
        rows = tuple(_row(group, shown) for group in finding.groups)
        blocks.append(Table(columns=titles, rows=rows, screen_rows=_ROWS))
    else:
        blocks.append(Paragraph(text="No run matches."))
    if len(keys) > len(shown):
        left_out = ", ".join(keys[_MOST_METRICS:])
        blocks.append(Paragraph(text=f"Not shown: {left_out}. --json has every metric.", tone="quiet"))
    if finding.next_after is not None:
        text = (
            f"{finding.run_count} runs; the same command with --after {finding.next_after.value} groups the next ones"
        )
        blocks.append(Paragraph(text=text, tone="quiet"))
    title = f"{count(finding.run_count, 'run')} in {count(len(finding.groups), 'group')} by {finding.by}"
    return Report(title=title, sections=(Section(title="", blocks=tuple(blocks)),))


def _row(group: RunGroup, keys: list[str]) -> Row:
    first = min(run.started_at for run in group.runs)
    values = (spread(group.metric(key)) for key in keys)
    return Row(cells=(group.name, str(len(group.runs)), moment(first)[:_MINUTES], *values))


def spread(metric: GroupedMetric | None) -> str:
    """``0.9127 ± 0.0011 (5)``: the mean, the standard deviation and the number of values."""
    if metric is None:
        return ""
    if metric.standard_deviation is None:
        return f"{amount(metric.mean)} ({metric.n})"
    return f"{amount(metric.mean)} ± {metric.standard_deviation:.2g} ({metric.n})"
