"""The mean barely moved; which prompts got worse?"""

from __future__ import annotations

from contexta import Contexta

PROJECT_NAME = "support-assistant"
OLD, NEW = f"run:{PROJECT_NAME}.prompt-v1", f"run:{PROJECT_NAME}.prompt-v2"


def scores_of(ctx: Contexta, run_id: str, metric: str) -> dict[str, float]:
    """Prompt -> score."""
    return {
        record.tags["prompt"]: float(record.value)
        for record in ctx.get_run_snapshot(run_id).records
        if record.record_type == "metric" and record.key == metric and record.tags
    }


with Contexta() as ctx:
    means = [ctx.get_run(run_id).metrics["relevance"] for run_id in (OLD, NEW)]
    print(f"Mean relevance: {means[0]} -> {means[1]}")

    old, new = scores_of(ctx, OLD, "relevance"), scores_of(ctx, NEW, "relevance")
    print("\nPer prompt:")
    for prompt in sorted(new, key=lambda prompt: new[prompt] - old[prompt]):
        print(f"  {prompt:<15} {old[prompt]:.2f} -> {new[prompt]:.2f} ({new[prompt] - old[prompt]:+.2f})")

    print("\nThe same from compare_runs:")
    for stage in ctx.compare_runs(OLD, NEW).stage_comparisons:
        for delta in stage.metric_deltas:
            if delta.slice_ref is not None and delta.delta is not None and delta.delta < -0.1:
                print(f"  {delta.metric_key} of {delta.slice_ref}: {delta.delta:+.2f}")

    samples = ctx.list_samples(NEW, stage_name="evaluate")
    print(f"\nSamples: {[sample.name for sample in samples]}")
    best = ctx.select_best_run([OLD, NEW], "relevance", higher_is_better=True)
    print(f"Best template by the mean: {best.split('.')[-1]}")
