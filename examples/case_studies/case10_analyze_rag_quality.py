"""Answers got worse: is it the retrieval or the generation, and what changed there?"""

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig

PROJECT_NAME = "docs-assistant"
BEFORE, AFTER = f"run:{PROJECT_NAME}.week-20", f"run:{PROJECT_NAME}.week-21"

ctx = Contexta(config=UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=".contexta")))
try:
    comparison = ctx.compare_runs(BEFORE, AFTER)
    worst = None
    for stage in comparison.stage_comparisons:
        print(f"Stage {stage.stage_name} ({stage.right_status})")
        for delta in stage.metric_deltas:
            print(f"  {delta.metric_key}: {delta.left_value} -> {delta.right_value}")
            if delta.change_ratio is not None and (worst is None or delta.change_ratio < worst[0]):
                worst = (delta.change_ratio, delta.stage_name, delta.metric_key)
    assert worst is not None
    print(f"\nWorst: {worst[2]} of {worst[1]} ({worst[0]:+.0%})")

    print("\nSpans of one query:")
    for run_id in (BEFORE, AFTER):
        for record in ctx.get_run_snapshot(run_id).records:
            if record.record_type == "span":
                kind, status = record.payload["span_kind"], record.payload["status"]
                print(f"  {run_id.split('.')[-1]} {record.key}: {float(record.value) * 1000:.0f} ms ({kind}, {status})")

    print("\nWhat changed between the weeks:")
    for change in ctx.compare_environments(BEFORE, AFTER).changed_packages:
        print(f"  {change}")
    print(comparison.summary)
finally:
    ctx.close()
