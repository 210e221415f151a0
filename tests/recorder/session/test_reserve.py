"""A run begins with the first record of its journal."""

from __future__ import annotations

import json

from contexta import Contexta


def test_a_journal_contains_display_names_that_differ_from_its_reference(ctx: Contexta) -> None:
    printed = []
    for project, name in (("p", "live"), ("p", "live"), ("My project", "My run")):
        with ctx.run(name, project=project) as run:
            journal = ctx.root / "journal" / f"{run.ref.value}.jsonl"
            first = json.loads(journal.read_text(encoding="utf-8").splitlines()[0])
            printed.append({key: first[key] for key in ("name", "project_name") if key in first})
    assert printed == [{}, {"name": "live"}, {"name": "My run", "project_name": "My project"}]
    assert {run.run_ref.name: run.name for run in ctx.list_runs()} == {
        "live": "live",
        "live-2": "live",
        "my-run": "My run",
    }
    assert {project.name for project in ctx.list_projects()} == {"p", "My project"}
