"""`contexta check`: a gate for build servers."""

from __future__ import annotations

from typing import cast
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import click

from contexta.cli.command import RUN_HELP, Answer, documented, markdown_of, query
from contexta.cli.github_actions import append_summary, workflow_commands
from contexta.cli.output import STDOUT, write
from contexta.client.contexta import Contexta
from contexta.findings import Gate
from contexta.findings.checks import Strictness
from contexta.reports.document.formatting import printable


@click.command(epilog="Example: contexta check @latest --against last-month --max-drop accuracy=0.01 --env packages")
@click.argument("run")
@click.option(
    "--against", metavar="BASELINE", help="The run to compare with, or a baseline file, a backup or a workspace."
)
@click.option(
    "--from",
    "place",
    metavar="PATH",
    help="The backup or workspace that contains BASELINE. Without --against: its run with the tag baseline.",
)
@click.option("--metric", "require", multiple=True, metavar="NAME>=VALUE", help="A required value; may be repeated.")
@click.option("--max-drop", multiple=True, metavar="NAME=AMOUNT", help="The largest allowed drop, as in 0.01 or 1%.")
@click.option(
    "--env",
    type=click.Choice(["same", "packages", "any"]),
    default="any",
    show_default=True,
    help="Which part of the environment must be the same.",
)
@click.option("--junit", metavar="FILE", help="Also write JUnit XML; - prints it instead of the screen.")
@click.option("--github", is_flag=True, help="In a job of GitHub Actions: also annotations and the job summary.")
@query
@documented(RUN_HELP)
def check(
    ctx: Contexta,
    run: str,
    against: str | None,
    place: str | None,
    require: tuple[str, ...],
    max_drop: tuple[str, ...],
    env: str,
    junit: str | None,
    github: bool,
) -> Answer:
    """Pass or fail a run by its metrics and its environment.

    With --against alone, no metric may be worse than in BASELINE by more than run-to-run noise. Exits with 1 if a rule
    does not hold or cannot be decided. `contexta export --baseline` writes a baseline file, which can be committed.
    """
    finding = ctx.check_run(
        run, against=against, require=require, max_drop=max_drop, env=cast(Strictness, env), place=place
    )
    if junit is not None:
        write(junit, junit_xml(finding))
    marker = f"contexta check of {finding.run_ref.components[0]}"
    answer = Answer(finding, int(not finding.passed), text="" if junit == STDOUT else None, marker=marker)
    if github:
        click.echo("\n".join(workflow_commands(finding)), err=True)
        append_summary(markdown_of(answer))
    return answer


def junit_xml(finding: Gate) -> str:
    """JUnit XML with a test case per rule."""
    failures = sum(rule.status != "pass" for rule in finding.rules)
    attributes = {"name": "contexta check", "tests": str(len(finding.rules)), "failures": str(failures)}
    suite = Element("testsuite", attributes)
    for rule in finding.rules:
        case = SubElement(suite, "testcase", {"classname": finding.run_ref.value, "name": printable(rule.name)})
        if rule.status != "pass":
            failure = SubElement(case, "failure", {"message": printable(rule.detail), "type": rule.status})
            failure.text = printable(f"{rule.name}: {rule.detail}")
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
