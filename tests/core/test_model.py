"""Values that are built without validation."""

from __future__ import annotations

import pickle

import pytest

from contexta.core.model import Value, trusted
from contexta.findings import MetricValue, RunSummary, StageSummary

METRIC = MetricValue(metric_key="loss", value=0.5, step=3, observed_at="2025-01-01T00:00:00Z")
STAGE = StageSummary(stage_name="train", status="completed", metrics=(METRIC,))
RUN = RunSummary(
    run_ref="run:p.r",
    project_ref="project:p",
    name="r",
    status="open",
    started_at="2025-01-01T00:00:00Z",
    stages=(STAGE,),
)


@pytest.mark.parametrize("value", [METRIC, STAGE, RUN], ids=lambda value: type(value).__name__)
def test_trusted_value_behaves_as_the_validated_one(value: Value) -> None:
    build = trusted(type(value))
    copy = build({name: getattr(value, name) for name in type(value).model_fields})
    assert copy == value
    assert copy.to_json() == value.to_json()
    assert pickle.loads(pickle.dumps(copy)) == value.model_copy(deep=True) == value
    assert copy.model_fields_set == {*type(value).model_fields}
    with pytest.raises(Exception, match="frozen"):
        copy.metric_key = "other"  # of any of the models
