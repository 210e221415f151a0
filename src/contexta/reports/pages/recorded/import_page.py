"""The page of an import: a row for each run of another tool."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from contexta.findings import ImportedRun, ImportedRuns
from contexta.reports.document.blocks import Block, Bullets, Code, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count, moment

_WORDS = {
    "imported": "imported",
    "present": "imported before",
    "changed": "changed since",
    "recorded": "recorded before",
    "found": "new",
}


def imported_runs(finding: ImportedRuns) -> Report:
    sections = [Section(title="", blocks=tuple(_head(finding)))]
    lines = [(note, run.name) for run in finding.runs for note in run.notes]
    items = [f"{_names(names)}: {note}" for note, names in _by_note(lines)] + list(finding.notes)
    if items:
        sections.append(Section(title="Notes", blocks=(Bullets(items=tuple(items), tone="warn"),)))
    return Report(title="Import", sections=tuple(sections))


def _head(finding: ImportedRuns) -> Iterator[Block]:
    columns = ("Run", "From", "Started (UTC)", "Status", ">Metrics", ">Points", ">Packages", "")
    yield Table(columns=columns, rows=tuple(map(_row, finding.runs)))
    added = sum(run.outcome == "imported" for run in finding.runs)
    present = sum(run.outcome in ("present", "changed") for run in finding.runs)
    recorded = sum(run.outcome == "recorded" for run in finding.runs)
    before = f"; {count(present, 'run')} imported before" if present else ""
    before += f"; {count(recorded, 'run')} recorded before, and not imported a second time" if recorded else ""
    if finding.dry_run:
        new = len(finding.runs) - present - recorded
        yield Paragraph(text=f"{count(new, 'run')} to import{before}. Nothing was written, because of --dry-run.")
    else:
        yield Paragraph(text=f"{count(added, 'run')} imported{before}.")
    if changed := [run for run in finding.runs if run.outcome == "changed" and run.run_ref is not None]:
        yield Paragraph(text="The files of a changed run have other content now. To import it again, delete it first:")
        yield Code(text=f"contexta delete {' '.join(str(run.run_ref).removeprefix('run:') for run in changed)} --yes")


def _row(run: ImportedRun) -> Row:
    name = f"{run.project}/{run.name}" if run.run_ref is None else run.run_ref.value
    packages = "none" if run.packages is None else str(run.packages)
    word = _WORDS[run.outcome]
    cells = (name, run.kind, moment(run.started_at), run.status, str(run.metrics), f"{run.points:,}", packages, word)
    return Row(cells=cells, tone="warn" if run.outcome == "changed" else None)


def _by_note(lines: list[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Each note once, with the names of its runs."""
    for note, group in groupby(sorted(lines), key=lambda line: line[0]):
        yield note, [name for _, name in group]


def _names(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {count(len(names) - 1, 'other run')}"
