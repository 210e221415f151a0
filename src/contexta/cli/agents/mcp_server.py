"""Serve tools and resources over stdin and stdout, with version 1 or 2 of the official `mcp` package."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import FrameType
from typing import Any

import anyio
import anyio.to_thread
from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from contexta import __version__
from contexta.cli import error_of
from contexta.cli.agents.process_calls import ProcessCalls
from contexta.cli.agents.resources import JSON, Resources
from contexta.cli.agents.tools import Toolbox, failure
from contexta.core.errors import ContextaError

INSTRUCTIONS = """\
Contexta recorded the runs of a machine-learning project: metrics, parameters, packages, source, output.
To find out why a metric dropped: `runs` lists the runs, `why` compares two of them and ranks the suspects, and
`bisect_plan` shows what a proof costs. A suspect is a hypothesis; only `bisect` proves a cause.
A run is named by its reference, its name, @latest, @latest~2, or a unique prefix."""
_QUERIES_AT_ONCE = 1
_INVALID_PARAMS = -32602  # JSON-RPC

_Fields = Mapping[str, Any]
_Handler = Callable[[_Fields], Awaitable[Any]]
_PAGE = "PaginatedRequestParams"
_METHODS = {
    "tools/list": ("ListToolsRequest", _PAGE),
    "tools/call": ("CallToolRequest", "CallToolRequestParams"),
    "resources/list": ("ListResourcesRequest", _PAGE),
    "resources/templates/list": ("ListResourceTemplatesRequest", _PAGE),
    "resources/read": ("ReadResourceRequest", "ReadResourceRequestParams"),
}
"""Method of the protocol -> the types of its request and of its parameters, by their names in ``mcp.types``."""


def serve(workspace: str | None, *, allows_runs: bool) -> None:
    """Answer requests until stdin ends."""
    calls = ProcessCalls()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # the signature of a signal handler
        calls.end()
        os._exit(128 + number)  # a thread still reads stdin, and an ordinary exit would wait for it

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    stdin, stdout = _take_streams(calls.end)
    handlers = _handlers(Toolbox(workspace, allows_runs=allows_runs), workspace, calls)
    try:
        anyio.run(_serve, _server(handlers), stdin, stdout)
    except Exception as error:  # a group of errors, in which each task has its own
        if not _is_gone(error):
            raise
        calls.end()
        os._exit(0)  # the client has closed the stream of the answers; a thread may still read stdin


def _is_gone(error: BaseException) -> bool:
    """Whether an error, or each error of a group, says that the client reads no answers."""
    errors = getattr(error, "exceptions", None)
    return all(map(_is_gone, errors)) if errors else isinstance(error, (BrokenPipeError, anyio.BrokenResourceError))


def _handlers(toolbox: Toolbox, workspace: str | None, calls: ProcessCalls) -> dict[str, _Handler]:
    """The handler of each method. Fields are named as in the protocol."""
    resources = Resources(workspace, toolbox)
    queries = anyio.CapacityLimiter(_QUERIES_AT_ONCE)

    async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
        return await anyio.to_thread.run_sync(partial(function, *arguments), limiter=queries)

    async def list_tools(_: _Fields) -> _Fields:
        return {"tools": await in_thread(toolbox.descriptions)}

    async def call_tool(params: _Fields) -> _Fields:
        call = partial(toolbox.call, params["name"], params.get("arguments") or {})
        reply = await (calls.run(call) if toolbox.is_process(params["name"]) else in_thread(call, threading.Event()))
        return {"content": [{"type": "text", "text": reply.text}], "isError": reply.is_error}

    async def list_resources(_: _Fields) -> _Fields:
        return {"resources": await in_thread(resources.listed)}

    async def list_templates(_: _Fields) -> _Fields:
        return {"resourceTemplates": resources.templates()}

    async def read_resource(params: _Fields) -> Any:
        reply = await in_thread(resources.read, params["uri"])
        if reply.is_error:
            return types.ErrorData(code=_INVALID_PARAMS, message=reply.text)
        return {"contents": [{"uri": params["uri"], "mimeType": JSON, "text": reply.text}]}

    return dict(zip(_METHODS, (list_tools, call_tool, list_resources, list_templates, read_resource), strict=True))


def _server(handlers: Mapping[str, _Handler]) -> Any:
    """A server with these handlers, in the version of `mcp` that is installed."""
    server: Any = Server("contexta", version=__version__, instructions=INSTRUCTIONS)
    for method, handler in handlers.items():
        request, params = _METHODS[method]
        if hasattr(server, "add_request_handler"):
            server.add_request_handler(method, getattr(types, params), _handler_of_2(handler))
        else:
            server.request_handlers[getattr(types, request)] = _handler_of_1(handler)
    return server


def _handler_of_1(handler: _Handler) -> Callable[[Any], Awaitable[Any]]:
    async def handle(request: Any) -> Any:
        result = await _result(handler, request.params)
        return result if isinstance(result, types.ErrorData) else types.Result.model_validate(result)

    return handle


def _handler_of_2(handler: _Handler) -> Callable[[Any, Any], Awaitable[Any]]:
    async def handle(context: object, params: Any) -> Any:  # noqa: ARG001  # the signature of a handler
        return await _result(handler, params)

    return handle


async def _result(handler: _Handler, params: Any) -> Any:
    """The result of a handler: fields, or an ErrorData."""
    try:
        return await handler({} if params is None else params.model_dump(by_alias=True, mode="json"))
    except ContextaError as error:
        return types.ErrorData(code=_INVALID_PARAMS, message=failure(*error_of(error)).text)


async def _serve(server: Any, stdin: io.TextIOWrapper, stdout: io.TextIOWrapper) -> None:
    async with stdio_server(anyio.wrap_file(stdin), anyio.wrap_file(stdout)) as (requests, answers):
        await server.run(requests, answers, server.create_initialization_options())


class _Requests(io.FileIO):
    """A file descriptor that calls a function at its end."""

    def __init__(self, descriptor: int, at_end: Callable[[], None]) -> None:
        super().__init__(descriptor)
        self._at_end = at_end

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        if count == 0:
            self._at_end()
        return count


def _take_streams(at_end: Callable[[], None]) -> tuple[io.TextIOWrapper, io.TextIOWrapper]:
    """The streams of the protocol. Descriptors 0 and 1 become the null device and stderr.

    So no library and no child process reads a request, or writes between two answers.
    """
    sys.stdout.flush()
    requests, answers = os.dup(0), os.dup(1)
    with open(os.devnull, "rb") as empty:  # noqa: PTH123  # a descriptor is needed
        os.dup2(empty.fileno(), 0)
    os.dup2(2, 1)
    reader = io.BufferedReader(_Requests(requests, at_end))
    return (
        io.TextIOWrapper(reader, encoding="utf-8", errors="replace"),
        io.TextIOWrapper(io.FileIO(answers, "w"), encoding="utf-8", newline="\n", write_through=True),
    )
