"""`contexta backup`, `restore`, `verify`, `gc`, `doctor`: maintenance of a workspace."""

from __future__ import annotations

import click

from contexta.cli.command import Answer, answering, query
from contexta.cli.likely_commands import likely_command
from contexta.cli.options import workspace_option
from contexta.cli.output import STDOUT
from contexta.client.contexta import Contexta
from contexta.core import workspace_address
from contexta.core.errors import InvalidInput
from contexta.reports.pages.workspace import backup as backup_report


@click.command(epilog="Example: contexta backup contexta-2025-02-15.zip")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--without-salt", is_flag=True, help="Leave out the salt of hidden secrets: for a file to share.")
@query
def backup(ctx: Contexta, file: str, without_salt: bool) -> Answer:
    """Write the workspace to one file, also while runs are live.

    FILE holds the database, journals, objects, and a digest of each. Only its owner can read it. Exits with 1 if
    something was damaged and left out.
    """
    if file == STDOUT:
        raise InvalidInput("a backup cannot be written to stdout", hint="name a new file: contexta backup FILE.zip")
    if (line := likely_command("backup", file)) is not None:
        raise InvalidInput(
            f"{file} reads like a subcommand, and `contexta backup` takes the name of a new file",
            hint=f"`{line}`; for a file of that name: contexta backup ./{file}",
        )
    finding = ctx.backup(file, with_salt=not without_salt)
    return Answer(finding, int(bool(finding.damaged)))


@click.command(epilog="Example: contexta restore contexta-2025-02-15.zip --into restored/.contexta")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--into", required=True, metavar="WORKSPACE", help="A new or empty directory, or a server's database.")
@answering
def restore(file: str, into: str) -> Answer:
    """Restore a workspace from a backup.

    All of FILE is checked before anything is written. A backup of a directory can be restored to a server, and one of
    a server to a directory.
    """
    finding = Contexta.restore(file, into)
    place = workspace_address.shown(into) if workspace_address.is_server(into) else str(finding.path)
    return Answer(
        finding, int(bool(finding.damaged)), report=backup_report(finding, title=f"Restored {file} to {place}")
    )


@click.command(epilog="Example: contexta verify")
@workspace_option
@answering
def verify(workspace: str | None) -> Answer:
    """Check that everything stored reads back as it was written.

    Rows, measurements, records, objects and journals are compared with their checksums. Damage is listed with the runs
    it belongs to. Exits with 1 if something is damaged. Changes nothing.
    """
    with Contexta(workspace=workspace) as ctx:
        finding = ctx.verify()
    return Answer(finding, int(not finding.sound))


@click.command(epilog="Example: contexta gc --keep-last 100 --yes")
@click.option("--keep-last", type=click.IntRange(0), metavar="N", help="Also delete all but N runs of each project.")
@click.option("--yes", is_flag=True, help="Delete; without it, only show what would be deleted.")
@query
def gc(ctx: Contexta, keep_last: int | None, yes: bool) -> Answer:
    """Delete unreferenced objects, ingested journals and old runs.

    Also deletes files that dead processes left. Without --yes it only shows what it would delete.
    """
    return Answer(ctx.gc(keep_last=keep_last, dry_run=not yes))


@click.command(epilog="Example: contexta doctor")
@workspace_option
@answering
def doctor(workspace: str | None) -> Answer:
    """Check the workspace and this machine.

    Checks the database library, file system, space, clock, permissions, uv and interpreters. Exits with 1 if a check
    fails.
    """
    with Contexta(workspace=workspace) as ctx:
        finding = ctx.doctor()
    return Answer(finding, int(any(check.status == "fail" for check in finding.checks)))
