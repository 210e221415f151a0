"""Why a metric moved, and how a package went through its versions, on a page: with the metric over the runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contexta.findings import Explanation, History, MetricShift, PackageTimeline, Suspect
from contexta.reports.document.blocks import (
    Block,
    Bullets,
    Code,
    Level,
    Mark,
    Paragraph,
    Plot,
    Point,
    Report,
    Row,
    Section,
    Table,
    Tone,
)
from contexta.reports.document.formatting import amount, count, moment, signed, span
from contexta.reports.pages.common import metric_name, notes, short_names
from contexta.reports.pages.comparisons import environment_sections

_MOST_NAMED = 4
_TONES: dict[str, Tone] = {"not_shown": "warn", "unknown": "warn", "same": "quiet"}


def explanation(found: Explanation) -> Report:
    left, right = short_names((found.old_ref, found.new_ref))
    sections = [
        Section(title="", blocks=tuple(Paragraph(text=sentence) for sentence in found.answer)),
        *_metrics(found.metrics),
        *_history(found),
        *_suspects(found.suspects),
        *_next(found),
        *_other_differences(found),
    ]
    known = found.environment.left_python_version is not None and found.environment.right_python_version is not None
    sections += environment_sections(found.environment, left, right) if known else []
    unknown = [f"{each.what}: not recorded ({each.side}: {each.reason})" for each in found.unknowns]
    if unknown:
        sections.append(
            Section(title="Unknown: may have changed", blocks=(Bullets(items=tuple(unknown), tone="warn"),))
        )
    sections += notes(found.completeness_notes)
    return Report(title=f"Why: {left} → {right}", sections=tuple(sections))


def timeline(found: PackageTimeline) -> Report:
    blocks: list[Block] = []
    if found.metric is not None:
        versions = [run.version for run in found.runs]
        blocks.append(
            Plot(
                title=f"{found.metric} over {count(len(found.runs), 'run')}",
                points=tuple(
                    Point(label=run.name, value=run.value, about=f"{found.package} {run.version or 'absent'}")
                    for run in found.runs
                ),
                marks=tuple(
                    Mark(at=at, label=f"{found.package} {versions[at - 1] or 'absent'} -> {versions[at] or 'absent'}")
                    for at in range(1, len(versions))
                    if versions[at] != versions[at - 1]
                ),
            )
        )
    rows = tuple(
        Row(
            cells=(
                period.version or "absent",
                period.first_run.name,
                period.last_run.name,
                moment(period.first_at),
                str(period.runs),
                amount(period.low),
                amount(period.high),
            )
        )
        for period in found.periods
    )
    columns = ("Version", "From run", "To run", "Since (UTC)", ">Runs", ">Lowest", ">Highest")
    blocks.append(Table(columns=columns, rows=rows))
    sections = (Section(title="", blocks=tuple(blocks)), *notes(found.completeness_notes))
    return Report(title=f"{found.package} over time", sections=sections)


def _metrics(shifts: Sequence[MetricShift]) -> Iterator[Section]:
    rows = tuple(
        Row(
            cells=(
                metric_name(shift.stage_name, shift.metric_key, None),
                amount(shift.old.mean),
                amount(shift.new.mean),
                signed(shift.change),
                "" if shift.low is None else f"{shift.low:+.4g} to {shift.high:+.4g}",
                f"{len(shift.old.values)} / {len(shift.new.values)}",
                shift.verdict.replace("_", " "),
                shift.why,
            ),
            tone=tone_of(shift),
            fold="same" if shift.verdict == "same" else None,
        )
        for shift in shifts
    )
    columns = ("Metric", ">old", ">new", ">Change", "95 % interval", "Runs", "Real?", "")
    if rows:
        yield Section(title="Is it real?", blocks=(Table(columns=columns, rows=rows),))


def _history(found: Explanation) -> Iterator[Section]:
    history, metric = found.history, found.metric
    if history is None or metric is None:
        return
    name = metric_name(metric.stage_name, metric.metric_key, None)
    blocks: list[Block] = [_plot(name, history, found)]
    if history.change_point is not None:
        blocks.append(
            Paragraph(text=f"{change_point(history)}.", tone="bad" if history.first_bad is not None else None)
        )
    effects = tuple(
        Row(
            cells=(
                effect.name,
                signed(effect.change),
                "" if effect.low is None else f"{effect.low:+.4g} to {effect.high:+.4g}",
                str(effect.old_runs),
                str(effect.new_runs),
                ", ".join(effect.moved_with),
            )
        )
        for effect in history.effects
        if effect.change is not None
    )
    if effects:
        columns = ("What went with it", ">Change", "95 % interval", ">Runs before", ">Runs after", "Moved with")
        blocks.append(Table(columns=columns, rows=effects))
    if history.confounds:
        blocks.append(Bullets(items=tuple(each.text for each in history.confounds), tone="warn"))
    yield Section(title=f"{name} over the runs of the project", blocks=tuple(blocks))


def change_point(history: History) -> str:
    """Where the level changed, in words; "" where it did not."""
    step = history.change_point
    if step is None:
        return ""
    before, after = step.last_before.name, step.first_after.name
    if history.first_bad is not None:
        return f"First bad run: {after}, after {before} ({step.change:+.4g})"
    return f"The level changed between {before} and {after} ({step.change:+.4g})"


def tone_of(shift: MetricShift) -> Tone:
    """Red and green only where the direction is known."""
    if shift.verdict != "real":
        return _TONES[shift.verdict]
    if shift.worse is None:
        return "warn"
    return "bad" if shift.worse else "good"


def _plot(name: str, history: History, found: Explanation) -> Plot:
    ends = {found.old_ref: "old", found.new_ref: "new"}
    better, worse = _side_tones(found.metric)
    tones: dict[str, Tone | None] = {"old": better, "new": worse}
    points, levels = history.points, []
    start = 0
    for stop in range(1, len(points) + 1):
        if stop == len(points) or points[stop].level != points[start].level:
            levels.append(Level(start=start, stop=stop, value=points[start].level))
            start = stop
    return Plot(
        title=f"{name} over {count(len(points), 'run')}",
        points=tuple(
            Point(
                label=point.run_ref.name,
                value=point.value,
                about=_few(point.changed),
                tone=tones[ends[point.run_ref]] if point.run_ref in ends else None,
            )
            for point in points
        ),
        marks=tuple(Mark(at=at, label=_few(point.changed)) for at, point in enumerate(points) if point.changed),
        levels=tuple(levels),
    )


def _side_tones(shift: MetricShift | None) -> tuple[Tone | None, Tone | None]:
    """The tones of OLD and NEW: none where it is not known which of them is the better one."""
    if shift is None or shift.worse is None:
        return "warn", "warn"
    return ("good", "bad") if shift.worse else ("bad", "good")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _suspects(suspects: Sequence[Suspect]) -> Iterator[Section]:
    if not suspects:
        return
    rows = tuple(
        Row(
            cells=(
                str(suspect.rank),
                suspect.name,
                suspect.left_value or "absent",
                suspect.right_value or "absent",
                f"{suspect.score:.0%}",
                ", ".join(f"{factor.text} x{factor.weight:.3g}" for factor in suspect.evidence if factor.weight != 1),
            )
        )
        for suspect in suspects
    )
    columns = (">", "Suspect", "old", "new", ">Share", "Because")
    words = "A ranking of what changed: hypotheses, not proof. The share is the product of the factors, over all."
    yield Section(title="Suspects", blocks=(Paragraph(text=words), Table(columns=columns, rows=rows)))


def _next(found: Explanation) -> Iterator[Section]:
    blocks: list[Block] = []
    for step in found.next:
        cost = [count(step.runs, "run")] if step.runs else []
        cost += [span(step.seconds)] if step.seconds else []
        about = f" (about {', '.join(cost)})" if cost else ""
        blocks += [Paragraph(text=f"{step.purpose[:1].upper()}{step.purpose[1:]}{about}:"), Code(text=step.command)]
    if blocks:
        yield Section(title="What to do next", blocks=tuple(blocks))


def _other_differences(found: Explanation) -> Iterator[Section]:
    """What is no part of the environment: code, parameters, inputs, command, seeds."""
    kinds = ("source", "parameter", "input", "command", "seed")
    rows = tuple(
        Row(cells=(each.name, each.left_value or "absent", each.right_value or "absent"))
        for each in found.differences
        if each.kind in kinds
    )
    if rows:
        yield Section(title="Code, parameters, inputs", blocks=(Table(columns=("", "old", "new"), rows=rows),))
