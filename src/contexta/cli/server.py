"""The commands of a workspace on a server: deliver what waits here, bring its schema up to date."""

from __future__ import annotations

from typing import Any

import click

from contexta.cli.asking import Screen, asks
from contexta.client.contexta import Contexta
from contexta.core.model import Value
from contexta.findings import Delivery


@click.command(epilog="Example: contexta sync --workspace postgresql://me@db.example.org/contexta")
@click.option("--follow", is_flag=True, help="Go on until nothing is left; for a machine whose runs are still going.")
@click.option("--again", is_flag=True, help="Also what the server had before it was restored from a backup.")
@asks
def sync(ctx: Contexta, follow: bool, again: bool) -> tuple[Value, Screen, int]:
    """Bring what runs on this machine have recorded to the workspace's server.

    Runs do so by themselves while the server can be reached. Safe to repeat: everything arrives exactly once.
    """
    found = ctx.sync(follow=follow, again=again)
    return found, _delivery(found), 0


@click.command(epilog="Example: contexta upgrade --workspace postgresql://me@db.example.org/contexta")
@asks
def upgrade(ctx: Contexta) -> tuple[Value, Screen, int]:
    """Bring the workspace to the schema of this version.

    A directory's database is upgraded by itself when it is opened, after a copy beside it; this does it now. One on a
    server is upgraded by this command alone: older versions of Contexta cannot use it afterwards.
    """
    found = ctx.upgrade()
    if found.before == found.after:
        return found, [f"schema {found.after} is that of this version: nothing to do"], 0
    kept = [f"the database as it was: {found.copy_kept}"] if found.copy_kept else []
    return found, [f"schema {found.before} -> {found.after}", *kept], 0


def _delivery(found: Delivery) -> list[Any]:
    if not found.waiting:
        return [f"everything is in {found.workspace}: {_journals(found.finished)} delivered now"]
    lines = [f"{found.workspace}: {_journals(found.finished)} delivered whole now"]
    return [
        *lines,
        f"{_journals(found.waiting)} still being written; {found.bytes_waiting} bytes are not delivered yet",
    ]


def _journals(count: int) -> str:
    return f"{count} journal{'' if count == 1 else 's'}"
