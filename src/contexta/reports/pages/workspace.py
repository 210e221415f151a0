"""Maintenance: backup, verification, clean-up, export, delivery, upgrade, and the cache of built environments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from contexta.findings import (
    Backup,
    CacheContents,
    CacheEntry,
    Cleanup,
    Damage,
    Delivery,
    Export,
    SentRuns,
    Upgrade,
    Verification,
)
from contexta.reports.document.blocks import Block, Bullets, Code, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count, moment, size, some_names
from contexta.reports.pages.common import notes

_MOST_PACKAGES = 3  # of a cached environment


def backup(finding: Backup, title: str = "Backup") -> Report:
    parts = [count(finding.runs, "run"), count(finding.objects, "object"), count(finding.journals, "journal")]
    parts += [count(finding.trials, "trial")] if finding.trials else []
    contents = ", ".join(parts)
    text = f"{finding.path}: {contents}; {size(finding.size_bytes)} unpacked, as of {finding.created_at}"
    sections = [Section(title="", blocks=(Paragraph(text=text),))]
    if finding.damaged:
        number = count(len(finding.damaged), "entry", "entries")
        summary = Paragraph(text=f"{number} left out because of damage", tone="bad")
        sections.append(Section(title="Damage", blocks=(summary, _damage(finding.damaged))))
    return Report(title=title, sections=(*sections, *notes(finding.notes)))


def verification(finding: Verification) -> Report:
    checked = ", ".join(f"{kind} {number}" for kind, number in finding.checked.items())
    if finding.sound:
        blocks: tuple[Block, ...] = (Paragraph(text=f"No damage found. Checked: {checked}.", tone="good"),)
    else:
        text = f"{count(len(finding.damage), 'damaged entry', 'damaged entries')}; checked: {checked}"
        blocks = (Paragraph(text=text, tone="bad"), _damage(finding.damage))
        if any(damage.kind != "cache" for damage in finding.damage):
            blocks += (
                Paragraph(text="hint: restore a backup into another directory and compare:"),
                Code(text="contexta restore FILE --into DIR"),
            )
    return Report(title="Verification", sections=(Section(title="", blocks=blocks), *notes(finding.notes)))


def cleanup(finding: Cleanup) -> Report:
    """The removed items, or those that a real run would remove."""
    parts = (
        count(len(finding.runs), "run"),
        count(finding.objects, "unreferenced object"),
        count(finding.journals, "ingested journal"),
        f"{count(finding.leftovers, 'file')} of dead processes",
    )
    verb = "Would remove" if finding.dry_run else "Removed"
    blocks: list[Block] = [Paragraph(text=f"{verb} {', '.join(parts)}: {size(finding.size_bytes)} of files.")]
    if finding.dry_run:
        blocks.append(Paragraph(text="Nothing was removed yet. References of removed runs stay reserved."))
        blocks.append(Code(text=finding.command))
    sections = [Section(title="", blocks=tuple(blocks))]
    lists = (("Runs", [str(ref) for ref in finding.runs]), (f"Kept  {count(len(finding.kept), 'run')}", finding.kept))
    for title, items in lists:
        if items:
            sections.append(Section(title=title, blocks=(Bullets(items=tuple(items)),)))
    return Report(title="Clean-up", sections=tuple(sections))


def deletion(finding: Cleanup) -> Report:
    """The deleted runs, or those that a real run would delete, and the freed space."""
    objects, journals = count(finding.objects, "object"), count(finding.journals, "journal")
    names = ", ".join(ref.value for ref in finding.runs)
    verbs = ("Would delete", "would free") if finding.dry_run else ("Deleted", "freed")
    freed = f"{verbs[1]} {size(finding.size_bytes)} in {journals} and {objects}"
    blocks: list[Block] = [Paragraph(text=f"{verbs[0]} {count(len(finding.runs), 'run')}: {names}; {freed}.")]
    if finding.young_bytes:
        text = f"A later `contexta gc` frees {size(finding.young_bytes)} more: objects that are younger than a day."
        blocks.append(Paragraph(text=text, tone="quiet"))
    if finding.dry_run:
        blocks.append(Code(text=finding.command))
    return Report(title="Deletion", sections=(Section(title="", blocks=tuple(blocks)),))


def export(finding: Export) -> Report:
    text = f"{count(finding.rows, 'row')} in {finding.path or 'stdout'} ({finding.format})"
    return Report(title="Export", sections=(Section(title="", blocks=(Paragraph(text=text),)),))


def sent_runs(finding: SentRuns) -> Report:
    """A row for each run that was sent to another tool."""
    rows = tuple(Row(cells=(run.run_ref.value, run.remote_id, run.action)) for run in finding.runs)
    sections = [Section(title="", blocks=(Table(columns=("Run", "Id there", ""), rows=rows),))]
    remarks = tuple(f"{run.run_ref.value}: {note}" for run in finding.runs for note in run.notes)
    if remarks:
        sections.append(Section(title="Notes", blocks=(Bullets(items=remarks, tone="warn"),)))
    return Report(title=f"Runs sent to {finding.target}", sections=tuple(sections))


def delivery(finding: Delivery) -> Report:
    lines = [f"{count(finding.finished, 'journal')} delivered now"]
    if finding.waiting:
        lines.append(
            f"{count(finding.waiting, 'journal')} still being written: {size(finding.bytes_waiting)} not delivered yet"
        )
    else:
        lines.append("nothing is waiting on this machine")
    blocks = tuple(Paragraph(text=line) for line in lines)
    return Report(title=f"Delivery to {finding.workspace}", sections=(Section(title="", blocks=blocks),))


def upgrade(finding: Upgrade) -> Report:
    if finding.before == finding.after:
        lines = [f"schema {finding.after} is current: nothing to do"]
    else:
        lines = [f"schema {finding.before} -> {finding.after}"]
        lines += [f"copy of the previous database: {finding.copy_kept}"] if finding.copy_kept else []
    blocks = tuple(Paragraph(text=line) for line in lines)
    return Report(title="Upgrade", sections=(Section(title="", blocks=blocks),))


def _damage(damage: Iterable[Damage]) -> Table:
    rows = tuple(
        Row(cells=("damaged", item.kind, item.name, item.detail, _runs(item.run_refs)), tone="bad") for item in damage
    )
    return Table(columns=("", "Kind", "Name", "Detail", "Runs"), rows=rows, screen_rows=50)


def _runs(refs: Sequence[str]) -> str:
    return some_names(refs, 5)


def cache(finding: CacheContents) -> Report:
    """Each environment with its size and its last use."""
    return Report(title="Environment cache", sections=(Section(title="", blocks=tuple(_cache_blocks(finding))),))


def _cache_blocks(finding: CacheContents) -> Iterator[Block]:
    if finding.removed:
        freed = size(sum(entry.size_bytes for entry in finding.removed))
        yield Paragraph(text=f"Deleted {count(len(finding.removed), 'environment')}: {freed}.")
    if finding.kept:
        yield Paragraph(text=f"{count(len(finding.kept), 'environment')} in use: not deleted.", tone="warn")
    total = f"{count(len(finding.environments), 'environment')}, {size(finding.size_bytes)}, in {finding.path}"
    yield Paragraph(text=total)
    limit = f"limit {size(finding.limit_bytes)}: {finding.limit_reason}; {size(finding.free_bytes)} free on the disk"
    yield Paragraph(text=limit, tone="warn" if finding.size_bytes > finding.limit_bytes else "quiet")
    if finding.environments:
        columns = ("Last used (UTC)", ">Size", "Python", "Packages")
        yield Table(columns=columns, rows=tuple(map(_cache_row, finding.environments)))


def _cache_row(entry: CacheEntry) -> Row:
    names = some_names([f"{name} {version}" for name, version in sorted(entry.packages.items())], _MOST_PACKAGES)
    used = moment(entry.last_used_at) + (", in use" if entry.in_use else "")
    return Row(cells=(used, size(entry.size_bytes), entry.python_version or "unknown", names or "none"))
