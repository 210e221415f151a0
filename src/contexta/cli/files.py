"""What runs wrote and made: their output, and the files they kept."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from rich.text import Text

from contexta.cli.asking import asks
from contexta.cli.output import STDOUT
from contexta.client.contexta import Contexta
from contexta.core.model import Value


@click.command(epilog="Example: contexta log this-month --stderr")
@click.argument("run")
@click.option("--stderr", "stderr", is_flag=True, help="What it wrote to stderr instead of stdout.")
@asks
def log(ctx: Contexta, run: str, stderr: bool) -> tuple[Value, Iterable[Any], int]:
    """Print what the command of a run wrote, as `contexta run` kept it.

    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix.
    """
    found = ctx.read_log(run, "stderr" if stderr else "stdout")
    return found, _as_written(found.text), 0


def _as_written(text: str) -> Iterator[Any]:
    """The very bytes, colours included: this is the user's own output, as ``cat`` would show it."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
    yield from ()


@click.command(epilog="Example: contexta artifact this-month model --to model.pt")
@click.argument("run")
@click.argument("name")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="The new file; - is stdout.")
@asks
def artifact(ctx: Contexta, run: str, name: str, target: Path) -> tuple[Value, Iterable[Any], int]:
    """Copy a file that a run kept out of the workspace.

    A directory comes as a tar archive.
    RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix. NAME is one of those that
    `contexta show` lists.
    """
    if str(target) == STDOUT:
        with TemporaryDirectory(prefix="contexta-artifact-") as folder:
            found = ctx.copy_artifact(run, name, Path(folder, "artifact"))
            with Path(folder, "artifact").open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        return found, iter(()), 0
    found = ctx.copy_artifact(run, name, target)
    return found, iter([Text(f"{found.name} of {run} is in {target}")]), 0
