"""Runs of this machine on their way to a server: none waits, none is lost, none arrives twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.builders import Cli, put_run
from support.servers import Server

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.core import workspace_address
from contexta.core.errors import WorkspaceAway, WorkspaceError
from contexta.store.ingest import delivery

_SECRET = "hush-hush"  # the password that tests/support/servers.py writes into every address


def _points(server: Server, address: str) -> list[int]:
    return [row[0] for row in server.ask(address, "SELECT points FROM metric_series ORDER BY id")]


def _until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that a test may kill."""
    started = Server()
    yield started
    started.stop()


def test_a_run_writes_to_this_machine_and_sync_delivers_once(database: str, server: Server, cli: Cli) -> None:
    with Contexta(workspace=database) as ctx, ctx.run("live", project="p") as run:
        for step in range(100):
            run.metric("loss", 1 / (step + 1), step=step)
    assert _points(server, database) == []
    printed = cli("sync", env={"CONTEXTA_WORKSPACE": database})
    assert printed.returncode == 0, printed.stderr
    assert "1 journal delivered now" in printed.stdout
    assert _points(server, database) == [100]
    assert "0 journals delivered now" in cli("sync", env={"CONTEXTA_WORKSPACE": database}).stdout
    assert _points(server, database) == [100]
    with Contexta(workspace=database) as ctx:
        assert ctx.get_run("live").status == "completed"
        assert ctx.get_environment("live").distributions


def test_separate_process_delivers_during_the_training(
    database: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONTEXTA_DELIVERY")
    code = (
        "import contexta, sys, time\n"
        "run = contexta.init(project='p', name='live')\n"
        "run.metric('loss', 0.5)\n"
        "sys.stdin.readline()\n"
        "run.metric('loss', 0.4)\n"
    )
    environ = {**os.environ, "CONTEXTA_WORKSPACE": database}
    training = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env=environ)
    assert _until(lambda: _points(server, database) == [1])  # while the run continues
    training.communicate(b"\n")
    ended = "SELECT count(*) FROM run WHERE status = 'completed'"
    assert _until(lambda: server.ask(database, ended) == [(1,)])  # and at its end
    assert _points(server, database) == [2]
    log = Path(workspace_address.directory(database), "delivery.log")
    assert _SECRET not in log.read_text()


def test_objects_are_delivered_to_the_shared_directory(database: str, tmp_path: Path) -> None:
    place = WorkspaceConfig(url=database, objects=tmp_path / "team")
    with Contexta(config=UnifiedConfig(workspace=place)) as ctx:
        with ctx.run("live", project="p"):
            pass
        assert not (tmp_path / "team").exists()  # nothing of it is done by the training
        ctx.sync()
    elsewhere = WorkspaceConfig(url=database, objects=tmp_path / "team", root_path=tmp_path / "other")
    with Contexta(config=UnifiedConfig(workspace=elsewhere)) as colleague:
        assert colleague.get_environment("live").distributions


def test_runs_of_equal_name_from_two_machines_are_both_delivered(database: str, tmp_path: Path) -> None:
    for machine in ("one", "two"):
        place = WorkspaceConfig(url=database, root_path=tmp_path / machine)
        with Contexta(config=UnifiedConfig(workspace=place)) as ctx:
            with ctx.run("live", project="p") as run:
                run.param("machine", machine)
            ctx.sync()
    with Contexta(workspace=database) as ctx:
        assert ctx.get_run("p.live").params == {"machine": "one"}
        second = ctx.get_run("p.live-2")
        assert second.params == {"machine": "two"}
        assert any("it began as run:p.live" in note.text for note in second.notes)


def test_the_password_is_nowhere(database: str, server: Server) -> None:
    with Contexta(workspace=database) as ctx:
        assert _SECRET not in repr(ctx) + repr(ctx.config) + ctx.config.model_dump_json()
        os.environ["CONTEXTA_WORKSPACE"] = database
        try:
            with ctx.run("live", project="p"):
                pass
        finally:
            del os.environ["CONTEXTA_WORKSPACE"]
        ctx.sync()
        root = ctx.root
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if _SECRET.encode() in path.read_bytes()] == []
    for table in ("run", "note", "journal", "environment_body"):
        assert _SECRET not in str(server.ask(database, f"SELECT * FROM {table}"))


