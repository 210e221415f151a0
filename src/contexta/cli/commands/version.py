"""`contexta version`."""

from __future__ import annotations

import click

from contexta import __version__
from contexta.cli.options import json_option


@click.command(epilog="Example: contexta version")
@json_option
@click.pass_obj
def version(globals_: dict[str, object], as_json: bool) -> None:
    """Print the version."""
    print(f'{{"version":"{__version__}"}}' if as_json or globals_["as_json"] else f"contexta {__version__}")  # noqa: T201  # data, to stdout
