from __future__ import annotations

import json
import math

import pytest
from support.builders import Cli, a_metric, put_run

from contexta import Contexta
from contexta.core.errors import InvalidInput, NotFound


def test_downsampled_series_keeps_every_spike_and_both_ends(ctx: Contexta, cli: Cli) -> None:
    values = [math.sin(step / 50) for step in range(5_000)]
    values[1_234], values[4_000], values[7] = 99.0, -99.0, math.nan
    with ctx.run("r", project="p") as run:
        for step, value in enumerate(values):
            run.metric("loss", value, step=step)
    result = ctx.metric_series("r", "loss", points=40)
    assert (result.points, len(result.buckets), sum(bucket.points for bucket in result.buckets)) == (5_000, 40, 5_000)
    for bucket in result.buckets:
        of = [value for value in values[bucket.first : bucket.first + bucket.points] if not math.isnan(value)]
        assert (bucket.low, bucket.high) == (min(of), max(of))
        assert bucket.step == bucket.first + bucket.points - 1
        assert bucket.last == values[bucket.step]
    assert [bucket.not_numbers for bucket in result.buckets][:2] == [1, 0]
    printed = json.loads(cli("series", "r", "loss", "--points", "40", "--json").stdout)
    assert printed == json.loads(result.model_dump_json())
    shown = cli("series", "r", "loss").stdout
    assert "5000 points" in shown
    assert "99" in shown


@pytest.mark.parametrize("values", [[1], [math.nan], [10**400, -0.0, 3], [math.inf] * 9])
def test_few_points_have_one_exact_bucket_each(ctx: Contexta, values: list[float]) -> None:
    put_run(ctx)
    ctx.record_store.append_many([a_metric("a", value, name=f"m{n}") for n, value in enumerate(values)])
    result = ctx.metric_series("r", "a", points=len(values))
    assert [repr(bucket.last) for bucket in result.buckets] == [repr(value) for value in values]
    assert {bucket.points for bucket in result.buckets} == {1}
    assert len(ctx.metric_series("r", "a", points=1).buckets) == 1


def test_series_of_the_last_stage_is_the_default(ctx: Contexta) -> None:
    with ctx.run("r", project="p") as run:
        with run.stage("train") as stage:
            stage.metric("acc", 0.5)
        with run.stage("test") as stage:
            stage.metric("acc", 0.7)
    assert ctx.metric_series("r", "acc").stage_name == "test"
    assert "train" in ctx.metric_series("r", "acc").completeness_notes[0]
    assert ctx.metric_series("r", "acc", stage="train").buckets[0].last == 0.5
    with pytest.raises(NotFound, match="not logged in stage"):
        ctx.metric_series("r", "acc", stage="nope")
    with pytest.raises(NotFound, match="no metric") as refusal:
        ctx.metric_series("r", "accc")
    assert "acc?" in (refusal.value.hint or "")
    with pytest.raises(InvalidInput):
        ctx.metric_series("r", "acc", points=0)