def test_a_training_does_not_wait_for_a_server_that_is_away(tmp_path: Path, cli: Cli) -> None:
    away = "postgresql://me:hush-hush@127.0.0.1:9/contexta"
    with Contexta(workspace=away) as ctx:
        began = time.monotonic()
        with ctx.run("live", project="p") as run:
            for step in range(1_000):
                run.metric("loss", 0.1, step=step)
        assert time.monotonic() - began < 5
        with pytest.raises(WorkspaceAway, match="cannot be reached") as fault:
            ctx.sync()
    assert "contexta sync" in (fault.value.hint or "")
    assert _SECRET not in str(fault.value)
    printed = cli("sync", env={"CONTEXTA_WORKSPACE": away})
    assert printed.returncode == 2
    assert "hint:" in printed.stderr
    assert "Traceback" not in printed.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace("/t", "/nothing-t", 1), "no such database"),
        (lambda url: url.replace("postgres:", "nobody:"), "user was refused"),
        (lambda url: "postgresql://me@no-such-host.invalid/x", "cannot be reached"),
        (lambda url: url.split("?")[0] + "?host=/nowhere", "cannot be reached"),
        (lambda url: url + "&bogus=1", "not the address"),
        (lambda url: "postgresql://me:a b@h/x", "not the address"),
    ],
)
def test_invalid_address_is_refused_with_the_reason(database: str, change: Callable[[str], str], words: str) -> None:
    with pytest.raises((WorkspaceError, ValueError), match=words) as fault:
        Contexta(workspace=change(database)).list_runs()
    assert getattr(fault.value, "hint", None)
    assert _SECRET not in str(fault.value)


def test_run_without_psycopg_is_recorded_with_a_warning(database: str, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['psycopg'] = None\n"
        "from importlib import util; find = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'psycopg' else find(name, *more)\n"
        "import os; os.environ.pop('CONTEXTA_DELIVERY', None)\n"
        "from contexta import Contexta\n"
        "ctx = Contexta(sys.argv[1])\n"
        "with ctx.run('live', project='p') as run: run.metric('loss', 1.0)\n"
        "try: ctx.list_runs()\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, database], capture_output=True, text=True, timeout=60, check=True
    )
    assert "WorkspaceError" in printed.stdout
    assert "[postgres]" in printed.stdout
    with Contexta(workspace=database) as ctx:
        assert any("psycopg is not installed here" in note.text for note in ctx.get_run("live").notes)


def test_a_server_that_is_killed_costs_nothing(own_server: Server) -> None:
    address = own_server.workspace()
    with Contexta(workspace=address) as ctx:
        with ctx.run("live", project="p") as run:
            run.metrics({"loss": 1.0})
            ctx.sync()
            own_server.kill()
            began = time.monotonic()
            for step in range(1_000):
                run.metric("loss", 0.1, step=step)
            assert time.monotonic() - began < 5
            with pytest.raises(WorkspaceError):
                ctx.sync()
            own_server.start()
        ctx.sync()
    assert _points(own_server, address) == [1_001]


