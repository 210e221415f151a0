"""`contexta sync`, `upgrade`: a workspace on a server."""

from __future__ import annotations

import click

from contexta.cli.command import Answer, query
from contexta.client.contexta import Contexta


@click.command(epilog="Example: contexta sync --workspace postgresql://me@db.example.org/contexta")
@click.option("--follow", is_flag=True, help="Continue until nothing is left, also during live runs.")
@click.option("--again", is_flag=True, help="Also deliver what the server had before it was restored from a backup.")
@query
def sync(ctx: Contexta, follow: bool, again: bool) -> Answer:
    """Deliver this machine's records to the workspace's server.

    Runs deliver by themselves while the server can be reached. Repeating is safe: everything arrives exactly once.
    """
    return Answer(ctx.sync(follow=follow, again=again))


@click.command(epilog="Example: contexta upgrade --workspace postgresql://me@db.example.org/contexta")
@query
def upgrade(ctx: Contexta) -> Answer:
    """Upgrade the workspace to the schema of this version.

    The database of a directory is copied and upgraded when it is opened. The database of a server is only upgraded by
    this command, and older versions of Contexta cannot use it afterwards.
    """
    return Answer(ctx.upgrade())
