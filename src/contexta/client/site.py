"""Write a site: linked pages of all runs and projects, for any browser and without a server."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from contexta.client.comparisons import diff_runs
from contexta.client.reading.curves import curves_of
from contexta.client.reading.queries import list_projects, list_runs
from contexta.client.reading.workspace import Workspace
from contexta.client.report_pages import build_run_page
from contexta.core.errors import DamagedData, NotFound

if TYPE_CHECKING:
    from contexta.core.references import StableRef
    from contexta.findings import RunSummary, Site
    from contexta.reports import Report

_MOST_METRICS = 4  # columns of a list of runs


class _Page(NamedTuple):
    name: str
    key: str
    """The digest of all inputs of the page; empty if that is unknown before the page is built."""
    build: Callable[[], Report]


def write_site(workspace: Workspace, directory: str | os.PathLike[str]) -> Site:
    """Write an index, a page for each project and each run, and comparisons of successive runs of a project.

    Rewrites only what changed since the last time, and removes the pages of deleted runs. Pages of open runs and lists
    are always built. A page whose data is damaged says so. Raises InvalidInput if the directory contains other files.
    """
    from contexta.client.site_directory import SiteDirectory
    from contexta.findings import Site
    from contexta.reports import to_html
    from contexta.reports.pages.recorded.site_pages import damaged_page

    runs = list(list_runs(workspace, order="latest"))
    pages = [*_run_pages(workspace, runs), *_list_pages(workspace, runs)]
    site = SiteDirectory(Path(directory), {page.name for page in pages})
    notes = []
    try:
        for page in pages:
            if site.is_current(page.name, page.key):
                continue
            try:
                html, known_key = to_html(page.build()), page.key
            except (DamagedData, NotFound) as error:
                notes.append(f"{page.name}: {error.what}")
                html, known_key = to_html(damaged_page(page.name, error.what)), ""
            key = known_key or sha256(html.encode()).hexdigest()
            if not site.is_current(page.name, key):
                site.write(page.name, key, html)
    finally:
        site.close()
    unchanged = len(pages) - site.written
    return Site(
        path=site.path,
        runs=len(runs),
        written=site.written,
        unchanged=unchanged,
        removed=site.removed,
        completeness_notes=tuple(notes),
    )


def _run_pages(workspace: Workspace, runs: Sequence[RunSummary]) -> Iterator[_Page]:
    """The page of each run, and its comparison with the previous run. runs: the latest first."""
    from contexta.reports.pages.recorded import site_pages

    by_project: dict[StableRef, list[RunSummary]] = {}
    for run in runs:
        by_project.setdefault(run.project_ref, []).append(run)
    basis = _basis(workspace)
    for siblings in by_project.values():
        for run, later, earlier in zip(siblings, [None, *siblings], [*siblings[1:], None], strict=False):
            neighbours = earlier.run_ref if earlier else None, later.run_ref if later else None
            key = _key(basis, [run], *map(str, neighbours))
            yield _Page(site_pages.run_file(run.run_ref), key, _run_builder(workspace, run.run_ref, *neighbours))
            if earlier is not None:
                name, key = site_pages.comparison_file(run.run_ref), _key(basis, [earlier, run])
                yield _Page(name, key, _comparison_builder(workspace, run.run_ref, earlier.run_ref))


def _run_builder(
    workspace: Workspace, ref: StableRef, earlier: StableRef | None, later: StableRef | None
) -> Callable[[], Report]:
    from contexta.reports.pages.recorded.site_pages import with_navigation

    return lambda: with_navigation(build_run_page(workspace, str(ref)), ref, earlier, later)


def _comparison_builder(workspace: Workspace, ref: StableRef, earlier: StableRef) -> Callable[[], Report]:
    from contexta.reports.pages.recorded.run_pages import two_run_report
    from contexta.reports.pages.recorded.site_pages import comparison_with_navigation

    def build() -> Report:
        difference = diff_runs(workspace, str(earlier), str(ref))
        page = two_run_report(difference, curves_of(workspace, (earlier, ref)), ())
        return comparison_with_navigation(page, ref, earlier)

    return build


def _list_pages(workspace: Workspace, runs: Sequence[RunSummary]) -> Iterator[_Page]:
    """The page of each project, and the index."""
    from contexta.analysis.metrics.selection import main_metrics
    from contexta.reports.pages.recorded import site_pages

    directions = workspace._directions()
    projects = list_projects(workspace)
    for project in projects:
        own = [run for run in runs if run.project_ref == project.project_ref]
        metrics = main_metrics(own, directions, _MOST_METRICS)
        build = partial(site_pages.project_page, project, own, metrics)
        yield _Page(site_pages.project_file(project.project_ref), "", build)
    metrics = main_metrics(runs, directions, _MOST_METRICS)
    yield _Page(site_pages.INDEX, "", lambda: site_pages.index_page(projects, runs, metrics))


def _basis(workspace: Workspace) -> str:
    """The inputs of all pages: this version, the style, and the configured directions of metrics."""
    from contexta import __version__
    from contexta.reports.theme.stylesheet import STYLESHEET

    config = workspace.config
    return json.dumps([__version__, STYLESHEET, list(config.higher_is_better), list(config.lower_is_better)])


def _key(basis: str, runs: Sequence[RunSummary], *others: str) -> str:
    """The key of a run; empty while it is open. The content digest covers the record, the rest covers later
    annotations."""
    if any(run.content_digest is None for run in runs):
        return ""
    return sha256(json.dumps([basis, *(run.model_dump_json() for run in runs), *others]).encode()).hexdigest()
