"""The list of commands. The module of a command is imported when it runs."""

from __future__ import annotations

from importlib import import_module

import click

# name -> (module of contexta.cli, one line for --help)
COMMANDS = {
    "run": ("commands.run", "Record a command: every Python process in it, its output, its exit code."),
    "runs": ("commands.runs", "List the runs of the workspace, latest first."),
    "show": ("commands.runs", "Show one run: status, metrics, parameters, environment."),
    "series": ("commands.metrics", "Show one metric of a run over its points."),
    "diff": ("commands.comparisons", "Show what changed between two runs: metrics, environment, inputs."),
    "why": (
        "commands.why",
        "Explain why a metric changed: significance, differences, suspects, next steps.",
    ),
    "timeline": ("commands.environments", "Show the versions of a package over the runs of a project."),
    "check": ("commands.check", "Pass or fail a run by its metrics and its environment."),
    "env": ("commands.environments", "Show the environment in which a run started."),
    "compare": ("commands.comparisons", "Show the metrics of two or more runs side by side."),
    "report": ("commands.comparisons", "Write a report about one run, or about several, as Markdown or HTML."),
    "snapshot": ("commands.runs", "Show everything that is stored of one run: stages, samples, artifacts, records."),
    "diagnose": (
        "commands.runs",
        "Show the problems of a run: failures, open stages, missing or degraded records.",
    ),
    "best": ("commands.metrics", "Find the run with the best last value of a metric, and rank the others."),
    "trend": ("commands.metrics", "Show a metric over the runs of a project, and what changed between them."),
    "lineage": (
        "commands.lineage",
        "Show what came from what: environments, runs, artifacts, deployments.",
    ),
    "deployments": ("commands.lineage", "List deployments and what they run, oldest first."),
    "audit": ("commands.environments", "Check whether a run's environment can be rebuilt."),
    "backup": ("commands.maintenance", "Write the whole workspace to one file, also while runs are live."),
    "restore": ("commands.maintenance", "Restore a workspace from a backup."),
    "verify": ("commands.maintenance", "Check that everything in the workspace reads back as it was written."),
    "gc": ("commands.maintenance", "Delete unreferenced objects, ingested journals and old runs."),
    "doctor": ("commands.maintenance", "Check the workspace and this machine."),
    "export": ("commands.files", "Write runs or their measurements as JSON lines, CSV or Parquet."),
    "log": ("commands.files", "Print the output of the command of a run, byte for byte as `contexta run` captured it."),
    "artifact": ("commands.files", "Copy an artifact of a run out of the workspace."),
    "lock": ("commands.reproduce", "Write a run's environment as a lock: pylock.toml, requirements, a Dockerfile."),
    "rebuild": ("commands.reproduce", "Rebuild a run's environment, and compare it with the recording."),
    "rerun": ("commands.reproduce", "Rerun a run in its rebuilt environment, and compare the metrics."),
    "bisect": ("commands.bisect", "Prove which change between two environments moved a metric."),
    "demo": ("demo", "Watch it work: a training before and after an upgrade, and the proof of the cause."),
    "sync": ("commands.server", "Deliver what runs on this machine have recorded to the workspace's server."),
    "upgrade": ("commands.server", "Upgrade the workspace to the schema of this version."),
    "version": ("commands.version", "Print the version."),
}
RECORDING = {"run", "version"}  # commands that need click only, and run where queries cannot


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _ = COMMANDS[name]
        if name not in RECORDING:
            import_module("contexta.core.check_requirements")
        command: click.Command = getattr(import_module(f"contexta.cli.{module}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            from contexta.core.errors import InvalidInput, shown

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean `contexta {close[0]}`?" if close else "`contexta --help` lists the commands"
            raise InvalidInput(f"there is no command {shown(args[0])}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=_Lazy,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: contexta diff last-month this-month",
)
@click.option("--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else .contexta.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def app(ctx: click.Context, workspace: str | None, as_json: bool) -> None:
    """A flight recorder for machine-learning runs: what each ran on, what changed, what caused a drop."""
    ctx.obj = {"workspace": workspace, "as_json": as_json}
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
