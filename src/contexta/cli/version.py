"""``contexta version``"""

from __future__ import annotations

import click

from contexta import __version__


@click.command(epilog="Example: contexta version")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.pass_obj
def version(globals_: dict[str, object], as_json: bool) -> None:
    """Print the version."""
    print(f'{{"version":"{__version__}"}}' if as_json or globals_["as_json"] else f"contexta {__version__}")  # noqa: T201  # data, to stdout
