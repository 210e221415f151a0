"""``contexta rerun``: a recorded run, run again, and whether it came out the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.text import Text

from contexta.cli.asking import asks
from contexta.cli.layout import columns, in_stage, indented, note_lines, status_word, words
from contexta.cli.rebuild import missing_table, told_once, wished, wishes
from contexta.cli.run import _pattern
from contexta.cli.words import count
from contexta.client.contexta import Contexta
from contexta.findings import Rerun
from contexta.reproduce.rerun import Rerunning
from contexta.reproduce.uv.commands import find_uv

_EXIT_CODES = {"reproduced": 0, "differs": 1, "unknown": 1, "impossible": 2}


@click.command(
    epilog="Example: contexta rerun last-month --checkout", context_settings={"allow_interspersed_args": True}
)
@click.argument("run")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--checkout", is_flag=True, help="Run the recorded commit and changes, in a clone that is thrown away.")
@click.option("--tolerance", type=float, default=0.0, help="Relative distance that counts as equal; default: none.")
@click.option("--absolute-tolerance", type=float, default=0.0, help="Absolute distance that counts as equal.")
@click.option("--metric", "metrics", metavar="NAME", multiple=True, help="Only this one counts; may be repeated.")
@click.option("--metrics-from-stdout", "pattern", metavar="REGEX", help="As for `contexta run`; default: as recorded.")
@wishes
@asks
def rerun(
    ctx: Contexta, run: str, command: tuple[str, ...], checkout: bool, pattern: str | None, **options: Any
) -> tuple[Rerun, Iterable[Any], int]:
    """Run a run again in its own environment, and compare what comes out.

    COMMAND, behind --, replaces the recorded one. Launchers such as `uv run` are taken off it. What it prints goes to
    stderr. Exit code 0: every metric is the same within the tolerance. 1: not, or nothing could be compared, or the
    command ran in another environment. 2: the environment cannot be had again.
    """
    how = Rerunning(
        command=command,
        checkout=checkout,
        relative=options["tolerance"],
        absolute=options["absolute_tolerance"],
        metrics=options["metrics"],
        pattern=_pattern(pattern),
        wishes=wished(options),
    )
    uv = find_uv(offline=options["offline"], timeout=options["timeout"])
    with _output_to_stderr():
        found = ctx.rerun(run, how, uv=uv, watch=told_once())
    return found, screen(found), _EXIT_CODES[found.verdict]


@contextmanager
def _output_to_stderr() -> Iterator[None]:
    """What the command prints is no part of the answer."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def screen(found: Rerun) -> Iterator[Any]:
    yield Text.assemble((found.run_ref.value, "bold"), "  ", status_word(found.verdict), f"  {_summary(found)}")
    if found.rerun_ref is not None:
        yield Text(f"the new run is {found.rerun_ref.value}")
    if found.metrics:
        yield Text()
        table = columns("Metric", ">recorded", ">rerun", ">apart", "")
        for metric in found.metrics:
            apart = "" if metric.apart is None else f"{metric.apart:.3g}"
            name = in_stage(metric.stage_name, metric.metric_key, metric.slice_ref)
            said = Text("same" if metric.within else "differs", "dim" if metric.within else "bold")
            table.add_row(name, _exact(metric.recorded), _exact(metric.rerun), apart, said)
        yield table
    environment = found.environment
    if environment.verdict != "match":
        yield Text()
        yield words(f"The environment {environment.verdict}: `contexta rebuild` lists it", "bold")
        for deviation in environment.deviations[:10]:
            yield words(f"  {deviation}")
        if environment.missing:
            yield indented(missing_table(environment.missing))
    yield from note_lines((*found.notes, *environment.notes))


def _summary(found: Rerun) -> str:
    if found.verdict == "impossible":
        return "not run: its environment cannot be had again"
    if found.confirmed == "no":
        return "the command did not run in the rebuilt environment"
    if found.exit_code:
        return f"the command failed with exit code {found.exit_code}"
    outside = sum(1 for metric in found.metrics if not metric.within)
    if found.verdict == "differs":
        return f"{outside} of {count(len(found.metrics), 'metric')} came out otherwise"
    within = "to the last digit" if not (found.relative_tolerance or found.absolute_tolerance) else "within tolerance"
    return f"{count(len(found.metrics), 'metric')} the same {within}" if found.metrics else "nothing to compare"


def _exact(value: float | None) -> str:
    return "-" if value is None else repr(value)
