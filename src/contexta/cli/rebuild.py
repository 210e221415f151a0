"""``contexta rebuild``: a recorded environment built again, and the verdict."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from contexta.cli.asking import asks
from contexta.cli.layout import columns, indented, note_lines, short, status_word, words
from contexta.cli.words import count, span
from contexta.client.contexta import Contexta
from contexta.findings import Deviation, Missing, Rebuild
from contexta.reproduce.environments.progress import Watch
from contexta.reproduce.rebuild import Wishes
from contexta.reproduce.uv.commands import find_uv

EXIT_CODES = {"match": 0, "deviates": 1, "impossible": 2}


def wishes(command: Any) -> Any:
    """The options of every command that builds a recorded environment."""
    for option in (
        click.option(
            "--timeout", type=click.FloatRange(min=0.1), default=3600.0, show_default=True, help="Seconds a step."
        ),
        click.option("--offline", is_flag=True, help="Ask no index: take what uv has kept."),
        click.option("--index", "indexes", metavar="NAME=URL", multiple=True, help="An index for what others lack."),
        click.option("--allow-build", is_flag=True, help="Build releases that have no wheel."),
        click.option("--allow-python-drift", is_flag=True, help="Take another patch version of Python."),
        click.option("--python", metavar="VERSION|PATH", help="The interpreter, where uv does not find it."),
    ):
        command = option(command)
    return command


@click.command(epilog="Example: contexta rebuild last-month --into env-of-last-month")
@click.argument("run")
@click.option("--into", type=click.Path(path_type=Path), metavar="DIR", required=True, help="A new directory for it.")
@wishes
@asks
def rebuild(ctx: Contexta, run: str, into: Path, **options: Any) -> tuple[Rebuild, Iterable[Any], int]:
    """Build a run's environment again, and compare it with the recording.

    Exit code 0: it matches. 1: it was built and deviates. 2: it cannot be built; everything that is missing is listed.
    """
    uv = find_uv(offline=options["offline"], timeout=options["timeout"])
    with watching() as watch:
        found = ctx.rebuild_environment(run, into, wishes=wished(options), uv=uv, watch=watch)
    return found, screen(found), EXIT_CODES[found.verdict]


def wished(options: dict[str, Any]) -> Wishes:
    return Wishes(
        python=options["python"],
        python_drift=options["allow_python_drift"],
        build=options["allow_build"],
        indexes=options["indexes"],
    )


@contextmanager
def watching() -> Iterator[Watch]:
    """On a terminal a bar on stderr that goes when it is done; else a line there for each step."""
    if not sys.stderr.isatty():
        yield told_once()
        return
    parts = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), _Counted(), TimeElapsedColumn())
    with Progress(*parts, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading the recording", total=None)

        def watch(step: str, done: int = 0, of: int = 0) -> None:
            progress.update(task, description=step, completed=done)
            progress.tasks[0].total = of or None  # update takes None for "as it is"

        yield watch


def told_once() -> Watch:
    """A line on stderr for each step."""
    last = ""

    def watch(step: str, done: int = 0, of: int = 0) -> None:  # noqa: ARG001  # a line tells no more than the step
        nonlocal last
        if step != last:
            click.echo(f"contexta: {step}", err=True)
        last = step

    return watch


class _Counted(ProgressColumn):
    """How many of all; nothing where that is not known."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.completed:.0f} of {task.total:.0f}" if task.total else "")


def screen(found: Rebuild) -> Iterator[Any]:
    yield Text.assemble((found.run_ref.value, "bold"), "  ", status_word(found.verdict), f"  {_summary(found)}")
    if found.into:
        yield words(
            f"{found.into}  (Python {found.rebuilt_python}, {span(found.seconds)}"
            f"{', from the cache' if found.from_cache else ''})"
        )
    if found.deviations:
        yield Text()
        yield Text("What differs from the recording", "bold")
        yield indented(_deviations(found.deviations))
    if found.missing:
        yield Text()
        yield Text("What cannot be had again", "bold")
        yield indented(missing_table(found.missing))
    yield from note_lines(found.notes)


def _summary(found: Rebuild) -> str:
    packages = count(found.package_count, "package")
    if found.verdict == "match":
        return f"Python {found.rebuilt_python} and {packages} as recorded, {found.build_count} of them to the file"
    if found.verdict == "deviates":
        return f"built, and {count(len(found.deviations), 'thing')} of Python and {packages} differ"
    return f"not built: {count(len(found.missing), 'thing')} of Python and {packages} missing"


def _deviations(deviations: Iterable[Deviation]) -> Any:
    table = columns("", "", "", "", "")
    for each in deviations:
        sides = (words(_short(each.recorded)), Text("->"), words(_short(each.rebuilt)))
        table.add_row(words(each.key, "bold"), Text(each.kind, "dim"), *sides, words(each.why or "", "dim"))
    return table


def missing_table(missing: Iterable[Missing]) -> Any:
    table = columns("", "", "")
    for each in missing:
        detail = words(each.detail)
        if each.help:
            detail.append(f"\nfix: {each.help}", "dim")
        name = words(each.name, "bold")
        name.append(f" {short(each.version, 40)}", "")
        table.add_row(name, Text(each.reason, "red"), detail)
    return table


def _short(value: str | None) -> str:
    if value is None:
        return "absent"
    return value[:12] if len(value) == 64 and value.isalnum() else short(value, 60)
