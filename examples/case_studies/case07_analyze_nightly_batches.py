"""Look through the nights: which batches failed, and since when rows are missing."""

from contexta import Contexta

PROJECT_NAME = "nightly-scoring"

with Contexta() as ctx:
    nights = ctx.list_runs(PROJECT_NAME, tags={"schedule": "nightly"}, order="oldest")
    for night in nights:
        batches = ctx.list_batches(night.run_id, stage_name="score")
        failed = [batch.name for batch in batches if batch.status == "failed"]
        print(f"{night.name}: {night.status}, {len(batches)} batches, failed: {', '.join(failed) or 'none'}")

    trend = ctx.get_metric_trend("rows_total", PROJECT_NAME)
    print("\nrows_total:")
    for before, point in zip((None, *trend.points), trend.points, strict=False):
        drop = before is not None and point.value < before.value
        print(f"  {point.run_name}: {point.value:.0f}{'  <- dropped' if drop else ''}")

    print("\nErrors:")
    for night in nights:
        for record in ctx.get_run_snapshot(night.run_id).records:
            if record.record_type == "event" and record.payload["level"] == "error":
                print(f"  {night.name}: {record.message} (batch {record.batch_id.name if record.batch_id else '?'})")
    issues = [issue for issue in ctx.diagnose_run(f"{PROJECT_NAME}.night-4").issues if issue.severity == "error"]
    print(f"\nDiagnosis of night-4: {', '.join(issue.summary for issue in issues)}")
