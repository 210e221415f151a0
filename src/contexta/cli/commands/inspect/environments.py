"""`contexta env`, `audit`, `timeline`: recorded environments and the packages in them."""

from __future__ import annotations

import click

from contexta.cli.command import LATEST_RUN_HELP, Answer, documented, query
from contexta.client.contexta import Contexta
from contexta.contract import Distribution, EnvironmentSnapshot
from contexta.reports.pages.recorded.environment import environment


@click.command(epilog="Example: contexta env this-month --requirements > requirements.txt")
@click.argument("run", default="@latest")
@click.option("--requirements", is_flag=True, help="Print a requirements file.")
@query
@documented(LATEST_RUN_HELP)
def env(ctx: Contexta, run: str, requirements: bool) -> Answer:
    """Show the environment in which a run started."""
    snapshot = ctx.get_environment(run)
    if requirements:
        return Answer(snapshot, text=_requirements(snapshot))
    return Answer(snapshot, report=environment(snapshot, ctx.get_run(run).label))


@click.command(epilog="Example: contexta audit this-month --online --fail-on fail")
@click.argument("run", default="@latest")
@click.option("--online", is_flag=True, help="Ask the package index for each package.")
@click.option("--deep", is_flag=True, help="Read each file of the environment, if it still exists.")
@click.option("--fail-on", type=click.Choice(["warn", "fail"]), help="Exit with 1 if a check has this status or worse.")
@query
@documented(LATEST_RUN_HELP)
def audit(ctx: Contexta, run: str, online: bool, deep: bool, fail_on: str | None) -> Answer:
    """Check whether a run's environment can be rebuilt."""
    finding = ctx.audit_reproducibility(run, online=online, deep=deep)
    return Answer(finding, int(fail_on is not None and finding.is_at_worst(fail_on)))


@click.command(epilog="Example: contexta timeline torch --metric accuracy")
@click.argument("package")
@click.option("--metric", metavar="NAME", help="Also show the range of this metric for each version.")
@click.option("--project", metavar="NAME", help="Default: the configured project, else that of the latest run.")
@query
def timeline(ctx: Contexta, package: str, metric: str | None, project: str | None) -> Answer:
    """Show the versions of a package over the runs of a project.

    PACKAGE is a distribution, or python.
    """
    return Answer(ctx.package_timeline(package, metric=metric, project=project))


def _requirements(snapshot: EnvironmentSnapshot) -> str:
    """A requirements file: versions of the index, direct references, and a comment for a local directory."""
    distributions = {distribution.name: distribution for distribution in snapshot.distributions}
    lines = [
        _requirement(distributions[name]) if name in distributions else f"{name}=={version}"
        for name, version in sorted(snapshot.packages.items())
    ]
    return "".join(f"{line}\n" for line in lines)


def _requirement(distribution: Distribution) -> str:
    origin = distribution.origin
    if origin.kind == "vcs" and origin.url and origin.commit:
        return f"{distribution.name} @ git+{origin.url.removeprefix('git+')}@{origin.commit}"
    if origin.kind == "archive" and origin.url:
        return f"{distribution.name} @ {origin.url}"
    if origin.kind in ("editable", "directory"):
        source = origin.url or "a local directory"
        return f"# {distribution.name}=={distribution.version} was installed from {source}"
    return f"{distribution.name}=={distribution.version}"
