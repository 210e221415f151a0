"""The pages of a site: an index of all runs, a page for each project, and the links between the pages of runs."""

from __future__ import annotations

from collections.abc import Sequence

from contexta.core.references import StableRef
from contexta.findings import ListedProject, RunSummary, Site
from contexta.reports.document.blocks import Block, Link, Links, Paragraph, Plot, Point, Report, Row, Section, Table
from contexta.reports.document.formatting import amount, count, moment, span
from contexta.reports.pages.common import notes, tone_of

INDEX = "index.html"
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
_MOST_POINTS = 200  # of the plot of a project


def run_file(ref: StableRef) -> str:
    return f"runs/{_file_name(ref)}"


def comparison_file(ref: StableRef) -> str:
    """The page that compares a run with the one before it in its project."""
    return f"compare/{_file_name(ref)}"


def project_file(ref: StableRef) -> str:
    return f"projects/{_file_name(ref)}"


def _file_name(ref: StableRef) -> str:
    """The value of the reference, changed if Windows reserves its first part as the name of a device."""
    first, dot, rest = ref.value.partition(".")
    return f"{first}{'-' if first in _DEVICES else ''}{dot}{rest}.html"


def index_page(projects: Sequence[ListedProject], runs: Sequence[RunSummary], metrics: Sequence[str]) -> Report:
    """All runs, the latest first, and all projects."""
    blocks: list[Block] = [Paragraph(text=f"{count(len(runs), 'run')} in {count(len(projects), 'project')}")]
    if projects:
        items = tuple(Link(text=project.name, href=project_file(project.project_ref)) for project in projects)
        blocks.append(Links(items=items))
    sections = [Section(title="", blocks=tuple(blocks))]
    if runs:
        table = _run_table(runs, metrics, to_root="", with_project=True)
        sections.append(Section(title="Runs", blocks=(table,)))
    return Report(title="Runs", sections=tuple(sections))


def project_page(project: ListedProject, runs: Sequence[RunSummary], metrics: Sequence[str]) -> Report:
    """The runs of a project, the latest first, with the course of its main metric."""
    blocks: list[Block] = [Links(items=(Link(text="All runs", href=f"../{INDEX}"),))]
    blocks += [Paragraph(text=project.description)] if project.description else []
    sections = [Section(title="", blocks=tuple(blocks))]
    with_metric = [run for run in runs[:_MOST_POINTS] if metrics and metrics[0] in run.metrics]
    if len(with_metric) > 1:
        points = (
            Point(label=run.run_ref.name, value=run.metrics[metrics[0]], about=f"{moment(run.started_at)} UTC")
            for run in reversed(with_metric)
        )
        sections.append(Section(title=metrics[0], blocks=(Plot(title=metrics[0], points=tuple(points)),)))
    sections.append(Section(title="Runs", blocks=(_run_table(runs, metrics, to_root="../", with_project=False),)))
    return Report(title=f"Project {project.name}", sections=tuple(sections))


def with_navigation(page: Report, ref: StableRef, earlier: StableRef | None, later: StableRef | None) -> Report:
    """The page of a run with links to the index, its project, its neighbours and the comparison."""
    links = [*_up(ref)]
    if earlier is not None:
        links.append(Link(text=f"← {earlier.name}", href=f"../{run_file(earlier)}"))
    if later is not None:
        links.append(Link(text=f"{later.name} →", href=f"../{run_file(later)}"))
    if earlier is not None:
        links.append(Link(text=f"Compare with {earlier.name}", href=f"../{comparison_file(ref)}"))
    return _below_title(page, links)


def comparison_with_navigation(page: Report, ref: StableRef, earlier: StableRef) -> Report:
    runs = (Link(text=run.name, href=f"../{run_file(run)}") for run in (earlier, ref))
    return _below_title(page, [*_up(ref), *runs])


def damaged_page(name: str, reason: str) -> Report:
    """The page in place of one that cannot be built."""
    home = Links(items=(Link(text="All runs", href=f"../{INDEX}"),))
    blocks = (home, Paragraph(text=f"This page cannot be written: {reason}", tone="bad"))
    return Report(title=name.removesuffix(".html"), sections=(Section(title="", blocks=blocks),))


def site(finding: Site) -> Report:
    pages = f"{finding.written} written, {finding.unchanged} unchanged, {finding.removed} removed"
    lines = f"{count(finding.runs, 'run')}; pages: {pages}", f"open {finding.path / INDEX}"
    summary = Section(title="", blocks=tuple(Paragraph(text=line) for line in lines))
    return Report(title=f"Site in {finding.path}", sections=(summary, *notes(finding.completeness_notes)))


def _up(ref: StableRef) -> tuple[Link, ...]:
    project = ref.project
    return Link(text="All runs", href=f"../{INDEX}"), Link(text=project.value, href=f"../{project_file(project)}")


def _below_title(page: Report, links: Sequence[Link]) -> Report:
    navigation = Section(title="", blocks=(Links(items=tuple(links)),))
    return Report(title=page.title, sections=(navigation, *page.sections))


def _run_table(runs: Sequence[RunSummary], metrics: Sequence[str], *, to_root: str, with_project: bool) -> Table:
    rows = tuple(
        Row(
            cells=(
                run.run_ref.value if with_project else run.run_ref.name,
                run.status,
                moment(run.started_at),
                span(run.duration_seconds),
                *(amount(run.metrics.get(metric)) for metric in metrics),
            ),
            href=f"{to_root}{run_file(run.run_ref)}",
            tone=tone_of(run.status) if run.status != "completed" else None,
        )
        for run in runs
    )
    columns = ("Run", "Status", "Started (UTC)", ">Duration", *(f">{metric}" for metric in metrics))
    return Table(columns=columns, rows=rows)
