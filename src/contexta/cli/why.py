"""``contexta why``: is the drop real, what changed, what is suspected, what next; on one screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.text import Text

from contexta.cli.asking import Screen, asks, pages
from contexta.cli.layout import columns, in_stage, indented, note_lines, short, versus, words
from contexta.cli.words import amount, count, signed, span
from contexta.client.contexta import Contexta
from contexta.core.model import Value
from contexta.findings import Explanation, History, MetricShift, NextStep, Suspect
from contexta.reports.pages.explain import change_point, tone_of

_MOST_METRICS, _MOST_SUSPECTS = 6, 8
_STYLES = {"good": "green", "bad": "red", "warn": "yellow", "quiet": "dim"}


@click.command(epilog="Example: contexta why last-month this-month --metric accuracy")
@click.argument("old")
@click.argument("new")
@click.option("--metric", metavar="NAME", help="The metric to explain; default: the one whose drop is surest.")
@click.option(
    "--lower-is-better/--higher-is-better",
    "lower_is_better",
    default=None,
    help="Which way is good, where the metric's name does not say it.",
)
@click.option(
    "--group-by",
    metavar="KEY",
    default="auto",
    show_default=True,
    help="Which runs repeat each other: auto, none, tag:NAME, param:NAME.",
)
@pages
@asks
def why(
    ctx: Contexta, old: str, new: str, metric: str | None, lower_is_better: bool | None, group_by: str
) -> tuple[Value, Screen, int]:
    """Say why a metric moved: is it real, what changed, what is suspected, what next.

    OLD and NEW are references, project.run, names, @latest, @latest~2, or unique prefixes. Nothing is rerun: what it
    says of a cause is a hypothesis.
    """
    found = ctx.explain_regression(old, new, metric=metric, lower_is_better=lower_is_better, group_by=group_by)
    return found, screen(found), 0


def screen(found: Explanation) -> Iterator[Any]:
    yield versus(found.old_ref, found.new_ref)
    yield Text()
    for sentence in found.answer:
        yield words(sentence)
    yield from _metrics(found.metrics)
    yield from _suspects(found)
    yield from _history(found.history)
    yield from _next(found.next)
    yield from note_lines(found.completeness_notes)


def _metrics(shifts: Sequence[MetricShift]) -> Iterator[Any]:
    if not shifts:
        return
    table = columns("Metric", ">old", ">new", ">Change", "95 % interval", "Runs", "Real?")
    for shift in shifts[:_MOST_METRICS]:
        interval = "" if shift.low is None or shift.high is None else f"{shift.low:+.4g} to {shift.high:+.4g}"
        table.add_row(
            Text(in_stage(shift.stage_name, shift.metric_key, None).plain, "bold"),
            amount(shift.old.mean),
            amount(shift.new.mean),
            signed(shift.change),
            interval,
            f"{len(shift.old.values)} / {len(shift.new.values)}",
            _verdict(shift),
        )
    yield Text()
    yield table
    if len(shifts) > _MOST_METRICS:
        yield Text(f"and {len(shifts) - _MOST_METRICS} more; --json lists all", "dim")


def _verdict(shift: MetricShift) -> Text:
    p = "" if shift.p_adjusted is None else f" (p={shift.p_adjusted:.2g})"
    return Text(shift.verdict.replace("_", " ") + p, _STYLES[tone_of(shift)])


def _suspects(found: Explanation) -> Iterator[Any]:
    if not found.suspects:
        return
    yield Text()
    yield Text.assemble(("Suspects", "bold"), ("  a ranking of what changed; hypotheses, not proof", "dim"))
    table = columns(">", "", "", ">", "")
    for suspect in found.suspects[:_MOST_SUSPECTS]:
        table.add_row(
            f"{suspect.rank}.",
            words(suspect.name, "bold"),
            _change(suspect),
            f"{suspect.score:.0%}",
            Text(", ".join(each.text for each in suspect.evidence if each.name != "kind"), "dim"),
        )
    yield indented(table)
    rest = len(found.suspects) - _MOST_SUSPECTS
    if rest > 0:
        yield Text(f"  and {rest} less suspect; --json lists all", "dim")


def _change(suspect: Suspect) -> Text:
    left, right = suspect.left_value, suspect.right_value
    if left is None:
        return words(f"added {short(right or '', 30)}")
    if right is None:
        return words(f"removed, was {short(left, 30)}")
    return words(f"{short(left, 30)} -> {short(right, 60)}")


def _history(history: History | None) -> Iterator[Any]:
    if history is None:
        return
    yield Text()
    more = f", {history.left_out} left out" if history.left_out else ""
    yield Text.assemble(("History", "bold"), f"  {count(len(history.points), 'run')} with the metric{more}")
    step = history.change_point
    if step is not None:
        yield words(f"  {change_point(history)}")
        if step.differences:
            yield words(f"    between them: {short(', '.join(step.differences), 160)}")
    for effect in history.effects:
        if effect.low is not None and effect.high is not None and effect.change is not None:
            yield words(
                f"  {effect.name}: {effect.change:+.4g} ({effect.low:+.4g} to {effect.high:+.4g}), "
                f"{effect.old_runs} runs before, {effect.new_runs} after"
            )
    for confound in history.confounds:
        yield words(f"  {confound.text}", "yellow")


def _next(steps: Sequence[NextStep]) -> Iterator[Any]:
    if not steps:
        return
    yield Text()
    yield Text("Next", "bold")
    for step in steps:
        cost = [] if step.runs is None else [f"about {count(step.runs, 'run')}" if step.runs > 1 else "1 run"]
        cost += [] if step.seconds is None else [span(step.seconds)]
        price = f" ({', '.join(cost)})" if cost else ""
        yield words(f"  {step.purpose}{price}")
        yield Text(f"    {step.command}", "cyan", no_wrap=True)
