"""`contexta lock`, `rebuild`, `rerun`, `reconstruct`: environments and runs, built and run again."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

import click

from contexta.cli.command import Answer, answering, query
from contexta.cli.options import workspace_option
from contexta.cli.output import STDOUT, write
from contexta.cli.progress import progress_bar, progress_lines
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.findings import LockFormat
from contexta.recorder.printed.user_pattern import compiled
from contexta.reports.pages.reproduce import lock_summary
from contexta.reproduce.rebuild import RebuildOptions
from contexta.reproduce.rerun import RerunOptions
from contexta.reproduce.uv.commands import find_uv

_REBUILD_EXIT_CODES = {"match": 0, "deviates": 1, "impossible": 2}
_RERUN_EXIT_CODES = {"reproduced": 0, "differs": 1, "unknown": 1, "impossible": 2}

_OFFLINE = click.option("--offline", is_flag=True, help="Use packages from uv's cache only.")
_INDEX = click.option(
    "--index", "indexes", metavar="NAME=URL", multiple=True, help="An index for packages that others lack; repeatable."
)
_ALLOW_BUILD = click.option("--allow-build", is_flag=True, help="Build releases without a wheel from source.")
_BUILD_OPTIONS = (
    click.option("--python", metavar="VERSION|PATH", help="The interpreter, if uv does not find the recorded one."),
    click.option("--allow-python-drift", is_flag=True, help="Allow another patch version of Python."),
    _ALLOW_BUILD,
    _INDEX,
    _OFFLINE,
    click.option(
        "--timeout", type=click.FloatRange(min=0.1), default=3600.0, show_default=True, help="Seconds per step."
    ),
)


def _build_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that builds a recorded environment."""
    for option in reversed(_BUILD_OPTIONS):
        command = option(command)
    return command


def _rebuild_options(options: dict[str, Any]) -> RebuildOptions:
    return RebuildOptions(
        python=options["python"],
        python_drift=options["allow_python_drift"],
        build=options["allow_build"],
        indexes=options["indexes"],
    )


@click.command(epilog="Example: contexta lock last-month -o pylock.toml")
@click.argument("run", default="@latest")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), metavar="FILE", help="A new file; default, and -: stdout."
)
@click.option("--format", "form", type=click.Choice(get_args(LockFormat)), default="pylock", show_default=True)
@click.option(
    "--wheels", type=click.Path(path_type=Path), metavar="DIR", help="Also download the locked wheels to DIR."
)
@_INDEX
@_ALLOW_BUILD
@_OFFLINE
@query
def lock(
    ctx: Contexta,
    run: str,
    output: Path | None,
    form: LockFormat,
    wheels: Path | None,
    indexes: tuple[str, ...],
    allow_build: bool,
    offline: bool,
) -> Answer:
    """Write a run's environment as a lock file, or as a Dockerfile. RUN is by default @latest.

    Exits with 1 if the lock lacks a package; stderr names it and the reason.
    """
    is_file = output is not None and str(output) != STDOUT
    if is_file and output is not None and output.exists():
        raise InvalidInput(f"{output} already exists", hint="name a new file, or remove it")
    options, uv = RebuildOptions(build=allow_build, indexes=indexes), find_uv(offline=offline)
    finding = ctx.lock_environment(run, form, options=options, uv=uv)
    for note in finding.notes:
        click.echo(f"note: {note}", err=True)
    for package in finding.missing:
        click.echo(f"not locked: {package.name} {package.version}: {package.detail}", err=True)
        if package.help:
            click.echo(f"hint: {package.help}", err=True)
    for name, why in finding.open.items():
        click.echo(f"locked by version only: {name}: {why}", err=True)
    click.echo(lock_summary(finding), err=True)
    not_kept = 0
    if wheels is not None:
        with progress_bar() as progress:
            kept = ctx.keep_wheels(run, wheels, options=options, uv=uv, progress=progress)
        not_kept = len(kept.missing)
        click.echo(f"{len(kept.kept)} wheels are in {wheels}, {not_kept} packages could not be kept", err=True)
    if is_file and output is not None:
        write(output, finding.content)
    text = f"written to {output}\n" if is_file else f"{finding.content.rstrip()}\n"
    return Answer(finding, int(bool(finding.missing or not_kept)), text=text)


@click.command(epilog="Example: contexta keep last-month")
@click.argument("run")
@click.option(
    "--wheels", type=click.Path(path_type=Path), metavar="DIR", help="A directory; default: wheels in the workspace."
)
@_INDEX
@query
def keep(ctx: Contexta, run: str, wheels: Path | None, indexes: tuple[str, ...]) -> Answer:
    """Download the exact wheels of a run before releases are deleted.

    Each wheel is checked by its hash. `rebuild`, `rerun` and `bisect` use the wheels of the workspace before those of
    an index. Exits with 1 if a package has no wheel that could be kept.
    """
    with progress_bar() as progress:
        finding = ctx.keep_wheels(run, wheels, options=RebuildOptions(indexes=indexes), progress=progress)
    return Answer(finding, int(bool(finding.missing)))


