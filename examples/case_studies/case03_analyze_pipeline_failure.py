"""Find out which stage of a pipeline lost rows although every stage completed."""

from contexta import Contexta

PROJECT_NAME = "churn-pipeline"
GOOD = f"run:{PROJECT_NAME}.monday"
BAD = f"run:{PROJECT_NAME}.tuesday"

with Contexta(workspace=".contexta") as ctx:
    print(f"Status of {BAD}: {ctx.get_run(BAD).status}")

    comparison = ctx.compare_runs(GOOD, BAD)
    for stage in comparison.stage_comparisons:
        for delta in stage.metric_deltas:
            if delta.change_ratio is not None:
                print(f"{delta.stage_name:<7} {delta.metric_key}: {delta.right_value} ({delta.change_ratio:+.0%})")

    diagnosis = ctx.diagnose_run(BAD)
    print("\nProblems:")
    for issue in diagnosis.issues:
        if issue.severity in ("error", "warning") and issue.subject_ref is not None:
            print(f"  [{issue.severity}] {issue.code}: {issue.summary}")

    snapshot = ctx.get_run_snapshot(BAD)
    print("\nWhat the pipeline said:")
    for record in snapshot.records:
        if record.record_type == "event":
            attributes = record.payload["attributes"]
            print(f"  {record.payload['level']}: {record.message}")
            print(f"  table {attributes['table']}, {attributes['null_rows']} of {attributes['total_rows']} rows")
        elif record.record_type == "degraded":
            print(f"  {record.key} ({record.degradation_marker}, {record.completeness_marker}): {record.message}")
    for batch in snapshot.batches:
        print(f"  batch {batch.name} of {batch.stage_id.split('.')[-1]}: {batch.status}")
