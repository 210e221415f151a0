"""`contexta ui`: the web pages of the workspace."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click

from contexta.cli.options import workspace_option
from contexta.client.contexta import Contexta
from contexta.core.errors import ContextaError
from contexta.core.own_source import install_hint


@click.command(epilog="Example: contexta ui")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; default: 7300, or the next free one.")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option("--host", metavar="NAME", help="The address to listen on; default: this machine only.")
@click.option("--allow-remote", is_flag=True, help="Let other machines read the workspace, with the token.")
@workspace_option
@click.pass_obj
def ui(
    globals_: Mapping[str, Any],
    /,
    workspace: str | None,
    port: int | None,
    no_browser: bool,
    host: str | None,
    allow_remote: bool,
) -> int:
    """Show the runs of the workspace in a browser.

    The pages are served on this machine until Ctrl-C. The printed address contains a token: whoever has it can read
    every run. Needs the extra `ui`.
    """
    try:
        from contexta.ui.web_server import serve
    except ImportError as error:
        raise ContextaError(f"the pages need {error.name}, which is not installed", hint=install_hint("ui")) from None

    def started(address: str) -> None:
        click.echo(f"{address}\nCtrl-C stops the server.")
        if not no_browser and _has_screen():
            webbrowser.open(address)

    with Contexta(workspace=workspace or globals_["workspace"]) as ctx, suppress(KeyboardInterrupt):
        serve(ctx, host=host, port=port, allow_remote=allow_remote, started=started)
    return 0


def _has_screen() -> bool:
    """Whether a browser would have a window. Without one, a text browser would take over the terminal."""
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
