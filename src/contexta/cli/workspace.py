"""The commands that look after a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.text import Text

from contexta.cli import layout
from contexta.cli.asking import asks
from contexta.cli.output import STDOUT
from contexta.cli.subcommands import meant
from contexta.cli.words import count
from contexta.client.contexta import Contexta
from contexta.core import workspace_address
from contexta.core.errors import InvalidInput
from contexta.core.model import Value
from contexta.findings import Backup, Cleanup, Damage, Diagnosis, Verification

Screen = Iterator[Any]


@click.command(epilog="Example: contexta backup contexta-2025-02-15.zip")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option(
    "--without-salt", is_flag=True, help="Leave out what hidden secrets are hashed with: for a file to share."
)
@asks
def backup(ctx: Contexta, file: str, without_salt: bool) -> tuple[Value, Screen, int]:
    """Write the whole workspace to one file, also while runs are live. FILE holds the database, journals, objects, and
    a digest of each. Only its owner can read it.

    Exits with 1 when something was damaged and had to be left out.
    """
    if file == STDOUT:
        raise InvalidInput("a backup is a file, and - is none", hint="name a new file: contexta backup FILE.zip")
    if (line := meant("backup", file)) is not None:
        raise InvalidInput(
            f"{file} reads like a subcommand, and `contexta backup` takes the name of a new file",
            hint=f"`{line}`; for a file of that name: contexta backup ./{file}",
        )
    found = ctx.backup(file, with_salt=not without_salt)
    return found, _backup(found, f"{found.path} holds"), int(bool(found.damaged))


@click.command(epilog="Example: contexta restore contexta-2025-02-15.zip --into restored/.contexta")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--into", required=True, metavar="WORKSPACE", help="A new or empty directory, or a server's database.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_obj
def restore(globals_: dict[str, Any], file: str, into: str, as_json: bool) -> int:
    """Make a workspace of a backup, after checking all of it. Nothing is written before. A backup of a directory can
    be restored onto a server, and one of a server into a directory."""
    found = Contexta.restore(file, into)
    place = workspace_address.shown(into) if workspace_address.is_server(into) else found.path
    _print(found, _backup(found, f"{place} now holds"), as_json or globals_["as_json"])
    return int(bool(found.damaged))


def _backup(found: Backup, what: str) -> Screen:
    yield layout.words(
        f"{what} {count(found.runs, 'run')}, {count(found.objects, 'object')} and {count(found.journals, 'journal')}, "
        f"{size(found.size_bytes)} unpacked, as of {found.created_at}."
    )
    if found.damaged:
        yield Text()
        yield Text(f"{count(len(found.damaged), 'thing')} damaged and left out:", "red")
        yield from damage_lines(found.damaged)
    yield from layout.note_lines(found.notes)


def damage_lines(damage: tuple[Damage, ...], most: int = 50) -> Screen:
    for each in damage[:most]:
        whose = f"  ({', '.join(each.run_refs[:5])}{' ...' if len(each.run_refs) > 5 else ''})" if each.run_refs else ""
        yield Text.assemble(("  damaged  ", "red"), layout.words(f"{each.kind} {each.name}: {each.detail}{whose}"))
    if len(damage) > most:
        yield Text(f"  and {len(damage) - most} more; --json lists all")


def size(amount: int) -> str:
    """Bytes as people say them."""
    if amount < 1000:
        return count(amount, "byte")
    for unit in ("kB", "MB", "GB"):
        amount_in = amount / 1000 ** (1 + ("kB", "MB", "GB").index(unit))
        if amount_in < 999.5 or unit == "GB":
            return f"{amount_in:.3g} {unit}"
    raise AssertionError  # the last unit takes everything


@click.command(epilog="Example: contexta verify")
@click.option("--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else .contexta.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_obj
def verify(globals_: dict[str, Any], workspace: str | None, as_json: bool) -> int:
    """Check that everything stored reads back as it was written. That is: rows, measurements, records, objects,
    journals.

    What is damaged is named, with the runs it belongs to, and makes the exit code 1. Nothing is changed.
    """
    found = Contexta(workspace=workspace or globals_["workspace"]).verify()  # never opened: it may be past opening
    _print(found, _verification(found), as_json or globals_["as_json"])
    return int(not found.sound)


@click.command(epilog="Example: contexta gc --keep-last 100 --yes")
@click.option("--keep-last", type=click.IntRange(0), metavar="N", help="Also remove all but N runs of each project.")
@click.option("--yes", is_flag=True, help="Do it; without this it is only said what would be done.")
@asks
def gc(ctx: Contexta, keep_last: int | None, yes: bool) -> tuple[Value, Screen, int]:
    """Give back what nobody needs: forgotten objects, read journals, old runs. That is: objects that nothing refers
    to, journals that are taken in whole, files that dead processes left, and with --keep-last the oldest runs.
    Without --yes it only says what it would do."""
    found = ctx.gc(keep_last=keep_last, dry_run=not yes)
    return found, _cleanup(found), 0


@click.command(epilog="Example: contexta doctor")
@click.option("--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else .contexta.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_obj
def doctor(globals_: dict[str, Any], workspace: str | None, as_json: bool) -> int:
    """Check whether the workspace and this machine can be relied on. Looked at are: database library, file system,
    space, clock, permissions, uv, interpreters. What fails makes the exit code 1."""
    found = Contexta(workspace=workspace or globals_["workspace"]).doctor()
    _print(found, _diagnosis(found), as_json or globals_["as_json"])
    return int(any(check.status == "fail" for check in found.checks))


@click.command(epilog="Example: contexta export runs.csv")
@click.argument("file")
@click.argument("runs", nargs=-1)
@click.option("--points", is_flag=True, help="A row for each measurement instead of each run.")
@click.option("--format", "format_", type=click.Choice(["jsonl", "csv", "parquet"]), help="Default: FILE's suffix.")
@asks
def export(ctx: Contexta, file: str, runs: tuple[str, ...], points: bool, format_: Any) -> tuple[Value, Screen, int]:
    """Write runs or their measurements as JSON lines, CSV or Parquet. Parquet needs pyarrow.

    FILE - is stdout, as JSON lines or CSV.
    """
    found = ctx.export(None if file == "-" else file, runs, points=points, format=format_)
    what = "measurement" if points else "run"
    said = [] if found.path is None else [layout.words(f"{found.path} holds {count(found.rows, what)}.")]
    return found, iter(said), 0


def _print(found: Value, screen: Screen, as_json: bool) -> None:
    if as_json:
        print(found.model_dump_json(indent=2))  # noqa: T201  # data, to stdout
    else:
        layout.show(screen)


def _verification(found: Verification) -> Screen:
    looked_at = ", ".join(f"{number} {what}" for what, number in found.checked.items())
    if found.sound:
        yield Text(f"Everything reads back as it was written: {looked_at}.")
    else:
        yield Text(f"{count(len(found.damage), 'thing')} damaged, of {looked_at}:", "red")
        yield from damage_lines(found.damage)
        if any(each.kind != "cache" for each in found.damage):
            yield Text("hint: restore a backup beside it and compare: `contexta restore FILE --into DIR`")
    yield from layout.note_lines(found.notes)


def _cleanup(found: Cleanup) -> Screen:
    what = [
        count(len(found.runs), "run"),
        f"{count(found.objects, 'object')} that nothing refers to",
        f"{count(found.journals, 'journal')} that {'is' if found.journals == 1 else 'are'} taken in whole",
        f"{count(found.leftovers, 'file')} of dead processes",
    ]
    yield Text(
        f"{'Would remove' if found.dry_run else 'Removed'} {', '.join(what)}: {size(found.size_bytes)} of files."
    )
    for ref in found.runs[:20]:
        yield layout.words(f"  {ref}")
    if len(found.runs) > 20:
        yield Text(f"  and {len(found.runs) - 20} more; --json lists all")
    for words in found.kept:
        yield layout.words(f"  kept {words}")
    if found.dry_run:
        yield Text("Nothing was removed. `contexta gc --yes` removes it; the references of runs stay taken.")


def _diagnosis(found: Diagnosis) -> Screen:
    table = layout.columns("", "", "")
    for check in found.checks:
        table.add_row(layout.status_word(check.status), Text(check.name, "bold"), layout.words(check.detail))
        if check.fix is not None and check.status != "pass":
            table.add_row("", "", layout.words(f"fix: {check.fix}"))
    yield layout.words(f"Workspace {found.workspace}")
    yield table
