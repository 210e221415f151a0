"""``contexta check``: a gate for build servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import click
from rich.text import Text

from contexta.cli.asking import Screen, asks, pages
from contexta.cli.layout import columns, status_word, words
from contexta.cli.output import STDOUT, write
from contexta.client.contexta import Contexta
from contexta.core.model import Value
from contexta.findings import Gate
from contexta.findings.checks import Strictness
from contexta.reports.document.formatting import printable


@click.command(epilog="Example: contexta check @latest --against last-month --max-drop accuracy=0.01 --env packages")
@click.argument("run")
@click.option("--against", metavar="BASELINE", help="The run to compare with.")
@click.option("--metric", "require", multiple=True, metavar="NAME>=VALUE", help="Demand it of a metric; repeatable.")
@click.option("--max-drop", multiple=True, metavar="NAME=AMOUNT", help="How much worse it may be; 0.01 or 1%.")
@click.option(
    "--env",
    type=click.Choice(["same", "packages", "any"]),
    default="any",
    show_default=True,
    help="What of the environment must be the same.",
)
@click.option("--junit", metavar="FILE", help="Also write the answer as JUnit XML; - prints that alone.")
@pages
@asks
def check(
    ctx: Contexta,
    run: str,
    against: str | None,
    require: tuple[str, ...],
    max_drop: tuple[str, ...],
    env: str,
    junit: str | None,
) -> tuple[Value, Screen, int]:
    """Pass or refuse a run, by its metrics and its environment.

    Exits with 1, and the reason, when a metric fell or the environment drifted; also when that cannot be told.
    """
    found = ctx.check_run(run, against=against, require=require, max_drop=max_drop, env=cast(Strictness, env))
    if junit is not None:
        write(junit, junit_xml(found))
    return found, iter(()) if junit == STDOUT else screen(found), int(not found.passed)


def screen(found: Gate) -> Iterator[Any]:
    against = f" against {found.baseline_ref.value}" if found.baseline_ref else ""
    yield Text.assemble(
        (found.run_ref.value, "bold"), f"{against}  ", ("passed", "green") if found.passed else ("refused", "red")
    )
    table = columns("", "", "")
    for rule in found.rules:
        table.add_row(status_word(rule.status), words(rule.name), words(rule.detail))
    yield table


def junit_xml(found: Gate) -> str:
    """As build servers read it: a test case for each rule."""
    bad = sum(rule.status != "pass" for rule in found.rules)
    suite = Element("testsuite", {"name": "contexta check", "tests": str(len(found.rules)), "failures": str(bad)})
    for rule in found.rules:
        case = SubElement(suite, "testcase", {"classname": found.run_ref.value, "name": printable(rule.name)})
        if rule.status != "pass":
            failure = SubElement(case, "failure", {"message": printable(rule.detail), "type": rule.status})
            failure.text = printable(f"{rule.name}: {rule.detail}")
    indent(suite)
    return tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
