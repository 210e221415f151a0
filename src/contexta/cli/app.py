"""The list of commands. The module of a command is imported when it runs."""

from __future__ import annotations

from importlib import import_module

import click

from contexta import __version__
from contexta.cli.likely_commands import ALIASES, suggestion

# section of --help -> name -> (module of contexta.cli, one line for --help)
SECTIONS = {
    "Record": {
        "run": ("commands.run", "Record a command: its Python processes, output and exit code."),
        "import": ("commands.import_command", "Import runs of other trackers, from their files below PATH."),
        "tag": ("commands.labels", "Set or remove tags of a run, or print them."),
        "note": ("commands.labels", "Write a note about a run, or print it."),
        "rename": ("commands.labels", "Give a run another name."),
    },
    "Inspect": {
        "runs": ("commands.inspect.runs", "List the runs of the workspace, latest first."),
        "show": ("commands.inspect.runs", "Show one run: status, metrics, parameters, environment."),
        "ui": ("commands.ui", "Show the runs of the workspace in a browser."),
        "mcp": ("agents", "Let a coding agent query the workspace."),
        "log": (
            "commands.inspect.files",
            "Print the output of a run's command, byte for byte.",
        ),
        "metrics": (
            "commands.inspect.metrics",
            "Show the metrics of a run, or read them from its stored output.",
        ),
        "series": ("commands.inspect.metrics", "Show one metric of a run over its points."),
        "env": ("commands.inspect.environments", "Show the environment in which a run started."),
        "artifact": ("commands.inspect.files", "Copy an artifact of a run out of the workspace."),
        "diagnose": (
            "commands.inspect.runs",
            "Show problems of a run: failures, open stages, lost records.",
        ),
        "snapshot": ("commands.inspect.runs", "Show everything stored of one run: stages, samples, records."),
        "lineage": ("commands.inspect.lineage", "Show what came from what: runs, artifacts, deployments."),
        "deployments": ("commands.inspect.lineage", "List deployments and what they run, oldest first."),
    },
    "Explain": {
        "plot": ("commands.inspect.plot", "Draw the learning curves of runs in one chart in the terminal."),
        "diff": (
            "commands.comparisons",
            "Show every difference between two runs.",
        ),
        "why": (
            "commands.comparisons",
            "Explain a changed metric: significance, suspects, next steps.",
        ),
        "compare": ("commands.comparisons", "Show runs side by side, and what changed between them."),
        "trend": ("commands.inspect.metrics", "Show a metric over the runs, and what changed between them."),
        "timeline": ("commands.inspect.environments", "Show the versions of a package over the runs of a project."),
        "best": ("commands.inspect.metrics", "Rank runs by the last value of a metric, the best first."),
        "check": ("commands.check", "Pass or fail a run by its metrics and its environment."),
    },
    "Rebuild and prove": {
        "audit": ("commands.inspect.environments", "Check whether a run's environment can be rebuilt."),
        "keep": ("commands.reproduce", "Download the exact wheels of a run before releases are deleted."),
        "reconstruct": ("commands.reproduce", "Reconstruct the environment of a run that was never recorded."),
        "rebuild": ("commands.reproduce", "Rebuild a run's environment, and compare it with the recording."),
        "rerun": ("commands.reproduce", "Rerun a run in its rebuilt environment, and compare metrics."),
        "bisect": ("commands.bisect", "Prove which change between two environments moved a metric."),
        "demo": ("demo", "Watch it work: an upgrade, a drop, and the proof of the cause."),
    },
    "Share": {
        "report": ("commands.comparisons", "Write a report about runs, as Markdown or HTML."),
        "export": ("commands.inspect.files", "Write runs to a file, or send them to MLflow or OpenTelemetry."),
        "lock": (
            "commands.reproduce",
            "Write a run's environment as a lock file, or as a Dockerfile.",
        ),
        "sync": ("commands.maintenance", "Deliver this machine's records to the workspace's server."),
    },
    "Maintain": {
        "pin": ("commands.labels", "Protect runs from `gc` and `delete`."),
        "unpin": ("commands.labels", "Remove the protection of pinned runs."),
        "archive": ("commands.labels", "Leave runs out of lists."),
        "unarchive": ("commands.labels", "List archived runs again."),
        "delete": ("commands.maintenance", "Delete runs."),
        "gc": ("commands.maintenance", "Delete unreferenced objects, ingested journals and old runs."),
        "cache": ("commands.maintenance", "Show or prune the cache of built environments."),
        "backup": ("commands.maintenance", "Write the workspace to one file, also while runs are live."),
        "restore": ("commands.maintenance", "Restore a workspace from a backup."),
        "verify": ("commands.maintenance", "Check that everything stored reads back as it was written."),
        "doctor": ("commands.maintenance", "Check the workspace and this machine."),
        "upgrade": ("commands.maintenance", "Upgrade the workspace to the schema of this version."),
        "completion": ("shell_completion", "Print the completion script of bash, zsh or fish."),
        "version": ("commands.version", "Print the version."),
        "help": ("commands.version", "Show the help of a command."),
    },
}
COMMANDS = {name: command for section in SECTIONS.values() for name, command in section.items()}
FUNCTIONS = {"import": "import_"}  # names that are keywords of Python
RECORDING = {"run", "version", "help"}  # commands that need click only, and run where queries cannot


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _ = COMMANDS[name]
        if name not in RECORDING:
            import_module("contexta.core.check_requirements")
        command: click.Command = getattr(import_module(f"contexta.cli.{module}"), FUNCTIONS.get(name, name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = ALIASES.get(args[0], args[0])
        if name not in COMMANDS and not name.startswith("-"):
            from contexta.core.errors import InvalidInput, shown

            raise InvalidInput(f"there is no command {shown(name)}", hint=suggestion(name, COMMANDS))
        return super().resolve_command(ctx, [name, *args[1:]])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))  # one column of names over all sections
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), line) for name, (_, line) in commands.items()])


@click.group(
    cls=_Lazy,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: contexta diff last-month this-month",
)
@click.option(
    "--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else the nearest .contexta upwards."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, errors too.")
@click.version_option(__version__, "-V", "--version", message="contexta %(version)s", help="Print the version.")
@click.pass_context
def app(ctx: click.Context, workspace: str | None, as_json: bool) -> None:
    """A flight recorder for machine-learning runs: what each ran on, what changed, what caused a drop."""
    ctx.obj = {"workspace": workspace, "as_json": as_json}
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
