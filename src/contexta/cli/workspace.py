"""The commands that look after a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.text import Text

from contexta.cli import layout
from contexta.cli.asking import asks
from contexta.cli.words import count
from contexta.client import Contexta
from contexta.findings import Backup, Damage
from contexta.values import Value

Screen = Iterator[Any]


@click.command(epilog="Example: contexta backup contexta-2025-02-15.zip")
@click.argument("file", type=click.Path(dir_okay=False))
@asks
def backup(ctx: Contexta, file: str) -> tuple[Value, Screen, int]:
    """Write the whole workspace to FILE: database, journals, objects, and a digest of each. Runs may go on meanwhile.

    Exits with 1 when something was damaged and had to be left out.
    """
    found = ctx.backup(file)
    return found, _backup(found, f"{found.path} holds"), int(bool(found.damaged))


@click.command(epilog="Example: contexta restore contexta-2025-02-15.zip --into restored/.contexta")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--into", required=True, metavar="DIR", help="The workspace to be made; new, or an empty directory.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_obj
def restore(globals_: dict[str, Any], file: str, into: str, as_json: bool) -> int:
    """Make a workspace of a backup. Everything in FILE is checked before anything is written."""
    found = Contexta.restore(file, into)
    if as_json or globals_["as_json"]:
        print(found.model_dump_json(indent=2))  # noqa: T201  # data, to stdout
    else:
        layout.show(_backup(found, f"{found.path} now holds"))
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
