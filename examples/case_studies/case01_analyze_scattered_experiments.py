"""Find the best of many experiments, and what made it the best."""

from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig

PROJECT_NAME = "sentiment-classifier"

ctx = Contexta(config=UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=Path(".contexta"))))
try:
    print(f"Projects: {', '.join(ctx.list_projects())}")

    runs = ctx.list_runs(PROJECT_NAME, order="oldest")
    for run in runs:
        print(f"{run.started_at[:10]}  {run.name:<16} {run.status:<10} model={run.tags['model']} lr={run.tags['lr']}")

    run_ids = [run.run_id for run in runs]
    comparison = ctx.compare_multiple_runs(run_ids)
    print("\nf1 of every run:")
    for run_id, value in comparison.metric_table["f1"].items():
        print(f"  {run_id.split('.')[-1]}: {value}")

    best = ctx.select_best_run(run_ids, "f1", stage_name="evaluate", higher_is_better=True)
    print(f"\nBest run: {best.split('.')[-1]} ({best.metric}={best.value})")
    runner_up = best.candidates[1]
    print(f"Next: {runner_up.run_name} ({runner_up.value})")

    snapshot = ctx.get_run_snapshot(best)
    print(f"How: {snapshot.run.description}")

    bert = ctx.list_runs(PROJECT_NAME, tags={"model": "bert"})
    print(f"\nWith bert there are {len(bert)} runs; the worst has loss {max(run.metrics['loss'] for run in bert)}")
    report = ctx.build_multi_run_report(run_ids)
    print(f"Report sections: {[section.title for section in report.sections][:2]}")
finally:
    ctx.close()
