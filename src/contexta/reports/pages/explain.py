"""The explanation of a change of a metric: significance, suspects, history, next steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contexta.findings import Explanation, History, MetricShift, NextStep, Suspect
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
from contexta.reports.document.formatting import amount, count, signed, some_names, span
from contexta.reports.pages.common import metric_name, notes, short_names, value_text
from contexta.reports.pages.comparisons import environment_sections

_SCREEN_METRICS, _SCREEN_SUSPECTS = 6, 8
_LONGEST_VALUE = 40  # characters of a value of a suspect; the differences show more
_LONGEST_PHRASE = 120  # characters of words, which a terminal wraps: a commit with its files, a command
_PHRASES = ("source", "command")  # kinds of differences
_MOST_NAMED = 4  # changes at one point of the history
_TONES: dict[str, Tone] = {"not_shown": "warn", "unknown": "warn", "same": "quiet"}


def explanation(finding: Explanation) -> Report:
    left, right = short_names((finding.old_ref, finding.new_ref), finding.renamed)
    sections = [
        Section(title="", blocks=tuple(Paragraph(text=sentence) for sentence in finding.answer)),
        *_metrics(finding.metrics),
        *_suspects(finding.suspects),
        *_history(finding),
        *_next(finding.next),
        *_details(finding, left, right),
        *notes(finding.completeness_notes),
    ]
    return Report(title=f"Why: {left} -> {right}", sections=tuple(sections))


def tone_of(shift: MetricShift) -> Tone:
    """Red and green only if the direction is known."""
    if shift.verdict != "real":
        return _TONES[shift.verdict]
    if shift.worse is None:
        return "warn"
    return "bad" if shift.worse else "good"


def change_point(history: History) -> str:
    """The changes of the level; empty without any."""
    step = history.change_point
    if step is None:
        return ""
    before, after = step.last_before.name, step.first_after.name
    if history.first_bad is not None:
        return f"First bad run: {after}, after {before} ({step.change:+.4g})"
    return f"The level changed between {before} and {after} ({step.change:+.4g})"


def _metrics(shifts: Sequence[MetricShift]) -> Iterator[Section]:
    rows = tuple(
        Row(
            cells=(
                metric_name(shift.stage_name, shift.metric_key),
                amount(shift.old.mean),
                amount(shift.new.mean),
                signed(shift.change),
                _interval(shift.low, shift.high),
                f"{len(shift.old.values)} / {len(shift.new.values)}",
                _verdict(shift),
            ),
            tone=tone_of(shift),
            fold="same" if shift.verdict == "same" else None,
        )
        for shift in shifts
    )
    columns = ("Metric", ">OLD", ">NEW", ">Change", "95 % interval", "Runs", "Real?")
    if rows:
        table = Table(columns=columns, rows=rows, screen_rows=_SCREEN_METRICS)
        yield Section(title="Metrics", blocks=(table,))


def _verdict(shift: MetricShift) -> str:
    p_value = "" if shift.p_adjusted is None else f" (p={shift.p_adjusted:.2g})"
    return f"{shift.verdict.replace('_', ' ')}{p_value}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:+.4g} to {high:+.4g}"


def _suspects(suspects: Sequence[Suspect]) -> Iterator[Section]:
    rows = tuple(
        Row(
            cells=(
                str(suspect.rank),
                suspect.name,
                *(value_text(value, limit) for value in (suspect.left_value, suspect.right_value)),
                f"{suspect.score:.0%}",
                ", ".join(
                    f"{evidence.text} x{evidence.weight:.3g}"
                    for evidence in suspect.evidence
                    if evidence.name != "kind"
                ),
            )
        )
        for suspect in suspects
        for limit in (_LONGEST_PHRASE if suspect.kind in _PHRASES else _LONGEST_VALUE,)
    )
    if rows:
        about = Paragraph(text="a ranking of the differences by how often such a change matters; not a proof")
        columns = (">", "Difference", "OLD", "NEW", ">Share", "Evidence")
        yield Section(title="Suspects", blocks=(about, Table(columns=columns, rows=rows, screen_rows=_SCREEN_SUSPECTS)))


_COMPARED = 2
"""The number of compared runs. A history of only these repeats the rest of the page."""


def _history(finding: Explanation) -> Iterator[Section]:
    history, metric = finding.history, finding.metric
    if history is None or metric is None or len(history.points) <= _COMPARED:
        return
    omitted = f", {count(history.left_out, 'other')} without it or not completed" if history.left_out else ""
    blocks: list[Block] = [Paragraph(text=f"{count(len(history.points), 'run')} with the metric{omitted}")]
    blocks.append(_history_plot(metric_name(metric.stage_name, metric.metric_key), history, finding))
    if history.change_point is not None:
        blocks.append(Paragraph(text=f"{change_point(history)}.", tone="bad" if history.first_bad else None))
        if len(history.change_point.differences) > _MOST_NAMED:  # the plot names fewer differences
            blocks.append(Paragraph(text=f"Differences between them: {some_names(history.change_point.differences)}"))
    effects = tuple(
        Row(
            cells=(
                effect.name,
                signed(effect.change),
                _interval(effect.low, effect.high),
                f"{effect.old_runs} / {effect.new_runs}",
                ", ".join(effect.moved_with),
            )
        )
        for effect in history.effects
        if effect.change is not None
    )
    if effects:
        columns = ("Difference", ">Change", "95 % interval", "Runs", "Changed together with")
        blocks.append(Table(columns=columns, rows=effects, screen_rows=_SCREEN_SUSPECTS))
    if history.confounds:
        blocks.append(Bullets(items=tuple(confound.text for confound in history.confounds), tone="warn"))
    yield Section(title="History", blocks=tuple(blocks))


def _history_plot(name: str, history: History, finding: Explanation) -> Plot:
    points, levels = history.points, []
    start = 0
    for stop in range(1, len(points) + 1):
        if stop == len(points) or points[stop].level != points[start].level:
            levels.append(Level(start=start, stop=stop, value=points[start].level))
            start = stop
    old_tone, new_tone = _side_tones(finding.metric)
    tones = {finding.old_ref: old_tone, finding.new_ref: new_tone}
    return Plot(
        title=name,
        points=tuple(
            Point(
                label=point.run_ref.name,
                value=point.value,
                about=some_names(point.changed, _MOST_NAMED),
                tone=tones.get(point.run_ref),
            )
            for point in points
        ),
        marks=tuple(
            Mark(at=index, label=some_names(point.changed, _MOST_NAMED))
            for index, point in enumerate(points)
            if point.changed
        ),
        levels=tuple(levels),
    )


def _side_tones(shift: MetricShift | None) -> tuple[Tone, Tone]:
    """The tones of OLD and NEW. They are those of warnings if the better side is unknown."""
    if shift is None or shift.worse is None:
        return "warn", "warn"
    return ("good", "bad") if shift.worse else ("bad", "good")


def _next(steps: Sequence[NextStep]) -> Iterator[Section]:
    blocks: list[Block] = []
    for step in steps:
        cost = [count(step.runs, "run")] if step.runs else []
        cost += [span(step.seconds)] if step.seconds else []
        price = f" (about {', '.join(cost)})" if cost else ""
        blocks += [Paragraph(text=f"{step.purpose[:1].upper()}{step.purpose[1:]}{price}:"), Code(text=step.command)]
    if blocks:
        yield Section(title="Next", blocks=tuple(blocks))


def _details(finding: Explanation, left: str, right: str) -> Iterator[Section]:
    """Everything behind the summary: reasons, other differences, environments, missing records."""
    reasons = tuple(
        Row(cells=(metric_name(shift.stage_name, shift.metric_key), _verdict(shift), shift.why))
        for shift in finding.metrics
    )
    evidence = tuple(
        Row(cells=(suspect.name, factor.text, f"x{factor.weight:.3g}", factor.reason))
        for suspect in finding.suspects
        for factor in suspect.evidence
    )
    kinds = ("source", "parameter", "input", "command", "seed")
    others = tuple(
        Row(cells=(difference.name, value_text(difference.left_value), value_text(difference.right_value)))
        for difference in finding.differences
        if difference.kind in kinds
    )
    for title, columns, rows in (
        ("Reasons", ("Metric", "Real?", "Why"), reasons),
        ("Evidence", ("Suspect", "Evidence", ">Weight", "Reason"), evidence),
        ("Code, parameters, inputs", ("", left, right), others),
    ):
        if rows:
            yield Section(title=title, blocks=(Table(columns=columns, rows=rows),), detail=True)
    environment = finding.environment
    if environment.left_python_version is not None and environment.right_python_version is not None:
        for section in environment_sections(environment, left, right):
            yield section.model_copy(update={"detail": True})
    if finding.unknowns:
        items = tuple(f"{aspect.what}: not recorded ({aspect.side}: {aspect.reason})" for aspect in finding.unknowns)
        yield Section(title="Not recorded", blocks=(Bullets(items=items, tone="warn"),), detail=True)
