"""`contexta log`, `artifact`, `export`: files from a workspace."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import click

from contexta.cli.command import LATEST_RUN_HELP, RUN_HELP, Answer, documented, query
from contexta.cli.output import STDOUT
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.reports import Paragraph, Report, Section


@click.command(epilog="Example: contexta log this-month --stderr")
@click.argument("run", default="@latest")
@click.option("--stderr", is_flag=True, help="The stderr of the command instead of its stdout.")
@query
@documented(LATEST_RUN_HELP)
def log(ctx: Contexta, run: str, stderr: bool) -> Answer:
    """Print the output of a run's command, byte for byte."""
    finding = ctx.read_log(run, "stderr" if stderr else "stdout")
    return Answer(finding, text=finding.text, is_raw=True)


@click.command(epilog="Example: contexta artifact this-month model --to model.pt")
@click.argument("run")
@click.argument("name")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="A new file; - is stdout.")
@query
@documented(RUN_HELP)
def artifact(ctx: Contexta, run: str, name: str, target: Path) -> Answer:
    """Copy an artifact of a run out of the workspace.

    A directory is written as a tar archive. `contexta show` lists the names.
    """
    if str(target) == STDOUT:
        with TemporaryDirectory(prefix="contexta-artifact-") as folder:
            finding = ctx.copy_artifact(run, name, Path(folder, "artifact"))
            with Path(folder, "artifact").open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        return Answer(finding, text="")
    finding = ctx.copy_artifact(run, name, target)
    section = Section(title="", blocks=(Paragraph(text=f"copied to {target}"),))
    return Answer(finding, report=Report(title=f"Artifact {finding.name} of {run}", sections=(section,)))


@click.command(epilog="Example: contexta export runs.csv")
@click.argument("file", required=False)
@click.argument("runs", nargs=-1)
@click.option("--baseline", metavar="FILE", help="Write a baseline for `contexta check`; the argument is the run.")
@click.option("--mlflow", metavar="URI", help="Send runs to MLflow instead; the arguments are runs.")
@click.option("--experiment", metavar="NAME", help="Of MLflow. Default: the project of each run.")
@click.option("--otlp", metavar="URL", help="Send runs to an OpenTelemetry collector instead, by OTLP over HTTP.")
@click.option("--points", is_flag=True, help="One row per measurement instead of one per run.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["jsonl", "csv", "parquet", "canonical"]),
    help="Default: the suffix of FILE.",
)
@query
def export(
    ctx: Contexta,
    file: str | None,
    runs: tuple[str, ...],
    baseline: str | None,
    mlflow: str | None,
    experiment: str | None,
    otlp: str | None,
    points: bool,
    format_: Literal["jsonl", "csv", "parquet", "canonical"] | None,
) -> Answer:
    """Write runs to a file, or send them to MLflow or OpenTelemetry.

    FILE - is stdout, as JSON lines or CSV. Parquet needs pyarrow. The format canonical writes everything that is stored
    about the runs: the sha256 of the lines of one run is its content digest.

    `contexta export --baseline FILE [RUN]` writes the metrics and packages of one run, by default of the latest, to a
    small file to commit. It replaces an older baseline.

    `contexta export --mlflow URI [RUN]...` and `contexta export --otlp URL [RUN]...` send runs, by default all. They
    need the extras mlflow and otlp.
    """
    named = (*([file] if file is not None else ()), *runs)
    if sum(target is not None for target in (baseline, mlflow, otlp)) > 1:
        raise InvalidInput("--baseline, --mlflow and --otlp exclude each other", hint="name one of them")
    if experiment is not None and mlflow is None:
        raise InvalidInput("--experiment is of MLflow", hint="add --mlflow URI")
    if (mlflow is not None or otlp is not None) and (points or format_ is not None):
        raise InvalidInput("--points and --format are for files", hint="leave them out")
    if mlflow is not None:
        return Answer(ctx.export_to_mlflow(mlflow, named, experiment=experiment))
    if otlp is not None:
        return Answer(ctx.export_to_otlp(otlp, named))
    if baseline is not None:
        if runs or points or format_ is not None:
            raise InvalidInput("--baseline writes one run", hint="contexta export --baseline FILE RUN")
        run = ctx.export_baseline(file or "@latest", baseline)
        return Answer(run, text=f"written to {baseline}: the metrics and packages of {run.run_ref.value}\n")
    if file is None:
        raise InvalidInput(
            "no file was named", hint="contexta export FILE, or --baseline FILE RUN, --mlflow URI, --otlp URL"
        )
    finding = ctx.export(None if file == STDOUT else file, runs, points=points, format=format_)
    return Answer(finding, text="" if finding.path is None else None)