@click.command(epilog="Example: contexta rebuild last-month --into env-of-last-month")
@click.argument("run", default="@latest")
@click.option("--into", type=click.Path(path_type=Path), metavar="DIR", required=True, help="A new directory for it.")
@_build_options
@query
def rebuild(ctx: Contexta, run: str, into: Path, **options: Any) -> Answer:
    """Rebuild a run's environment, and compare it with the recording. RUN is by default @latest.

    Exit code 0: it matches. 1: it was built and deviates. 2: it cannot be built, and everything that is unavailable
    is listed.
    """
    uv = find_uv(offline=options["offline"], timeout=options["timeout"])
    with progress_bar() as progress:
        finding = ctx.rebuild_environment(run, into, options=_rebuild_options(options), uv=uv, progress=progress)
    return Answer(finding, _REBUILD_EXIT_CODES[finding.verdict])


@click.command(
    epilog="Example: contexta rerun last-month --checkout", context_settings={"allow_interspersed_args": True}
)
@click.argument("run")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--checkout", is_flag=True, help="Run the recorded commit and changes, in a temporary clone.")
@click.option("--tolerance", type=float, default=0.0, help="Relative distance that counts as equal; default: none.")
@click.option("--absolute-tolerance", type=float, default=0.0, help="Absolute distance that counts as equal.")
@click.option("--metric", "metrics", metavar="NAME", multiple=True, help="Compare only this metric; repeatable.")
@click.option("--metrics-from-stdout", "pattern", metavar="REGEX", help="As for `contexta run`; default: as recorded.")
@_build_options
@query
def rerun(
    ctx: Contexta, run: str, command: tuple[str, ...], checkout: bool, pattern: str | None, **options: Any
) -> Answer:
    """Rerun a run in its rebuilt environment, and compare metrics.

    COMMAND, after --, replaces the recorded one. Launchers such as `uv run` are removed from it. Its output goes to
    stderr. Exit code 0: every metric is the same within the tolerance. 1: a metric differs, nothing could be compared,
    or the command ran in another environment. 2: the environment cannot be rebuilt.
    """
    how = RerunOptions(
        command=command,
        checkout=checkout,
        relative=options["tolerance"],
        absolute=options["absolute_tolerance"],
        metrics=options["metrics"],
        pattern=None if pattern is None else compiled(pattern),
        options=_rebuild_options(options),
    )
    uv = find_uv(offline=options["offline"], timeout=options["timeout"])
    with _stdout_to_stderr():
        finding = ctx.rerun(run, how, uv=uv, progress=progress_lines())
    return Answer(finding, _RERUN_EXIT_CODES[finding.verdict])


@click.command(epilog="Example: contexta reconstruct --at 2025-02-15 --python 3.11 --name last-month")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--at", metavar="WHEN", required=True, help="A date, a time (UTC), a commit or tag, or a file of that time."
)
@click.option("--python", metavar="VERSION", help="The version of Python, if you are sure about it.")
@click.option("--name", metavar="NAME", help="The name of the run; default: reconstructed-WHEN.")
@click.option(
    "--env", metavar="DIR", type=click.Path(path_type=Path), help="A virtual environment that may be older than WHEN."
)
@click.option("--project", metavar="NAME", help="Default: the configured project, else the current directory.")
@click.option(
    "--expect",
    metavar="METRIC=VALUE",
    multiple=True,
    help="A value that you remember, such as accuracy=0.91; `contexta bisect` checks it.",
)
@click.option("--shell-history", is_flag=True, help="Also read the history of your shells.")
@workspace_option
@answering
def reconstruct(
    paths: tuple[Path, ...],
    at: str,
    python: str | None,
    name: str | None,
    env: Path | None,
    project: str | None,
    shell_history: bool,
    expect: tuple[str, ...],
    workspace: str | None,
) -> Answer:
    """Reconstruct the environment of a run that was never recorded.

    Combines the traces of that time: logs, models, notebooks, lock files and their git history, installed files. What
    no trace names is resolved as of that date. PATH is a directory to search instead of the current one, or a file
    that counts whatever its date is. The result is a run: compare it with `contexta diff`, and bisect it.
    """
    with Contexta(workspace=workspace) as ctx, progress_bar() as progress:
        return Answer(
            ctx.reconstruct(
                at,
                *paths,
                python=python,
                name=name,
                env=env,
                project=project,
                shell_history=shell_history,
                expect=_expected(expect),
                progress=progress,
            )
        )


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Keep the output of child processes out of stdout, which is for the answer."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def _expected(texts: tuple[str, ...]) -> dict[str, float]:
    """``METRIC=VALUE`` texts as a mapping. Raises InvalidInput."""
    values = {}
    for text in texts:
        metric, _, value = text.rpartition("=")
        try:
            values[metric] = float(value)
        except ValueError:
            raise InvalidInput(f"--expect {text} names no value", hint="write it as --expect accuracy=0.91") from None
    return values
