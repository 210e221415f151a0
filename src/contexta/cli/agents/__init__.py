"""`contexta mcp`: commands as tools and resources of the Model Context Protocol, for a coding agent."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from contexta.cli.options import workspace_option
from contexta.core.errors import ContextaError
from contexta.core.own_source import install_hint


@click.command(epilog="Example: contexta mcp, as in: claude mcp add contexta -- contexta mcp")
@click.option(
    "--allow-run", is_flag=True, help="Also offer the tools that rerun or delete: bisect, rerun, rebuild, delete, gc."
)
@workspace_option
@click.pass_obj
def mcp(globals_: Mapping[str, Any], /, allow_run: bool, workspace: str | None) -> int:
    """Let a coding agent query the workspace.

    A server of the Model Context Protocol on stdin and stdout, which the agent starts. Its tools are the queries, why,
    diff, the plan of a bisect, and the state and report of a study; each answers with the JSON of --json. Without
    --allow-run nothing is rerun or deleted. Needs the extra `mcp`.
    """
    try:
        from contexta.cli.agents.mcp_server import serve
    except ImportError as error:
        raise ContextaError(f"it needs {error.name}, which is not installed", hint=install_hint("mcp")) from None
    if sys.stdin.isatty():
        click.echo("waiting for the requests of an agent on stdin; Ctrl-C ends the server", err=True)
    serve(workspace or globals_["workspace"], allows_runs=allow_run)
    return 0
