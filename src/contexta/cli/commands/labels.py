"""`contexta rename`, `tag`, `note`, `pin`, `unpin`, `archive`, `unarchive`: annotations of runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from contexta.cli.command import RUN_HELP, Answer, documented, query
from contexta.cli.commands.inspect.runs import RunSummaries
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput, shown
from contexta.findings import RunSummary
from contexta.reports.document.formatting import printable


@click.command(epilog="Example: contexta rename last-month baseline-of-february")
@click.argument("run")
@click.argument("name")
@query
@documented(RUN_HELP)
def rename(ctx: Contexta, run: str, name: str) -> Answer:
    """Give a run another name.

    Its reference does not change and still finds it, so links, reports and studies stay valid. To undo it, give the
    recorded name.
    """
    finding = ctx.rename_run(run, name)
    return Answer(finding, text=f"{finding.run_ref.value} is {printable(finding.label)} now\n")


@click.command(epilog="Example: contexta tag last-month baseline team=search")
@click.argument("run")
@click.argument("tags", nargs=-1, metavar="[NAME[=VALUE]]...")
@click.option("--remove", metavar="NAME", multiple=True, help="Remove this tag; repeatable.")
@query
@documented(RUN_HELP)
def tag(ctx: Contexta, run: str, tags: tuple[str, ...], remove: tuple[str, ...]) -> Answer:
    """Set or remove tags of a run, or print them.

    `contexta runs --where tags.NAME=VALUE` finds runs by tags. `gc` and `delete` keep a run with the tag baseline.
    """
    pairs = dict(map(_tag, tags))
    finding = ctx.tag_run(run, pairs, remove=remove) if pairs or remove else ctx.get_run(run)
    lines = [f"{name}={value}" if value else name for name, value in sorted(finding.tags.items())]
    text = f": {', '.join(map(printable, lines))}" if lines else " has no tags"
    return Answer(finding, text=f"{printable(finding.label)}{text}\n")


@click.command(epilog='Example: contexta note last-month "trained before the new labels"')
@click.argument("run")
@click.argument("text", required=False)
@click.option("--remove", is_flag=True, help="Remove the note.")
@query
@documented(RUN_HELP)
def note(ctx: Contexta, run: str, text: str | None, remove: bool) -> Answer:
    """Write a note about a run, or print it.

    TEXT replaces an earlier note.
    """
    if text is not None and remove:
        raise InvalidInput("--remove and a text were both given", hint="leave out one of them")
    finding = ctx.get_run(run) if text is None and not remove else ctx.note_run(run, text or "")
    text_of_note = f": {printable(finding.note)}" if finding.note else " has no note"
    return Answer(finding, text=f"{printable(finding.label)}{text_of_note}\n")


@click.command(epilog="Example: contexta archive try-1 try-2")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@query
@documented(RUN_HELP)
def archive(ctx: Contexta, runs: tuple[str, ...]) -> Answer:
    """Leave runs out of lists.

    `contexta runs --archived` lists them, and every other command still finds them.
    """
    return _each(runs, "archived", lambda run: ctx.archive_run(run))


@click.command(epilog="Example: contexta unarchive try-1")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@query
@documented(RUN_HELP)
def unarchive(ctx: Contexta, runs: tuple[str, ...]) -> Answer:
    """List archived runs again."""
    return _each(runs, "listed again", lambda run: ctx.archive_run(run, archived=False))


@click.command(epilog="Example: contexta pin last-month")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@query
@documented(RUN_HELP)
def pin(ctx: Contexta, runs: tuple[str, ...]) -> Answer:
    """Protect runs from `gc` and `delete`."""
    return _each(runs, "pinned", lambda run: ctx.pin_run(run))


@click.command(epilog="Example: contexta unpin last-month")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@query
@documented(RUN_HELP)
def unpin(ctx: Contexta, runs: tuple[str, ...]) -> Answer:
    """Remove the protection of pinned runs."""
    return _each(runs, "not pinned any more", lambda run: ctx.pin_run(run, pinned=False))


def _each(runs: Sequence[str], state: str, change: Callable[[str], RunSummary]) -> Answer:
    summaries = [change(run) for run in runs]
    lines = (f"{printable(summary.label)} is {state}\n" for summary in summaries)
    return Answer(RunSummaries(tuple(summaries)), text="".join(lines))


def _tag(argument: str) -> tuple[str, str]:
    name, _, value = argument.partition("=")
    if not name.strip():
        raise InvalidInput(f"tag {shown(argument)} has no name", hint="contexta tag RUN NAME=VALUE")
    return name, value