@pytest.mark.parametrize("kills", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_a_server_that_is_killed_while_it_is_delivered_to_costs_nothing(own_server: Server, kills: int) -> None:
    address = own_server.workspace()
    with Contexta(workspace=address) as ctx:
        runs = 0
        for turn in range(kills):
            for _ in range(3):
                with ctx.run("live", project="p") as run:
                    for step in range(3_000):
                        run.metric("loss", 0.1, step=step)
                runs += 1
            follower = threading.Thread(target=lambda: delivery.follow(ctx.root, ctx._new_store, pause=0.1, linger=0.3))
            follower.start()
            time.sleep(0.1 + turn / 20)
            own_server.kill()
            with ctx.run("meanwhile", project="p") as run:
                began = time.monotonic()
                run.metric("loss", 0.1)
                assert time.monotonic() - began < 1
            runs += 1
            own_server.start()
            follower.join(120)
            assert not follower.is_alive()
        ctx.sync()
        assert len(ctx.list_runs(limit=1_000)) == runs
        assert ctx.verify().damage == ()
    assert sorted(_points(own_server, address)) == [1] * kills + [3_000] * 3 * kills


def test_connections_that_are_terminated_while_they_deliver_lose_and_double_nothing(
    database: str, server: Server
) -> None:
    name = workspace_address.split(database)[0].rpartition("/")[2].partition("?")[0]
    over = threading.Event()

    def terminate() -> None:
        while not over.is_set():
            server.ask(
                server.address("postgres"),
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
            )
            time.sleep(0.05)

    with Contexta(workspace=database) as ctx:
        for index in range(5):
            with ctx.run(f"live-{index}", project="p") as run:
                for step in range(2_000):
                    run.metric("loss", 0.1, step=step)
        enemy = threading.Thread(target=terminate)
        enemy.start()
        for _ in range(20):
            try:
                ctx.sync()
            except WorkspaceAway:
                pass  # errors of a delivery; the next delivery tries again
        over.set()
        enemy.join()
        ctx.sync()
    assert _points(server, database) == [2_000] * 5


@pytest.mark.skipif(os.name != "posix", reason="stops processes")
@pytest.mark.parametrize("seconds", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_delivery_survives_a_stopped_server(own_server: Server, seconds: int) -> None:
    address = own_server.workspace()
    with Contexta(workspace=address) as ctx:
        with ctx.run("live", project="p") as run:
            for step in range(20_000):
                run.metric("loss", 0.1, step=step)
        follower = threading.Thread(target=lambda: delivery.follow(ctx.root, ctx._new_store, pause=0.1, linger=0.3))
        follower.start()
        time.sleep(0.2)
        for pid in own_server.pids():
            os.kill(pid, signal.SIGSTOP)
        with ctx.run("meanwhile", project="p") as run:
            began = time.monotonic()
            run.metric("loss", 0.1)
            assert time.monotonic() - began < 1
        time.sleep(seconds)
        for pid in own_server.pids():
            os.kill(pid, signal.SIGCONT)
        follower.join(120)
        assert not follower.is_alive()
    assert sorted(_points(own_server, address)) == [1, 20_000]


_WRITER = """
import sys, time
from contexta import Contexta
from contexta.contract import MetricPayload, MetricRecord, RecordEnvelope
place, me, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
deadline, count = time.monotonic() + seconds, 0
with Contexta(workspace=place) as ctx:
    with ctx.run(f"live-{me}", project="p") as run:
        while time.monotonic() < deadline or not count:
            ctx.record_store.append_many(MetricRecord(
                envelope=RecordEnvelope(record_ref=f"record:p.shared.r{me}-{count}-{n}", record_type="metric",
                    recorded_at="2025-01-01T00:00:00Z", observed_at="2025-01-01T00:00:00Z", producer_ref="t",
                    run_ref="run:p.shared"),
                payload=MetricPayload(metric_key="x", value=1.0, value_type="float64")) for n in range(10))
            run.metric("loss", 0.5, step=count)
            count += 1
            ctx.list_runs(limit=3)
print(count)
"""


@pytest.mark.parametrize("seconds", [1, pytest.param(120, marks=pytest.mark.slow)])
def test_of_eight_processes_that_write_at_once_every_write_counts(place: str, seconds: int) -> None:
    with Contexta(workspace=place) as ctx:
        put_run(ctx, "shared")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, place, str(number), str(seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    printed = [process.communicate(timeout=seconds + 120) for process in running]
    assert [process.returncode for process in running] == [0] * 8, printed
    counts = [int(out) for out, _ in printed]
    with Contexta(workspace=place) as ctx:
        shared = ctx.get_run("p.shared").stages[0].metrics[0]
        assert shared.points == 10 * sum(counts) == len(ctx.record_store.list_records("run:p.shared"))
        live = [ctx.get_run(f"p.live-{number}").stages[0].metrics[0].points for number in range(8)]
        assert live == counts
