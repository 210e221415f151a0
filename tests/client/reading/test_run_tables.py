"""Runs are counted, grouped and sorted by what they have in common, and queries are completed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.client.reading import run_tables
from contexta.client.reading.workspace import Workspace
from contexta.core.errors import InvalidInput
from contexta.core.references import StableRef
from contexta.findings import RunGroups, RunSummary
from contexta.findings.past_runs import PastEnvironment


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contexta]:
    """Two learning rates with three and two seeds, another pandas for the second, and a run without anything."""
    ctx = Contexta(tmp_path_factory.mktemp("sweep") / ".contexta")
    runs = [("slow", 0.1, "2.3.3", (0.91, 0.92, 0.93)), ("fast", 0.2, "3.0.2", (0.87, 0.85))]
    for name, rate, pandas, values in runs:
        for seed, value in enumerate(values):
            with ctx.run(f"{name}-{seed}", project="churn") as run:
                run.params({"lr": rate, "seed": seed, "epochs": 5})
                run.metric("accuracy", value)
                run.metric("broken", float("nan"))
                run.tag("team", name)
            environment = {"packages": {"pandas": pandas}, "environment_snapshot_ref": f"environment:p.{name}{seed}.s"}
            put_run(ctx, f"{name}{seed}", environment=environment)
    put_run(ctx, "bare", started_at="2020-01-01T00:00:00Z")
    yield ctx
    ctx.close()


def shape(groups: RunGroups) -> list[tuple[str, int]]:
    return [(group.name, len(group.runs)) for group in groups.groups]


@pytest.mark.parametrize("by", ["params", "tag:team", "param:lr"])
def test_runs_are_grouped_by_what_they_have_in_common(sweep: Contexta, by: str) -> None:
    groups = sweep.group_runs("churn", by=by)
    assert shape(groups) == [("fast", 2), ("slow", 3)]
    fast, slow = groups.groups
    accuracy = slow.metric("accuracy")
    assert accuracy is not None
    assert (round(accuracy.mean, 6), round(accuracy.standard_deviation or 0, 6), accuracy.n) == (0.92, 0.01, 3)
    assert fast.metric("broken") is None
    assert slow.seeds == ("2", "1", "0")


def test_runs_are_grouped_by_environment(sweep: Contexta) -> None:
    groups = sweep.group_runs("p", by="environment")
    assert sorted(len(group.runs) for group in groups.groups) == [1, 2, 3]
    (alone,) = (group for group in groups.groups if len(group.runs) == 1)
    assert (alone.name, alone.metrics) == ("bare", ())


def test_the_environment_of_each_grouped_run_is_loaded_once(sweep: Contexta, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    def load(workspace: Workspace, runs: Sequence[RunSummary]) -> dict[StableRef, PastEnvironment]:
        loaded.extend(run.name for run in runs)
        return load_environments(workspace, runs)

    load_environments = run_tables.environments_of_runs
    monkeypatch.setattr(run_tables, "environments_of_runs", load)
    whole = sweep.group_runs("p", by="environment")
    assert sorted(loaded) == ["bare", "fast0", "fast1", "slow0", "slow1", "slow2"]
    loaded.clear()
    monkeypatch.setattr(run_tables, "_GROUPED_AT_ONCE", 2)
    assert sweep.group_runs("p", by="environment") == whole
    assert sorted(loaded) == ["bare", "fast0", "fast1", "slow0", "slow1", "slow2"]


def test_groups_follow_the_order_of_the_list_and_a_metric_by_its_mean(sweep: Contexta) -> None:
    by_mean = sweep.group_runs("churn", by="params", order_by="metrics.accuracy desc")
    assert shape(by_mean) == [("slow", 3), ("fast", 2)]
    assert shape(sweep.group_runs("churn", by="params", order_by="started")) == [("slow", 3), ("fast", 2)]
    cut = sweep.group_runs("churn", by="params", limit=4)
    assert (shape(cut), cut.run_count) == ([("fast", 2), ("slow", 2)], 4)
    pages = [sweep.group_runs("churn", by="params", most_groups=1)]
    while (last := pages[-1].next_after) is not None:
        pages.append(sweep.group_runs("churn", by="params", most_groups=1, after=last.value))
    assert [shape(page) for page in pages] == [[("fast", 2)], [("slow", 3)]]


@pytest.mark.parametrize("by", ["foo", "tag:", "tag", "repeats:x", "", "auto"])
def test_another_grouping_is_refused(sweep: Contexta, by: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be grouped"):
        sweep.group_runs(by=by)


def test_groups_are_printed_and_written_as_json(sweep: Contexta, cli: Cli) -> None:
    shown = cli("--workspace", str(sweep.root), "runs", "--project", "churn", "--group-by", "params").stdout
    assert "5 runs in 2 groups by params" in shown
    assert "0.92 ± 0.01 (3)" in shown
    assert (
        '"standard_deviation":' in cli("--workspace", str(sweep.root), "runs", "--group-by", "params", "--json").stdout
    )


def test_matching_runs_are_counted_up_to_a_limit(sweep: Contexta) -> None:
    assert sweep.count_runs() == 11
    assert sweep.count_runs("churn", where="metrics.accuracy > 0.9") == 3
    assert sweep.count_runs(most=4) == 4
    sweep.archive_run("bare")
    assert (sweep.count_runs(), sweep.count_runs(archived=True)) == (10, 11)
    sweep.archive_run("bare", archived=False)


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ("packages.pandas desc", "fast"),
        ("packages.pandas", "slow"),
        ("tags.team", "fast"),
        ("tags.team desc", "slow"),
        ("status", ""),
    ],
)
def test_runs_are_sorted_by_a_package_a_tag_or_the_status_over_pages(sweep: Contexta, order: str, first: str) -> None:
    complete = [run.run_ref for run in sweep.list_runs(order_by=order)]
    assert sweep.get_run(complete[0]).name.startswith(first)
    assert len(set(complete)) == 11
    pages, last = [], None
    while page := sweep.list_runs(order_by=order, after=last, limit=3):
        pages += [run.run_ref for run in page]
        last = page[-1].run_ref
    assert pages == complete


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("", 0, "metrics."),
        ("metrics.", 0, "metrics.accuracy "),
        ("metrics.ACC", 0, "metrics.accuracy "),
        ("acc", 0, "metrics.accuracy "),
        ("has metrics.acc", 4, "metrics.accuracy "),
        ("metrics.accuracy", 0, None),
        ("metrics.accuracy ", 17, "> "),
        ("metrics.accuracy > 0.9 ", 23, "and "),
        ("metrics.accuracy > 0.9 and ", 27, "params."),
        ("(params.", 1, "params.lr "),
        ("packages.pandas = ", 18, "3.0.2"),
        ("tags.team = f", 12, "fast"),
        ("tags.team in (", 14, "slow"),
        ("status = o", 9, "open"),
        ("project = ", 10, "churn"),
    ],
)
def test_a_query_is_completed_with_names_and_values_of_the_workspace(
    sweep: Contexta, text: str, start: int, expected: str | None
) -> None:
    place, suggestions = sweep.complete_query(text)
    assert place == start
    assert expected is None or expected in suggestions
    for suggestion in suggestions[:3]:
        assert suggestion != text[start:]


def test_names_with_marks_are_completed_with_quotes(ctx: Contexta) -> None:
    with ctx.run("r", project="p") as run:
        run.metric("val loss", 1)
        run.metric('a "b"', 1)
    _, suggestions = ctx.complete_query("metrics.")
    assert suggestions == ('metrics."a \\"b\\"" ', 'metrics."val loss" ')
    for suggestion in suggestions:
        assert len(ctx.list_runs(where=f"has {suggestion}")) == 1
    assert ctx.complete_query('metrics."val')[1] == ('metrics."val loss" ',)


def test_tables_of_runs_are_the_same_on_both_databases(anywhere: Contexta) -> None:
    for number, (pandas, team) in enumerate((("2.10.0", "b"), ("2.9.0", "a"), ("2.9.0", "c"))):
        tags, environment = {"team": team}, {"packages": {"pandas": pandas}}
        put_run(anywhere, f"r{number}", metrics={"accuracy": number / 10}, tags=tags, environment=environment)
    put_run(anywhere, "bare", status="failed", project="q")
    anywhere.archive_run("r1")

    def order(by: str) -> list[str]:
        complete = [run.name for run in anywhere.list_runs(order_by=by, archived=True)]
        paged, last = [], None
        while page := anywhere.list_runs(order_by=by, archived=True, after=last, limit=1):
            paged.append(page[0].name)
            last = page[0].run_ref
        assert paged == complete
        return complete

    assert order("packages.pandas desc") == ["r0", "r2", "r1", "bare"]
    assert order("tags.team") == ["r1", "r0", "r2", "bare"]
    assert order("status")[-1] == "bare"
    assert (anywhere.count_runs(), anywhere.count_runs("p"), anywhere.count_runs(archived=True)) == (3, 2, 4)
    assert (anywhere.count_archived_runs(), anywhere.count_archived_runs("q")) == (1, 0)
    assert [project.run_count for project in anywhere.list_projects()] == [3, 1]
    groups = anywhere.group_runs(by="environment", archived=True)
    assert sorted(len(group.runs) for group in groups.groups) == [1, 1, 2]
    assert anywhere.complete_query("packages.pandas = ")[1] == ("2.10.0", "2.9.0")
    assert (
        anywhere.environments_of_runs(anywhere.list_runs())[anywhere.get_run("r0").run_ref].packages["pandas"]
        == "2.10.0"
    )
