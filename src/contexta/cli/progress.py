"""Show the steps of a long command on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from contexta.reproduce.environments.progress import ProgressCallback


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """A bar on a terminal, which disappears at the end; elsewhere a line for each step."""
    if not sys.stderr.isatty():
        yield progress_lines()
        return
    parts = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Count(), TimeElapsedColumn())
    with Progress(*parts, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading the recording", total=None)

        def watch(step: str, done: int = 0, of: int = 0) -> None:
            progress.update(task, description=step, completed=done)
            progress.tasks[0].total = of or None  # update() ignores None

        yield watch


def progress_lines() -> ProgressCallback:
    """A line for each step."""
    last = ""

    def watch(step: str, done: int = 0, of: int = 0) -> None:  # noqa: ARG001  # the signature of a ProgressCallback
        nonlocal last
        if step != last:
            click.echo(f"contexta: {step}", err=True)
        last = step

    return watch


class _Count(ProgressColumn):
    """``3 of 12``; empty where the total is unknown."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:.0f} of {task.total:.0f}" if task.total else "")
