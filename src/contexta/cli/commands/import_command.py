"""`contexta import`. A module of its own, because it imports the readers of all formats."""

from __future__ import annotations

from pathlib import Path

import click

from contexta.cli.command import Answer, answering
from contexta.cli.options import workspace_option
from contexta.cli.progress import progress_bar
from contexta.client.contexta import Contexta
from contexta.importers.readers import KINDS


@click.command("import", epilog="Example: contexta import wandb/ --dry-run")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--from",
    "kind",
    metavar="KIND",
    type=click.Choice(list(KINDS)),
    help=f"Read only this format; default: all are detected. KIND is {', '.join(KINDS)}.",
)
@click.option("--project", metavar="NAME", help="The project of the runs; default: that of the tool.")
@click.option("--dry-run", is_flag=True, help="Only list the runs.")
@click.option(
    "--include-recorded",
    is_flag=True,
    help="Also import runs that Contexta recorded while their program logged to the tracker.",
)
@answering
@workspace_option
def import_(
    workspace: str | None,
    paths: tuple[Path, ...],
    kind: str | None,
    project: str | None,
    dry_run: bool,
    include_recorded: bool,
) -> Answer:
    """Import runs of other trackers, from their files below PATH.

    Metrics with all steps, parameters, tags, times, the commit, the command, the packages and the output are imported
    where the tool recorded them. Importing again changes nothing. Nothing in the files is executed.
    """
    with Contexta(workspace=workspace) as ctx, progress_bar() as progress:
        return Answer(
            ctx.import_runs(
                paths,
                kind=kind,
                project=project,
                dry_run=dry_run,
                include_recorded=include_recorded,
                progress=progress,
            )
        )
