"""`contexta mcp`, seen by the client of the official package over stdin and stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import ClientSession, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from support.builders import Cli, put_run
from support.studies import a_space, status_within, studied

from contexta import Contexta
from contexta.bisect.session.study_files import write_report, write_status
from contexta.cli.agents import tools
from contexta.cli.agents.process_calls import ProcessCalls
from contexta.cli.agents.tools import ACTIONS, QUERIES, Toolbox
from contexta.core.processes import process

STUDY = "abc"


class Client:
    """A client session with blocking methods."""

    def __init__(self, portal: BlockingPortal, session: ClientSession) -> None:
        self._portal, self._session = portal, session

    def _do(self, method: Callable[..., Awaitable[Any]], *arguments: Any) -> dict[str, Any]:
        result: dict[str, Any] = self._portal.call(method, *arguments).model_dump(by_alias=True, mode="json")
        return result

    def tools(self) -> dict[str, dict[str, Any]]:
        return {tool["name"]: tool for tool in self._do(self._session.list_tools)["tools"]}

    def call(self, name: str, **arguments: Any) -> str:
        result = self._do(self._session.call_tool, name, arguments)
        assert not result["isError"], result
        return str(result["content"][0]["text"])

    def error(self, name: str, **arguments: Any) -> dict[str, str]:
        result = self._do(self._session.call_tool, name, arguments)
        assert result["isError"]
        error: dict[str, str] = json.loads(result["content"][0]["text"])
        return error

    def resources(self) -> list[str]:
        return [resource["uri"] for resource in self._do(self._session.list_resources)["resources"]]

    def read(self, uri: str) -> str:
        return str(self._do(self._session.read_resource, uri)["contents"][0]["text"])


@asynccontextmanager
async def _session(root: Path, options: tuple[str, ...]) -> Any:
    argv = ["-m", "contexta.cli", "mcp", "--workspace", str(root / ".contexta"), *options]
    server = StdioServerParameters(command=sys.executable, args=argv, cwd=root, env=dict(os.environ))
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


@contextmanager
def connected(root: Path, *options: str) -> Iterator[Client]:
    with start_blocking_portal() as portal:
        opened: AbstractContextManager[Any] = portal.wrap_async_context_manager(_session(root, options))
        with opened as session:
            yield Client(portal, session)


@pytest.fixture
def story(ctx: Contexta, tmp_path: Path) -> Path:
    """Two runs, and a finished study."""
    for day, (name, accuracy, torch) in enumerate((("old", 0.91, "2.0.0"), ("new", 0.87, "2.1.0"))):
        environment = {"packages": {"torch": torch}}
        started = f"2025-02-0{day + 1}T08:00:00Z"
        put_run(ctx, name, metrics={"accuracy": accuracy}, environment=environment, started_at=started)
    report = studied(a_space("a", "b"), {frozenset("b"): 0.2})
    study = ctx.root / "bisect" / STUDY
    study.mkdir(parents=True)
    write_report(study, report)
    write_status(study, status_within(report, 2))
    return tmp_path


def test_an_agent_gets_the_json_of_the_commands_and_can_rerun_nothing(story: Path, cli: Cli) -> None:
    study = f"{story}/.contexta/bisect/{STUDY}"
    calls: list[tuple[str, dict[str, Any], list[str]]] = [
        ("runs", {"where": "metrics.accuracy > 0.9"}, ["runs", "--where", "metrics.accuracy > 0.9"]),
        ("show", {"run": "new"}, ["show", "new"]),
        ("why", {"old": "old", "new": "new", "lower_is_better": True}, ["why", "old", "new", "--lower-is-better"]),
        ("diff", {"left": "old", "right": "new"}, ["diff", "old", "new"]),
        ("compare", {"run": ["old", "new"]}, ["compare", "old", "new"]),
        ("check", {"run": "new", "metric": ["accuracy>=0.9"]}, ["check", "new", "--metric", "accuracy>=0.9"]),
        ("series", {"run": "new", "metric": "accuracy", "points": 3}, ["series", "new", "accuracy", "--points", "3"]),
        ("best", {"metric": "accuracy"}, ["best", "accuracy"]),
        ("bisect_status", {"study": study}, ["bisect", "--status", "--study", study]),
        ("bisect_report", {"study": study}, ["bisect", "--show", "--study", study]),
    ]
    with connected(story) as client:
        assert client.tools().keys() == QUERIES.keys()
        for tool, arguments, line in calls:
            assert client.call(tool, **arguments) == cli(*line, "--json").stdout.rstrip("\n"), tool
        for tool in ACTIONS:
            assert client.error(tool)["hint"] == "the user can allow it: contexta mcp --allow-run"
        show = json.loads(cli("--json", "show", "nix").stderr)
        assert client.error("show", run="nix") == show
        assert client.error("show", rum="new") == {"error": 'there is no argument "rum"', "hint": "did you mean run?"}
        # Values that look like options are values.
        assert "--html=x" in client.error("show", run="--html=x")["error"]
        assert not (story / "x").exists()
        assert client.error("bisect_plan", old="old", new="nix.txt", command=["true"])["hint"]
        addresses = client.resources()
        assert addresses[1:] == [
            "contexta://runs/p.new",
            "contexta://runs/p.old",
            f"contexta://studies/{STUDY}/status",
            f"contexta://studies/{STUDY}/report",
        ]
        assert client.read(addresses[1]) == client.call("show", run="new")
        assert client.read(addresses[-1]) == client.call("bisect_report", study=study)
        with pytest.raises(MCPError, match="there is no resource"):
            client.read("contexta://nothing")


def test_the_processes_of_calls_end_with_the_server() -> None:
    started = threading.Event()

    def call(stop: threading.Event) -> process.Finished:
        started.set()
        return process.run([sys.executable, "-c", "import time; time.sleep(600)"], timeout=600, stop=stop)

    with start_blocking_portal() as portal:
        calls = portal.call(_process_calls)
        future = portal.start_task_soon(calls.run, call)
        assert started.wait(60)
        calls.end()
        with pytest.raises(process.Stopped):
            future.result(60)


async def _process_calls() -> ProcessCalls:
    return ProcessCalls()


def test_the_state_of_a_study_is_one_screen(story: Path, cli: Cli) -> None:
    screen = cli("bisect", "--status", "--study", f".contexta/bisect/{STUDY}").stdout
    assert "2 of at most 60" in screen
    assert "NEW" in screen
    assert "{" not in screen


@pytest.mark.slow
def test_allowed_actions_delete_and_rerun(story: Path, ctx: Contexta) -> None:
    with connected(story, "--allow-run") as client:
        assert client.tools().keys() == {*QUERIES, *ACTIONS}
        assert client.error("rerun", run="old")["error"]  # it has no command
        assert "run:p.old" in client.call("delete", runs=["old"])
    assert [str(run.run_ref) for run in ctx.list_runs()] == ["run:p.new"]


def test_only_answers_reach_stdout_and_the_server_ends_with_stdin(tmp_path: Path) -> None:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "runs", "arguments": {}}},
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "contexta.cli", "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    )
    assert server.stdin is not None
    assert server.stdout is not None
    with server:
        server.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())
        server.stdin.flush()
        answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        server.stdin.close()
        assert server.stdout.read() == b""
    assert server.returncode == 0
    assert [answer["id"] for answer in answers] == [1, 2]
    assert "there is no workspace" in answers[1]["result"]["content"][0]["text"]


def test_an_answer_that_is_too_large_is_refused_with_a_command_that_writes_it(
    story: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "MAX_ANSWER", 100)
    reply = Toolbox(str(story / ".contexta"), allows_runs=False).call("show", {"run": "new"}, _Never())
    assert reply.is_error
    assert "contexta show --json -- new > answer.json" in json.loads(reply.text)["hint"]


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("show", {"run": ["a", "b"]}, "run is ["),
        ("runs", {"limit": True}, "limit is True"),
        ("runs", {"archived": "yes"}, "archived is"),
        ("runs", {"limit": 0}, "0 is not in the range"),
        ("diff", {"right": "new"}, "right was given without left"),
        ("nothing", {}, "there is no tool"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(
    story: Path, tool: str, arguments: dict[str, Any], message: str
) -> None:
    reply = Toolbox(str(story / ".contexta"), allows_runs=False).call(tool, arguments, _Never())
    assert reply.is_error
    assert message in json.loads(reply.text)["error"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("bisect_plan", {"old": "/etc/passwd", "new": "old"}),
        ("bisect_plan", {"old": "old", "new": "../../../../../../etc/passwd"}),
        ("bisect_plan", {"old": "old", "new": "file:///etc/passwd"}),
        ("bisect_plan", {"old": "old", "new": "HEAD:/etc/passwd"}),
        ("bisect_plan", {"old": "old", "new": "new", "build_constraint": ["/etc/passwd"]}),
        ("bisect_plan", {"old": "old", "new": "new", "python": "/bin/sh"}),
        ("check", {"run": "new", "against": "~/.ssh/id_rsa"}),
        ("check", {"run": "new", "against": "old", "from": "inside/link"}),
    ],
)
def test_a_query_reads_no_file_outside_of_the_project(
    story: Path, monkeypatch: pytest.MonkeyPatch, tool: str, arguments: dict[str, Any]
) -> None:
    monkeypatch.chdir(story)
    (story / "inside").mkdir()
    (story / "inside" / "link").symlink_to("/etc/passwd")
    reply = Toolbox(None, allows_runs=False).call(tool, arguments, _Never())
    assert reply.is_error
    assert f"is outside of {story}" in json.loads(reply.text)["error"]


def test_a_query_reads_the_files_of_the_project(story: Path, ctx: Contexta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(story)
    ctx.export_baseline("old", story / "baseline.json")
    toolbox = Toolbox(None, allows_runs=False)
    for path in ("baseline.json", str(story / "baseline.json"), "run:p.old", "@latest~1"):
        assert not toolbox.call("check", {"run": "new", "against": path, "metric": []}, _Never()).is_error
    elsewhere = Toolbox(None, allows_runs=True).call("check", {"run": "new", "against": "/etc/passwd"}, _Never())
    assert "is no baseline" in json.loads(elsewhere.text)["error"]


def test_the_plan_of_a_bisect_takes_no_code_that_runs_trials(story: Path) -> None:
    toolbox = Toolbox(str(story / ".contexta"), allows_runs=False)
    (plan,) = [tool for tool in toolbox.descriptions() if tool["name"] == "bisect_plan"]
    assert not {"executor", "dask", "in_place"} & plan["inputSchema"]["properties"].keys()
    reply = toolbox.call("bisect_plan", {"old": "old", "new": "new", "executor": "os:getcwd"}, _Never())
    assert "there is no argument" in json.loads(reply.text)["error"]


def test_a_client_that_disappears_ends_the_server_without_a_traceback(story: Path) -> None:
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    call = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "show", "arguments": {"run": "old"}}}
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        *({**call, "id": number} for number in range(2, 7)),
    ]
    pipe = subprocess.PIPE
    server = subprocess.Popen(
        [sys.executable, "-m", "contexta.cli", "mcp"], stdin=pipe, stdout=pipe, stderr=pipe, cwd=story
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stderr is not None
    with server:
        server.stdin.write(f"{json.dumps(lines[0])}\n".encode())
        server.stdin.flush()
        server.stdout.readline()
        server.stdout.close()
        server.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines[1:]).encode())
        server.stdin.close()
        assert server.wait(30) == 0
        assert server.stderr.read() == b""


class _Never:
    def is_set(self) -> bool:
        return False


@pytest.mark.online
@pytest.mark.parametrize("requirements", [["mcp==1.3.0", "pydantic<2.12"], ["mcp<2"]], ids=["oldest", "newest 1"])
def test_version_1_of_the_package_works(story: Path, tmp_path: Path, requirements: list[str]) -> None:
    """The client of that version talks to the server of that version."""
    python = str(tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run(["uv", "venv", "-q", "--python", sys.executable, tmp_path / "env"], check=True, timeout=120)
    root = Path(__file__).parents[2]
    install = ["uv", "pip", "install", "-q", "--python", python, *requirements, str(root)]
    subprocess.run(install, check=True, timeout=300)
    client = """
import asyncio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
async def main():
    server = StdioServerParameters(command=PYTHON, args=["-m", "contexta.cli", "mcp", "--workspace", ".contexta"])
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        tools = await session.list_tools()
        why = await session.call_tool("why", {"old": "old", "new": "new"})
        missing = await session.call_tool("show", {"run": "nix"})
        run = await session.read_resource("contexta://runs/p.new")
        print(len(tools.tools), why.isError, missing.isError, "p.new" in run.contents[0].text)
asyncio.run(main())
""".replace("PYTHON", repr(python))
    done = subprocess.run([python, "-c", client], cwd=story, check=False, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == [str(len(QUERIES)), "False", "True", "True"], done.stderr
