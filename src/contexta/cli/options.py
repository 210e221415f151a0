"""Options that several commands share. Needs click only, because `contexta run` runs where queries cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

workspace_option = click.option(
    "--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else the nearest .contexta upwards."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_FORMAT_OPTIONS = (
    json_option,
    click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown."),
    click.option("--html", metavar="FILE", help="Write one HTML file that opens offline; - is stdout."),
    click.option("--all", "everything", is_flag=True, help="Show every row and section, also what is the same."),
)


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FORMAT_OPTIONS):
        command = option(command)
    return command
