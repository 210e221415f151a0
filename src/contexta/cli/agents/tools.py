"""Tools: the commands that an agent may call, and their answers as the JSON of ``--json``."""

from __future__ import annotations

import inspect
import json
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click

from contexta.cli import error_of
from contexta.cli.agents.confined_paths import require_inside
from contexta.cli.agents.tool_arguments import parameters_of, schema_of, words_of
from contexta.cli.app import app
from contexta.cli.command import Answer, Format, json_of
from contexta.core.errors import ContextaError, NotFound, shown
from contexta.core.processes import process

MAX_ANSWER = 1_000_000  # characters of one answer
_SECONDS = 7 * 86_400.0  # of one tool that runs as a process
_OF_A_STUDY = ("study",)
_OTHER_FORMS = ("only_plan", "show", "status", "resume", "json_stream")
_OF_RERUNS = ("executor", "dask", "in_place")  # where and how trials run; an executor is code


class Tool(NamedTuple):
    """A command, with options that are always set."""

    command: str
    options: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    """The parameters of the command that are arguments of the tool; None for all."""
    without: tuple[str, ...] = ()
    """Parameters that are not."""
    is_process: bool = False
    """Whether it runs as a process of its own, because it starts others and takes long."""


QUERIES = {
    "runs": Tool("runs", without=("columns",)),
    "show": Tool("show"),
    "log": Tool("log"),
    "metrics": Tool("metrics", only=("run",)),
    "series": Tool("series"),
    "env": Tool("env", only=("run",)),
    "diagnose": Tool("diagnose", only=("run",)),
    "snapshot": Tool("snapshot"),
    "lineage": Tool("lineage"),
    "deployments": Tool("deployments"),
    "diff": Tool("diff", only=("left", "right")),
    "why": Tool("why"),
    "compare": Tool("compare"),
    "trend": Tool("trend"),
    "timeline": Tool("timeline"),
    "best": Tool("best"),
    "check": Tool("check", without=("junit", "github")),
    "audit": Tool("audit", without=("fail_on",)),
    "bisect_plan": Tool("bisect", ("--plan",), without=_OTHER_FORMS + _OF_RERUNS, is_process=True),
    "bisect_status": Tool("bisect", ("--status",), only=_OF_A_STUDY),
    "bisect_report": Tool("bisect", ("--show",), only=_OF_A_STUDY),
}
"""Tools that rerun and delete nothing."""
ACTIONS = {
    "bisect": Tool("bisect", without=("only_plan", "show", "status", "json_stream"), is_process=True),
    "rebuild": Tool("rebuild", is_process=True),
    "rerun": Tool("rerun", is_process=True),
    "delete": Tool("delete", ("--yes",), without=("yes",)),
    "gc": Tool("gc"),
}
"""Tools that rerun or delete something."""


class Reply(NamedTuple):
    """The answer of a tool as JSON, or an error."""

    text: str
    is_error: bool = False


