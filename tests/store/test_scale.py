"""The cost of a query depends on its result, not on the size of the workspace: counted, not timed."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from support.builders import put_run
from support.servers import Server

from contexta import Contexta
from contexta.store.query import pages

POINTS = 400
SERVED = 20_000  # of few runs a server rather reads all
_LISTED = """
INSERT INTO run (ref, project_id, slug, name, status, started_at, ended_at, tags, metadata, environment_body_id,
content_digest)
SELECT 'run:p.x' || n, 1, 'x' || n, 'x' || n, 'completed', 10 * n, 10 * n + n, '{{}}', '{{}}', 1 + n % 2, 'none'
FROM ({numbers}) AS numbers
"""
_NAMED = """
INSERT INTO {table} SELECT id, name, {values} FROM run CROSS JOIN (SELECT 'a' AS name UNION SELECT 'b') AS names
WHERE slug LIKE 'x%'
"""
_NUMBERS = {
    "sqlite": "WITH RECURSIVE up (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM up WHERE n < {0}) SELECT n FROM up",
    "postgresql": "SELECT n FROM generate_series(1, {0}) AS n",
}

ASKED: dict[str, Callable[[Contexta], Any]] = {
    "latest": lambda ctx: ctx.list_runs(limit=20),
    "of a project": lambda ctx: ctx.list_runs("p", limit=20),
    "behind a page": lambda ctx: ctx.list_runs("p", after="p.x250", limit=20),
    "few fit": lambda ctx: ctx.list_runs(where="metrics.a > 0.5 and status = completed", limit=20),
    "few fit, of a project": lambda ctx: ctx.list_runs("p", where="metrics.a > 0.5 and started < 2024", limit=20),
    "few fit, sorted": lambda ctx: ctx.list_runs("p", where="metrics.a > 0.5", order_by="metrics.b", limit=20),
    "few fit, by a parameter": lambda ctx: ctx.list_runs(where="params.a > 0.5", order_by="params.b desc", limit=20),
    "many fit": lambda ctx: ctx.list_runs(where="metrics.b > 0.5", limit=20),
    "many fit, by package": lambda ctx: ctx.list_runs(where="packages.torch < 2.1", limit=20),
    "sorted": lambda ctx: ctx.list_runs(order_by="metrics.b desc", limit=20),
    "by name": lambda ctx: ctx.list_runs(where="name = x7 or name = x8", limit=20),
    "one run": lambda ctx: ctx.get_run("p.x7"),
    "two runs": lambda ctx: ctx.diff_runs("p.x7", "p.x8"),
    "a series": lambda ctx: ctx.metric_series("live", "loss", points=20),
}


def fill(ctx: Contexta, runs: int, execute: Callable[[str], Any], numbers: str, is_last: str) -> None:
    """So many runs with two metrics and two parameters; of ``a`` only ten runs have more than 0.5, of ``b`` half."""
    for version in ("2.0.0", "2.1.0"):
        put_run(ctx, f"r{version[2]}", environment={"packages": {"torch": version}})
    with ctx.run("live", project="p") as run:
        for step in range(POINTS):
            run.metric("loss", step / 7, step=step)
    ctx.list_runs()
    execute(_LISTED.format(numbers=numbers.format(runs)))
    value = "CASE WHEN name = 'b' THEN id % 100 / 100.0 WHEN id < 20 THEN id / 20.0 ELSE id % 100 / 250.0 END"
    value = value.replace("name", "names.name").replace("id", "run.id")
    named = _NAMED.replace("id, name", "run.id, names.name")
    columns = "metric_series (run_id, metric_key, slice_ref, points, last_step, last_at, is_last, last_value)"
    execute(named.format(table=columns, values=f"'', 1, 0, 0, {is_last}, {value}"))
    columns, values = "param (run_id, name, value, number, words)", f"'0.5', {value}, '0.5'"
    execute(named.format(table=columns, values=values))


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Contexta, Contexta]]:
    """A workspace, and one with ten times as many runs."""
    result = []
    for runs in (300, 3_000):
        root: Path = tmp_path_factory.mktemp("scale") / "ws"
        with Contexta(workspace=root) as ctx:
            ctx.list_runs()
            raw = sqlite3.connect(root / "contexta.db")
            fill(ctx, runs, raw.execute, _NUMBERS["sqlite"], "1")
            raw.commit()
            raw.close()
        result.append(Contexta(workspace=root))
    yield result[0], result[1]
    for ctx in result:
        ctx.close()


def steps(ctx: Contexta, ask: Callable[[Contexta], Any]) -> int:
    """The number of steps of SQLite's virtual machine for a query."""
    ctx.list_runs(limit=1)
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    database: Any = ctx._opened().database
    for connection in database._idle:
        connection.driver.set_progress_handler(count, 1)
    ask(ctx)
    for connection in database._idle:
        connection.driver.set_progress_handler(None, 1)
    assert counted > 0
    return counted


