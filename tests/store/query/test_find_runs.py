"""Selecting runs as a person does."""

from __future__ import annotations

import pytest
from support.builders import put_run

from contexta import Contexta, UnifiedConfig, WorkspaceConfig
from contexta.contract import LineageEdge
from contexta.core.errors import Ambiguous, InvalidInput, InvalidReference, NotFound


@pytest.fixture
def runs(ctx: Contexta) -> Contexta:
    put_run(ctx, "last-month", started_at="2025-02-15T08:00:00Z")
    put_run(ctx, "this-month", started_at="2025-02-15T08:10:00Z")
    put_run(ctx, "this-month", project="q", started_at="2025-02-15T08:20:00Z", display_name="Display Name")
    put_run(ctx, "train", started_at="2025-02-15T08:30:00Z")
    put_run(ctx, "train-2", started_at="2025-02-15T08:40:00Z")
    put_run(ctx, "only-q", project="q", started_at="2025-02-15T08:50:00Z")
    return ctx


@pytest.mark.parametrize(
    ("selector", "ref"),
    [
        ("run:p.last-month", "run:p.last-month"),
        ("p.last-month", "run:p.last-month"),
        ("last-month", "run:p.last-month"),
        ("last", "run:p.last-month"),
        ("p.last", "run:p.last-month"),
        ("run:p.las", "run:p.last-month"),
        ("train", "run:p.train"),
        ("train-", "run:p.train-2"),
        ("q.t", "run:q.this-month"),
        ("Display Name", "run:q.this-month"),
        ("@latest", "run:q.only-q"),
        ("@latest~0", "run:q.only-q"),
        ("@latest~1", "run:p.train-2"),
        ("p@latest", "run:p.train-2"),
        ("project:p@latest~2", "run:p.this-month"),
    ],
)
def test_selector_finds_the_run_a_person_means(runs: Contexta, selector: str, ref: str) -> None:
    assert runs.get_run(selector).run_ref == ref


@pytest.mark.parametrize("selector", ["this-month", "this", "p.t", "t"])
def test_ambiguous_selector_is_refused_with_the_candidates(runs: Contexta, selector: str) -> None:
    with pytest.raises(Ambiguous, match="ambiguous") as refusal:
        runs.get_run(selector)
    assert "p.this-month" in (refusal.value.hint or "")


@pytest.mark.parametrize(
    ("selector", "error", "hint"),
    [
        ("last-mnth", NotFound, "did you mean last-month?"),
        ("p.last-mnth", NotFound, "did you mean p.last-month?"),
        ("-x", NotFound, "contexta runs"),
        ("%", NotFound, "contexta runs"),
        ("p.%", NotFound, "contexta runs"),
        ("", InvalidReference, "@latest"),
        ("run:P.x", InvalidReference, "did you mean run:p.x?"),
        ("run:", InvalidReference, "project.run"),
        ("stage:p.r.s", InvalidReference, "run:project.name"),
        ("@latest~99", NotFound, "contexta runs"),
        ("nope@latest", NotFound, "contexta runs"),
        ("N O@latest", InvalidReference, "did you mean"),
        ("a\0b", InvalidInput, ""),
        ("\ud800", InvalidInput, ""),
        ("x" * 100_000, NotFound, "contexta runs"),
        (None, InvalidReference, "@latest"),
        (7, InvalidReference, "@latest"),
    ],
)
def test_unknown_selector_gives_a_suggestion(runs: Contexta, selector: str, error: type[Exception], hint: str) -> None:
    with pytest.raises(error) as refusal:
        runs.get_run(selector)
    assert hint in (getattr(refusal.value, "hint", None) or "")
    assert len(str(refusal.value)) < 1_000


def test_latest_looks_in_the_configured_project(runs: Contexta) -> None:
    config = UnifiedConfig(project_name="P", workspace=WorkspaceConfig(root_path=runs.root))
    with Contexta(config=config) as ctx:
        assert ctx.get_run("@latest").run_ref == "run:p.train-2"
        assert ctx.get_run("q@latest").run_ref == "run:q.only-q"


def test_runs_are_listed_latest_first_with_their_metrics(ctx: Contexta) -> None:
    put_run(ctx, "a", started_at="2025-02-15T08:00:00Z", metrics={"x": 1}, stage="train")
    put_run(ctx, "b", started_at="2025-02-15T09:00:00Z", project="q")
    put_run(ctx, "c", started_at="2025-02-15T07:00:00Z")
    assert [run.run_ref.value for run in ctx.list_runs()] == ["q.b", "p.a", "p.c"]
    assert [run.name for run in ctx.list_runs("p", limit=1)] == ["a"]
    assert ctx.list_runs("project:p")[0].metrics == {"x": 1}
    with pytest.raises(NotFound, match="project:nope"):
        ctx.list_runs("nope")
    assert [(project.project_ref.value, project.run_count) for project in ctx.list_projects()] == [("p", 2), ("q", 1)]


def test_empty_workspace_has_no_runs(ctx: Contexta) -> None:
    assert ctx.list_runs() == () == ctx.list_projects()
    with pytest.raises(NotFound, match="there are fewer runs"):
        ctx.diff_runs()
    put_run(ctx, "only")
    with pytest.raises(NotFound, match="p has only one run") as refusal:
        ctx.diff_runs()
    assert "two runs" in (refusal.value.hint or "")


def test_display_name_with_a_dot_or_a_colon_selects_its_run(ctx: Contexta) -> None:
    for name in ("lr0.1", "exp: a", "v1.2.3"):
        with ctx.run(name, project="p"):
            pass
        assert ctx.get_run(name).name == name


def test_component_of_a_reference_wins_over_a_display_name(ctx: Contexta) -> None:
    put_run(ctx, "train", display_name="first")
    put_run(ctx, "x", display_name="train")
    assert ctx.get_run("train").run_ref == "run:p.train"
    assert ctx.get_run("first").run_ref == "run:p.train"


def test_comparisons_skip_reruns_unless_there_is_nothing_else(ctx: Contexta) -> None:
    def compared(*runs: str) -> tuple[str, str]:
        comparison = ctx.compare_runs(*runs)
        return comparison.left_ref.name, comparison.right_ref.name

    put_run(ctx, "march", started_at="2025-02-15T08:00:00Z")
    put_run(ctx, "march-rerun", started_at="2025-02-15T08:10:00Z", tags={"rerun-of": "run:p.march"})
    assert compared() == compared("march") == ("march", "march-rerun")
    put_run(ctx, "april", started_at="2025-02-15T08:20:00Z")
    put_run(ctx, "april-rerun", started_at="2025-02-15T08:30:00Z", tags={"rerun-of": "run:p.april"})
    put_run(ctx, "part", started_at="2025-02-15T08:31:00Z")
    edge = LineageEdge(
        relation_ref="relation:p.part.part-of",
        relation_type="part_of",
        source_ref="run:p.part",
        target_ref="run:p.april-rerun",
        recorded_at="2025-02-15T08:31:00Z",
        origin_marker="test",
        confidence_marker="certain",
    )
    ctx.metadata_store.relations.put_lineage_edge(edge)
    assert compared() == compared("march") == ("march", "april")
    assert compared("april") == ("april", "part")
    explanation = ctx.explain_regression()
    assert (explanation.old_ref.name, explanation.new_ref.name) == ("march", "april")
    assert ctx.get_run("@latest").name == "part"
