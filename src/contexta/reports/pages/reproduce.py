"""Rebuilt environments, reruns, and locks of environments."""

from __future__ import annotations

from collections.abc import Iterable

from contexta.findings import Deviation, KeptWheels, Lock, Missing, Rebuild, Rerun
from contexta.reports.document.blocks import Block, Bullets, Code, Paragraph, Report, Row, Section, Table
from contexta.reports.document.formatting import count, size, span
from contexta.reports.pages.common import metric_name, notes, tone_of, value_text, with_hint

_MOST_DEVIATIONS = 10  # of the environment of a rerun; `contexta rebuild` lists all


def rebuild(finding: Rebuild) -> Report:
    blocks = [Paragraph(text=f"{finding.verdict}: {_rebuild_summary(finding)}", tone=tone_of(finding.verdict))]
    if finding.into:
        cache = ", from the cache" if finding.from_cache else ""
        text = f"{finding.into} (Python {finding.rebuilt_python}, {span(finding.seconds)}{cache})"
        blocks.append(Paragraph(text=text))
    sections = [Section(title="", blocks=tuple(blocks))]
    if finding.deviations:
        sections.append(Section(title="Differences from the recording", blocks=(_deviations(finding.deviations),)))
    if finding.missing:
        sections.append(Section(title="Unavailable", blocks=(_missing(finding.missing),)))
    title = f"Rebuild of {finding.run_ref.value}"
    return Report(title=title, sections=(*sections, *notes(finding.notes)))


def rerun(finding: Rerun) -> Report:
    blocks = [Paragraph(text=f"{finding.verdict}: {_rerun_summary(finding)}", tone=tone_of(finding.verdict))]
    if finding.rerun_ref is not None:
        blocks.append(Paragraph(text=f"new run: {finding.rerun_ref.value}"))
    sections = [Section(title="", blocks=tuple(blocks))]
    if finding.metrics:
        sections.append(Section(title="Metrics", blocks=(_metrics(finding),)))
    environment = finding.environment
    if environment.verdict != "match":
        details: list[Block] = [Paragraph(text=f"{environment.verdict}; `contexta rebuild` lists all differences")]
        if environment.deviations:
            details.append(Bullets(items=tuple(map(str, environment.deviations[:_MOST_DEVIATIONS]))))
        if environment.missing:
            details.append(_missing(environment.missing))
        sections.append(Section(title="Environment", blocks=tuple(details)))
    lines = (*finding.notes, *environment.notes)
    return Report(title=f"Rerun of {finding.run_ref.value}", sections=(*sections, *notes(lines)))


def lock(finding: Lock) -> Report:
    sections = [Section(title="", blocks=(Paragraph(text=lock_summary(finding)),))]
    if finding.missing:
        sections.append(Section(title="Not locked", blocks=(_missing(finding.missing),)))
    if finding.open:
        rows = tuple(Row(cells=(name, why)) for name, why in finding.open.items())
        table = Table(columns=("Package", "Why"), rows=rows)
        sections.append(Section(title="Locked by version only", blocks=(table,)))
    sections.append(Section(title="Content", blocks=(Code(text=finding.content.rstrip()),), detail=True))
    title = f"Lock of {finding.run_ref.value} ({finding.format})"
    return Report(title=title, sections=(*sections, *notes(finding.notes)))


def kept_wheels(finding: KeptWheels) -> Report:
    text = (
        f"{count(len(finding.kept), 'wheel')} in {finding.directory}, {size(finding.size_bytes)}: "
        f"{finding.new_count} new, {len(finding.exact)} of them the files that were installed"
    )
    sections = [Section(title="", blocks=(Paragraph(text=text), Bullets(items=finding.kept)))]
    if finding.missing:
        sections.append(Section(title="Not kept", blocks=(_missing(finding.missing),)))
    return Report(title=f"Wheels of {finding.run_ref.value}", sections=tuple(sections))


def lock_summary(finding: Lock) -> str:
    number = len(finding.exact) + len(finding.open)
    return f"{count(number, 'package')}, {len(finding.exact)} of them locked to the files that were installed"


def _rebuild_summary(finding: Rebuild) -> str:
    packages = count(finding.package_count, "package")
    if finding.verdict == "match":
        files = f"the files of {finding.build_count} of them compared by digest"
        return f"Python {finding.rebuilt_python} and {packages} as recorded, {files}"
    if finding.verdict == "deviates":
        return f"built; {count(len(finding.deviations), 'difference')} in Python and {packages}"
    return f"not built; {len(finding.missing)} of Python and {packages} unavailable"


def _rerun_summary(finding: Rerun) -> str:
    if finding.verdict == "impossible":
        return "not run, because its environment cannot be rebuilt"
    if finding.confirmed == "no":
        return "the command did not run in the rebuilt environment"
    if finding.exit_code:
        return f"the command failed with exit code {finding.exit_code}"
    if finding.verdict == "differs":
        outside = sum(1 for metric in finding.metrics if not metric.within)
        return f"{outside} of {len(finding.metrics)} metrics differ"
    if not finding.metrics:
        return "no metric to compare"
    exact = not (finding.relative_tolerance or finding.absolute_tolerance)
    return (
        f"{count(len(finding.metrics), 'metric')} the same {'to the last digit' if exact else 'within the tolerance'}"
    )


def _metrics(finding: Rerun) -> Table:
    rows = tuple(
        Row(
            cells=(
                metric_name(metric.stage_name, metric.metric_key, metric.slice_ref),
                _exact(metric.recorded),
                _exact(metric.rerun),
                "" if metric.apart is None else f"{metric.apart:.3g}",
                "same" if metric.within else "differs",
            ),
            tone=None if metric.within else "warn",
        )
        for metric in finding.metrics
    )
    return Table(columns=("Metric", ">Recorded", ">Rerun", ">Distance", ""), rows=rows)


def _deviations(deviations: Iterable[Deviation]) -> Table:
    rows = tuple(
        Row(cells=(item.key, item.kind, value_text(item.recorded), value_text(item.rebuilt), item.why or ""))
        for item in deviations
    )
    return Table(columns=("Name", "Kind", "Recorded", "Rebuilt", "Why"), rows=rows)


def _missing(missing: Iterable[Missing]) -> Table:
    rows = tuple(
        Row(cells=(item.name, item.version, item.reason, with_hint(item.detail, item.help)), tone="bad")
        for item in missing
    )
    return Table(columns=("Name", "Version", "Reason", "Detail"), rows=rows)


def _exact(value: float | None) -> str:
    return "-" if value is None else repr(value)
