"""The first day in a project: what was tried, what worked, what was decided."""

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig

ctx = Contexta(config=UnifiedConfig(workspace=WorkspaceConfig(root_path=".contexta")))
try:
    for project in ctx.list_projects():
        print(f"{project.name}: {project.description}, {project.run_count} runs")

        for run in ctx.list_runs(project.name, order="oldest"):
            value = run.metrics.get("mape")
            print(f"  {run.started_at[:10]} {run.name:<14} {run.status:<9} mape={value}  {run.description}")

        failed = ctx.list_runs(project.name, status="failed")
        print(f"Failed: {', '.join(run.name for run in failed)}")

        trend = ctx.get_metric_trend("mape", project.name)
        print(f"mape over time: {list(trend.values)}")
        for point in trend.points:
            if point.changes:
                print(f"  before {point.run_name} changed: {', '.join(map(str, point.changes))}")

        best = ctx.select_best_run([point.run_id for point in trend.points], "mape", higher_is_better=False)
        print(f"Best: {best} with mape {best.value}")

        print("Decisions:")
        for run in ctx.list_runs(project.name, order="oldest"):
            for record in ctx.get_run_snapshot(run.run_id).records:
                if record.record_type == "event" and record.key == "decision":
                    print(f"  {record.observed_at[:10]} {run.name}: {record.message}")
finally:
    ctx.close()
