from __future__ import annotations

import pytest
from support.builders import put_run

from contexta import Contexta


@pytest.fixture
def filled(ctx: Contexta) -> Contexta:
    for number, started in enumerate(("09", "11", "10", "11", "08")):
        put_run(ctx, f"r{number}", started_at=f"2025-01-01T{started}:00:00Z")
    put_run(ctx, "other", project="q", started_at="2025-01-01T12:00:00Z")
    ctx.archive_run("p.r2")
    return ctx


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("project", [None, "p", "q"])
def test_latest_runs_are_those_of_the_general_query(filled: Contexta, project: str | None, archived: bool) -> None:
    latest = filled.list_runs(project, archived=archived)
    assert latest == filled.list_runs(project, archived=archived, order_by="started desc")
    assert [run.name for run in filled.list_runs(project, archived=archived, where="run != 'none'")] == [
        run.name for run in latest
    ]


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_pages_of_the_latest_runs_hold_each_run_once(filled: Contexta, limit: int) -> None:
    names: list[str] = []
    while page := filled.list_runs("p", limit=limit, after=f"p.{names[-1]}" if names else None):
        names += [run.name for run in page]
    assert names == ["r3", "r1", "r0", "r4"]
