"""`contexta why`: explain why a metric changed."""

from __future__ import annotations

import click

from contexta.cli.command import Answer, query
from contexta.client.contexta import Contexta


@click.command(epilog="Example: contexta why last-month this-month --metric accuracy")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--metric", metavar="NAME", help="The metric to explain; default: the one with the most certain drop.")
@click.option(
    "--lower-is-better/--higher-is-better",
    "lower_is_better",
    default=None,
    help="The direction of the metric, if its name does not tell.",
)
@click.option(
    "--group-by",
    metavar="KEY",
    default="auto",
    show_default=True,
    help="Which runs are repeats of each other: auto, none, tag:NAME, param:NAME.",
)
@query
def why(
    ctx: Contexta,
    old: str | None,
    new: str | None,
    metric: str | None,
    lower_is_better: bool | None,
    group_by: str,
) -> Answer:
    """Explain why a metric changed: significance, differences, suspects, next steps.

    Without OLD and NEW: the last two runs of the project. With OLD alone: that run and the latest one.

    OLD and NEW are references, project.run, names, @latest, @latest~2, or unique prefixes. Nothing is rerun, so every
    cause is a hypothesis; `contexta bisect` proves it.
    """
    return Answer(ctx.explain_regression(old, new, metric=metric, lower_is_better=lower_is_better, group_by=group_by))