@pytest.mark.parametrize("arguments", ASKED)
def test_ten_times_as_many_runs_cost_no_more_steps(
    sizes: tuple[Contexta, Contexta], monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    monkeypatch.setattr(pages, "FEW", 50)
    small, large = (steps(ctx, ASKED[arguments]) for ctx in sizes)
    assert large <= 1.5 * small, (small, large)


# ---------------------------------------------------------------------------------------------- PostgreSQL


@pytest.fixture(scope="module")
def served(server: Server) -> Iterator[Contexta]:
    address = server.workspace()
    with Contexta(workspace=address) as ctx:
        fill(ctx, SERVED, lambda statement: server.ask(address, statement), _NUMBERS["postgresql"], "true")
        server.ask(address, "VACUUM ANALYZE")
        yield ctx


_LARGE = {"run", "param", "metric_series", "metric_point", "record"}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.mark.parametrize("arguments", ASKED)
def test_no_statement_scans_a_complete_table_on_a_server(
    served: Contexta, monkeypatch: pytest.MonkeyPatch, arguments: str
) -> None:
    """Rows that are looked at are counted by the server itself: EXPLAIN ANALYZE of each statement."""
    monkeypatch.setattr(pages, "FEW", 50)
    monkeypatch.setattr("psycopg.Pipeline.is_supported", lambda: False)  # so that each statement runs separately
    observed: list[tuple[str, Any]] = []
    database: Any = served._opened().database
    engine = database._engine

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        observed.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    ASKED[arguments](served)
    event.remove(engine, "before_cursor_execute", note)
    assert observed
    with engine.connect() as connection:
        for statement, parameters in observed:
            explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            (result,) = connection.exec_driver_sql(explained, parameters).one()
            for node in nodes((result if isinstance(result, list) else json.loads(result))[0]["Plan"]):
                if node.get("Relation Name") in _LARGE:
                    looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                    assert looked_at * node["Actual Loops"] < SERVED / 20, (statement, node)


@pytest.mark.skipif(sys.platform != "linux", reason="the client's library tells what it hears on Linux alone")
@pytest.mark.parametrize(("arguments", "waits"), [("one run", 5), ("two runs", 16), ("latest", 5)])
def test_a_server_is_waited_for_a_few_times(served: Contexta, tmp_path: Path, arguments: str, waits: int) -> None:
    """Over a network each costs more than its answer. For one run: check the connection, begin, find the run, read it,
    end. For two runs also: their parameters, environments and inputs."""
    for _ in range(7):
        ASKED[arguments](served)  # the driver prepares a statement after some executions
    database: Any = served._opened().database
    engine = database._engine
    with engine.connect() as connection:
        server = connection.connection.driver_connection
    with (tmp_path / "heard").open("w+b") as file:
        server.pgconn.trace(file.fileno())
        ASKED[arguments](served)
        server.pgconn.untrace()
        file.seek(0)
        assert sum(b"ReadyForQuery" in line for line in file) == waits
