"""What the commands that ask have in common: each opens the workspace, asks one question, and prints the finding."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any

import click

from contexta.cli import layout
from contexta.cli.output import STDOUT, write
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput, WorkspaceError
from contexta.reports import report_of
from contexta.store.backends.engine import exists

Screen = Iterable[Any]


def asks(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --workspace and --json (also accepted before its name) and an open workspace.

    The function returns (finding, its screen), or those and an exit code.
    """

    @click.option("--workspace", metavar="DIR", help="The workspace; default: CONTEXTA_WORKSPACE, else .contexta.")
    @click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
    @click.pass_obj
    def command(globals_: dict[str, Any], /, workspace: str | None, as_json: bool, **arguments: Any) -> int:
        as_page = {name: arguments.pop(name) for name in ("as_markdown", "html") if name in arguments}
        with Contexta(workspace=workspace or globals_["workspace"]) as ctx:
            if ctx.is_local and not exists(ctx.root):
                _refuse_missing(ctx)
            finding, screen, code = function(ctx, **arguments)
        answer(finding, screen, as_json=as_json or globals_["as_json"], **as_page)
        return int(code)

    return update_wrapper(command, function)


def pages(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that asks --markdown and --html as well; its finding has a page."""
    to_file = click.option(
        "--html", metavar="FILE", help="Write the answer as one HTML file that opens offline; - is stdout."
    )
    return click.option("--markdown", "as_markdown", is_flag=True, help="Print the answer as Markdown.")(
        to_file(command)
    )


def answer(finding: Any, screen: Screen, *, as_json: bool, as_markdown: bool = False, html: str | None = None) -> None:
    """A file is written beside what is printed; alone it stands for the screen."""
    if as_json and as_markdown:
        raise InvalidInput("--json and --markdown were both given", hint="ask for one of them at a time")
    if html == STDOUT and (as_json or as_markdown):
        raise InvalidInput("--html - prints to stdout, and so does the other format", hint="name a file: --html FILE")
    if html is not None:
        write(html, report_of(finding).to_html())
    if html not in (None, STDOUT):
        print(f"written to {html}", file=sys.stderr)  # noqa: T201  # a message, to stderr
    if as_json:
        print(finding.model_dump_json(indent=2))  # noqa: T201  # data, to stdout
    elif as_markdown:
        print(report_of(finding).to_markdown(), end="")  # noqa: T201  # data, to stdout
    elif html is None:
        layout.show(screen)


def _refuse_missing(ctx: Contexta) -> None:
    if ctx.root.exists() and not ctx.root.is_dir():
        ctx.list_projects()  # says that it is a file
    raise WorkspaceError(
        f"there is no workspace at {ctx.root}",
        hint="record a run here first, or name another place with --workspace or CONTEXTA_WORKSPACE",
    )
