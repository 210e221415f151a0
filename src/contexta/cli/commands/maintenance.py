"""`contexta backup`, `restore`, `verify`, `gc`, `delete`, `cache`, `doctor`, `sync`, `upgrade`."""

from __future__ import annotations

import sys

import click

from contexta.cli.command import RUN_HELP, Answer, answering, documented, query
from contexta.cli.likely_commands import likely_command
from contexta.cli.options import workspace_option
from contexta.cli.output import STDOUT
from contexta.client.contexta import Contexta
from contexta.core import workspace_address
from contexta.core.errors import InvalidInput
from contexta.reports.document.formatting import size
from contexta.reports.pages.workspace import backup as backup_report
from contexta.reports.pages.workspace import deletion as deletion_report


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
@click.option("--older-than", metavar="AGE", help="Also delete runs older than this, as in 30d or 12h.")
@click.option(
    "--status",
    multiple=True,
    type=click.Choice(["completed", "failed", "cancelled", "crashed"]),
    help="Also delete runs with this status; repeatable.",
)
@click.option("--yes", is_flag=True, help="Delete; without it, only show what would be deleted.")
@query
def gc(ctx: Contexta, keep_last: int | None, older_than: str | None, status: tuple[str, ...], yes: bool) -> Answer:
    """Delete unreferenced objects, ingested journals and old runs.

    Also deletes files that dead processes left. Without --yes it only shows what it would delete. Several conditions
    delete the runs that fulfil all of them. Open, pinned and deployed runs, and runs with the tag baseline, are kept.
    """
    return Answer(ctx.gc(keep_last=keep_last, older_than=older_than, status=status, dry_run=not yes))


@click.command(epilog="Example: contexta delete try-1 try-2")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also delete pinned runs, baselines and deployed runs.")
@click.option("--dry-run", is_flag=True, help="Only show what would be deleted.")
@query
@documented(RUN_HELP)
def delete(ctx: Contexta, runs: tuple[str, ...], yes: bool, force: bool, dry_run: bool) -> Answer:
    """Delete runs.

    Deletes all of them or none. Asks first; outside a terminal --yes is required. Exits with 1 if you answer no. The
    reference of a deleted run is not used again.
    """
    if not (yes or dry_run):
        plan = ctx.delete_runs(runs, force=force, dry_run=True)
        names = ", ".join(ref.value for ref in plan.runs)
        if not sys.stdin.isatty():
            raise InvalidInput(f"deleting {names} needs a confirmation", hint=f"`{plan.command}`")
        if not click.confirm(f"Delete {names} and free {size(plan.size_bytes)}?", err=True):
            return Answer(plan, 1, text="nothing was deleted\n")
    finding = ctx.delete_runs(runs, force=force, dry_run=dry_run)
    return Answer(finding, report=deletion_report(finding))


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


@click.command(epilog="Example: contexta cache prune --older-than 30d")
@click.argument("action", required=False, type=click.Choice(["prune", "clear"]), metavar="[prune|clear]")
@click.option("--older-than", metavar="AGE", help="prune: delete those unused for longer than this, as in 30d or 12h.")
@click.option("--max-size", type=click.FloatRange(0, 1e9), metavar="GB", help="prune: until this size is left.")
@answering
def cache(action: str | None, older_than: str | None, max_size: float | None) -> Answer:
    """Show or prune the cache of built environments.

    prune deletes the least recently used environments, by default until the cache is below its limit; clear deletes
    all. An environment in use stays. CONTEXTA_CACHE_SIZE is the limit in GB; by default it is half of the disk space
    that is free or used by the cache, and at most 20 GB.
    """
    if action != "prune" and (older_than is not None or max_size is not None):
        raise InvalidInput("--older-than and --max-size belong to prune", hint="contexta cache prune --older-than 30d")
    if action is None:
        return Answer(Contexta.cached_environments())
    return Answer(Contexta.prune_cache(older_than=older_than, max_gigabytes=max_size, everything=action == "clear"))


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
