"""The versions of a package over the runs of a project."""

from __future__ import annotations

from contexta.findings import PackageTimeline, VersionPeriod
from contexta.reports.document.blocks import Block, Mark, Paragraph, Plot, Point, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, moment
from contexta.reports.pages.common import notes, short_names


def timeline(finding: PackageTimeline) -> Report:
    blocks: list[Block] = [] if finding.runs else [Paragraph(text="No run with a recorded environment.")]
    if finding.metric is not None and finding.runs:
        blocks.append(_plot(finding.package, finding.metric, finding))
    if finding.periods:
        blocks.append(_periods(finding))
    section = Section(title="", blocks=tuple(blocks))
    return Report(title=f"{finding.package} over time", sections=(section, *notes(finding.completeness_notes)))


def _plot(package: str, metric: str, finding: PackageTimeline) -> Plot:
    versions = [run.version or "absent" for run in finding.runs]
    names = short_names([run.run_ref for run in finding.runs], finding.renamed)
    return Plot(
        title=metric,
        points=tuple(
            Point(label=name, value=run.value, about=f"{package} {run.version or 'absent'}")
            for name, run in zip(names, finding.runs, strict=True)
        ),
        marks=tuple(
            Mark(at=index, label=f"{package} {versions[index - 1]} -> {versions[index]}")
            for index in range(1, len(versions))
            if versions[index] != versions[index - 1]
        ),
    )


def _periods(finding: PackageTimeline) -> Table:
    rows = tuple(
        Row(
            cells=(
                period.version or "absent",
                *short_names((period.first_run, period.last_run), finding.renamed),
                moment(period.first_at)[:-3],  # to the minute
                str(period.runs),
                *((_range(period),) if finding.metric else ()),
            )
        )
        for period in finding.periods
    )
    metric = (f">{finding.metric}",) if finding.metric else ()
    return Table(columns=("Version", "First run", "Last run", "Since (UTC)", ">Runs", *metric), rows=rows)


def _range(period: VersionPeriod) -> str:
    if period.low == period.high:
        return amount(period.low)
    return f"{amount(period.low)} to {amount(period.high)}"
