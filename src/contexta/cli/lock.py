"""``contexta lock``: a recorded environment as a file that others install from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import click
from rich.text import Text

from contexta.cli.asking import asks
from contexta.cli.output import STDOUT, write
from contexta.cli.words import count
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.findings import Lock, LockFormat
from contexta.reproduce.rebuild import Wishes
from contexta.reproduce.uv.commands import find_uv


@click.command(epilog="Example: contexta lock last-month -o pylock.toml")
@click.argument("run")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="A new file; default, and -: stdout."
)
@click.option("--format", "form", type=click.Choice(get_args(LockFormat)), default="pylock", show_default=True)
@click.option("--index", "indexes", metavar="NAME=URL", multiple=True, help="An index for what others lack.")
@click.option("--allow-build", is_flag=True, help="Also lock releases that have no wheel.")
@click.option("--offline", is_flag=True, help="Ask no index: take what uv has kept.")
@asks
def lock(
    ctx: Contexta, run: str, output: Path | None, form: LockFormat, **options: Any
) -> tuple[Lock, Iterable[Any], int]:
    """Write a run's environment as a lock: pylock.toml, requirements, a Dockerfile.

    Exit code 1 when something is not in it; what and why is said on stderr.
    """
    if output is not None and str(output) == STDOUT:
        output = None
    if output is not None and output.exists():
        raise InvalidInput(f"{output} is there already", hint="name a new file, or remove it")
    wishes = Wishes(build=options["allow_build"], indexes=options["indexes"])
    found = ctx.lock_environment(run, form, wishes=wishes, uv=find_uv(offline=options["offline"]))
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    for each in found.missing:
        click.echo(f"not in it: {each.name} {each.version}: {each.detail}", err=True)
        if each.help:
            click.echo(f"hint: {each.help}", err=True)
    for name, why in found.open.items():
        click.echo(f"by version alone: {name}: {why}", err=True)
    locked = len(found.exact) + len(found.open)
    told = f"{count(locked, 'package')}, {len(found.exact)} known to be the very files that were installed"
    click.echo(told, err=True)
    if output is None:
        return found, [Text(found.content.rstrip())], int(bool(found.missing))
    write(output, found.content)
    return found, [Text(f"{output}: {told}")], int(bool(found.missing))