class Toolbox:
    """The tools for one workspace. allows_runs: whether the actions are available."""

    def __init__(self, workspace: str | None, *, allows_runs: bool) -> None:
        self._workspace = workspace
        self._allows_runs = allows_runs
        self._tools = {**QUERIES, **ACTIONS} if allows_runs else QUERIES

    def is_process(self, name: str) -> bool:
        """Whether a tool runs as a process of its own."""
        return name in self._tools and self._tools[name].is_process

    def descriptions(self) -> list[dict[str, Any]]:
        """The tools as ``tools/list`` describes them."""
        return [
            {
                "name": name,
                "description": _description(tool),
                "inputSchema": schema_of(_parameters(tool)),
                "annotations": {"readOnlyHint": name in QUERIES, "destructiveHint": name in ("delete", "gc")},
            }
            for name, tool in self._tools.items()
        ]

    def call(self, name: str, arguments: Mapping[str, Any], stop: process.Stop) -> Reply:
        """Run the command of a tool. stop: ends a tool that runs as a process."""
        try:
            tool = self._tool(name)
            if not self._allows_runs:
                require_inside(arguments, self._roots())
            words = [*tool.options, *words_of(_parameters(tool), arguments)]
            text = self._run_process(tool, words, stop) if tool.is_process else self._run(tool, words)
            if len(text) > MAX_ANSWER:
                raise _too_large(tool, words, len(text))
            return Reply(text)
        except (ContextaError, click.ClickException) as error:
            return failure(*error_of(error))
        except OSError as error:
            return failure(f"{error.filename or name}: {error.strerror or error}", None)
        except Exception as error:  # noqa: BLE001  # a fault of ours is an answer, and the server continues
            traceback.print_exc()
            return failure(
                f"{name} failed: {type(error).__name__}: {error}", "stderr of `contexta mcp` has the traceback"
            )

    def _roots(self) -> list[str]:
        """The directories whose files queries may read: of the server, and of the workspace and its project."""
        roots = [os.path.realpath(".")]
        if self._workspace is not None and "://" not in self._workspace:
            roots.append(str(Path(os.path.realpath(self._workspace)).parent))
        return roots

    def _tool(self, name: str) -> Tool:
        if name in self._tools:
            return self._tools[name]
        if name in ACTIONS:
            raise NotFound(
                f"{name} is not available: it reruns or deletes something",
                hint="the user can allow it: contexta mcp --allow-run",
            )
        raise NotFound(f"there is no tool {shown(name)}", hint=f"the tools are {', '.join(self._tools)}")

    def _run(self, tool: Tool, words: Sequence[str]) -> str:
        answers: list[Answer] = []

        def take(answer: Answer, form: Format) -> None:  # noqa: ARG001  # the signature of print_answer
            answers.append(answer)

        command = _command(tool.command)
        globals_ = {"workspace": self._workspace, "as_json": True, "print_answer": take}
        with command.make_context(f"contexta {tool.command}", list(words), obj=globals_) as context:
            command.invoke(context)
        return json_of(answers[0])

    def _run_process(self, tool: Tool, words: Sequence[str], stop: process.Stop) -> str:
        workspace = [] if self._workspace is None else ["--workspace", self._workspace]
        argv = [sys.executable, "-m", "contexta.cli", *workspace, "--json", tool.command, *words]
        finished = process.run(argv, timeout=_SECONDS, stop=stop)
        if finished.stdout:
            return finished.stdout.decode("utf-8", "replace").rstrip("\n")
        *_, last = finished.stderr.decode("utf-8", "replace").strip().splitlines() or [""]
        try:
            fields = json.loads(last)
            raise ContextaError(fields["error"], hint=fields["hint"])
        except (ValueError, KeyError, TypeError):
            raise ContextaError(f"contexta {tool.command} ended with exit code {finished.exit_code}: {last}") from None


def failure(what: str, hint: str | None) -> Reply:
    """An error as ``--json`` prints it."""
    return Reply(json.dumps({"error": what, "hint": hint}, ensure_ascii=False), is_error=True)


@cache
def _command(name: str) -> click.Command:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    return command


def _parameters(tool: Tool) -> Mapping[str, click.Parameter]:
    return parameters_of(_command(tool.command), only=tool.only, without=tool.without)


def _description(tool: Tool) -> str:
    """The help text of the command, after that of the options that are always set."""
    command = _command(tool.command)
    helps = [
        parameter.help
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.help and {*parameter.opts} & {*tool.options}
    ]
    if tool.only == _OF_A_STUDY:
        return helps[0]
    return "\n\n".join((*helps, inspect.cleandoc(command.help or "")))


def _too_large(tool: Tool, words: Sequence[str], size: int) -> ContextaError:
    import shlex

    line = shlex.join(["contexta", tool.command, "--json", *words])
    return ContextaError(
        f"the answer has {size:,} characters, more than {MAX_ANSWER:,}",
        hint=f"ask for less, or let the user write it to a file: `{line} > answer.json`",
    )
