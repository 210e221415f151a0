"""Open a workspace for a command, and print its answer in the format that its options choose."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, NamedTuple

import click

from contexta.cli.options import format_options, workspace_option
from contexta.cli.output import STDOUT, write
from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput, WorkspaceError
from contexta.reports import Report, report_of, to_html, to_markdown
from contexta.store.backends.engine import exists

RUN_HELP = "RUN is a reference, project.run, a name, @latest, @latest~2, or a unique prefix."
LATEST_RUN_HELP = f"{RUN_HELP[:-1]}; by default @latest."


class Answer(NamedTuple):
    finding: Any  # a pydantic model: what --json prints
    exit_code: int = 0
    report: Report | None = None  # default: that of the finding
    text: str | None = None  # printed instead of the report
    page: Callable[[], Report] | None = None  # builds the report for --html, if that is a longer one
    marker: str = ""  # the first line of Markdown, by which a program finds it again
    is_raw: bool = False  # whether the text holds bytes of a user's program, escaped by surrogates


class Format(NamedTuple):
    """The options for printing an answer."""

    as_json: bool = False
    as_markdown: bool = False
    html: str | None = None  # a file; - is stdout
    everything: bool = False


def documented(paragraph: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Add a paragraph to the help text of a command."""

    def decorate(function: Callable[..., Answer]) -> Callable[..., Answer]:
        function.__doc__ = f"{function.__doc__}\n\n    {paragraph}"
        return function

    return decorate


def query(function: Callable[..., Answer]) -> Callable[..., int]:
    """A command whose function takes an open workspace and its own options, and returns an answer."""

    def opened(*, workspace: str | None, **options: Any) -> Answer:
        with Contexta(workspace=workspace) as ctx:
            if ctx.is_local and not exists(ctx.root):
                _refuse_missing(ctx)
            answer = function(ctx, **options)
            if answer.page is not None and click.get_current_context().params["html"] is not None:
                return answer._replace(report=answer.page())
            return answer

    return answering(workspace_option(update_wrapper(opened, function)))


def answering(function: Callable[..., Answer]) -> Callable[..., int]:
    """A command whose function takes its own options and returns an answer."""

    @click.pass_obj
    def command(globals_: Mapping[str, Any], /, **options: Any) -> int:
        form = take_format(globals_, options)
        if "workspace" in options:
            options["workspace"] = options["workspace"] or globals_["workspace"]
        answer = function(**options)
        globals_.get("print_answer", print_answer)(answer, form)
        return answer.exit_code

    return format_options(update_wrapper(command, function))


def take_format(globals_: Mapping[str, Any], options: dict[str, Any]) -> Format:
    """Remove the options of the format from the options of a command."""
    form = Format(**{name: options.pop(name) for name in Format._fields})
    return form._replace(as_json=form.as_json or globals_["as_json"])


def print_answer(answer: Answer, form: Format) -> None:
    """Print in one format; with ``--html FILE`` also write the file, which alone replaces the screen."""
    if form.as_json and form.as_markdown:
        raise InvalidInput("--json and --markdown were both given", hint="leave out one of them")
    if form.html == STDOUT and (form.as_json or form.as_markdown):
        raise InvalidInput("--html - prints to stdout, and so does the other format", hint="name a file: --html FILE")
    if form.html is not None:
        write(form.html, to_html(_report(answer)))
    if form.html not in (None, STDOUT):
        print(f"written to {form.html}", file=sys.stderr)  # noqa: T201  # a message, to stderr
    if form.as_json:
        print(json_of(answer))  # noqa: T201  # data, to stdout
    elif form.as_markdown:
        print(markdown_of(answer), end="")  # noqa: T201  # data, to stdout
    elif form.html is None:
        _print_screen(answer, everything=form.everything)


def markdown_of(answer: Answer) -> str:
    """The text that ``--markdown`` prints."""
    marker = f"<!-- {answer.marker} -->\n\n" if answer.marker else ""
    return marker + to_markdown(_report(answer))


def json_of(answer: Answer) -> str:
    """The text that ``--json`` prints."""
    text: str = answer.finding.model_dump_json(indent=2)
    return text


def _print_screen(answer: Answer, *, everything: bool) -> None:
    if answer.text is None:
        from contexta.reports.writers.terminal import show

        show(_report(answer), everything=everything)
    elif answer.is_raw:
        sys.stdout.flush()
        sys.stdout.buffer.write(answer.text.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    else:
        print(answer.text, end="")  # noqa: T201  # data, to stdout


def _report(answer: Answer) -> Report:
    return answer.report or report_of(answer.finding)


def _refuse_missing(ctx: Contexta) -> None:
    if ctx.root.exists() and not ctx.root.is_dir():
        ctx.list_projects()  # raises an error that names the file
    raise WorkspaceError(
        f"there is no workspace at {ctx.root}",
        hint="record a run: contexta run -- python train.py; or name another place: --workspace or CONTEXTA_WORKSPACE",
    )
