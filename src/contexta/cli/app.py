"""The commands by name. What a command needs is imported when it runs: `contexta version` loads nothing else."""

from __future__ import annotations

from importlib import import_module

import click

# name -> (module, one line for --help)
COMMANDS = {
    "run": ("contexta.cli.run", "Run a command and record it: every Python below it, its output, its end."),
    "runs": ("contexta.cli.commands", "List the runs of the workspace, the latest first."),
    "series": ("contexta.cli.series", "Show one metric of a run over its points."),
    "show": ("contexta.cli.commands", "Show one run: status, metrics, parameters, environment."),
    "diff": (
        "contexta.cli.commands",
        "Show what changed between two runs: metrics, environment, inputs.",
    ),
    "why": ("contexta.cli.why", "Say why a metric moved: is it real, what changed, what is suspected, what next."),
    "timeline": (
        "contexta.cli.timeline",
        "Show the versions of a package over the runs of a project, and a metric beside them.",
    ),
    "check": ("contexta.cli.check", "Pass or refuse a run, by its metrics and its environment."),
    "env": ("contexta.cli.commands", "Print the environment a run started in."),
    "compare": ("contexta.cli.commands", "Put the metrics of two or more runs side by side."),
    "report": ("contexta.cli.questions", "Write a page about one run, or about several."),
    "snapshot": ("contexta.cli.questions", "Show everything that is stored of one run."),
    "diagnose": ("contexta.cli.questions", "Show what stands out in a run: failures, what is open or missing."),
    "best": ("contexta.cli.questions", "Find the run that ended best by a metric."),
    "trend": ("contexta.cli.questions", "Show a metric over runs, and what changed between them."),
    "lineage": ("contexta.cli.questions", "Show what came from what: environments, runs, artifacts, deployments."),
    "deployments": ("contexta.cli.questions", "List deployments and what they run."),
    "audit": ("contexta.cli.commands", "Check whether a run's environment could be had again."),
    "backup": ("contexta.cli.workspace", "Write the whole workspace to one file, also while runs are live."),
    "verify": ("contexta.cli.workspace", "Check that everything stored reads back as it was written."),
    "gc": ("contexta.cli.workspace", "Give back what nobody needs: forgotten objects, read journals, old runs."),
    "doctor": ("contexta.cli.workspace", "Check whether the workspace and this machine can be relied on."),
    "export": ("contexta.cli.workspace", "Write runs or their measurements as JSON lines, CSV or Parquet."),
    "restore": ("contexta.cli.workspace", "Make a workspace of a backup, after checking all of it."),
    "lock": ("contexta.cli.lock", "Write a run's environment as a lock: pylock.toml, requirements, a Dockerfile."),
    "rebuild": ("contexta.cli.rebuild", "Build a run's environment again, and compare it with the recording."),
    "log": ("contexta.cli.files", "Print what the command of a run wrote, as `contexta run` kept it."),
    "artifact": ("contexta.cli.files", "Copy a file that a run kept out of the workspace."),
    "rerun": ("contexta.cli.rerun", "Run a run again in its own environment, and compare what comes out."),
    "bisect": ("contexta.cli.bisect", "Prove which change between two environments moved a metric."),
    "demo": ("contexta.cli.demo", "See it work: a training before and after an upgrade, and the proof of what did it."),
    "sync": ("contexta.cli.server", "Bring what runs on this machine have recorded to the workspace's server."),
    "upgrade": ("contexta.cli.server", "Bring the workspace to the schema of this version."),
    "version": ("contexta.cli.version", "Print the version."),
}
# What needs no more than click; the others ask, which the gate (contexta.core.check_requirements) may refuse
RECORDING = {"run", "version"}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _ = COMMANDS[name]
        if name not in RECORDING:
            import_module("contexta.core.check_requirements")
        command: click.Command = getattr(import_module(module), name)
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
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_context
def app(ctx: click.Context, workspace: str | None, as_json: bool) -> None:
    """The flight recorder for machine-learning runs: what every run ran on, what changed, and which change did it."""
    ctx.obj = {"workspace": workspace, "as_json": as_json}
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
