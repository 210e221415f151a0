from __future__ import annotations

from typing import Any

import pytest
from support.builders import END, a_run, a_snapshot

from contexta.analysis.environments.audit import audit
from contexta.contract import Distribution, EnvironmentSnapshot, Origin
from contexta.findings import MetricValue, RunDetails, StageSummary

METRIC = MetricValue(metric_key="accuracy", value=0.9, observed_at=END)
RUN = RunDetails(**dict(a_run()), stages=(StageSummary(stage_name="train", status="completed", metrics=(METRIC,)),))


def captured(**origin: Any) -> EnvironmentSnapshot:
    report = Distribution(name="numpy", version="1.24.0", build="0" * 64, origin=Origin(**{"kind": "index", **origin}))
    return a_snapshot(packages={}, distributions=[report])


def statuses(snapshot: EnvironmentSnapshot | None, run: RunDetails = RUN) -> dict[str, str]:
    return {check.name: check.status for check in audit(run, snapshot).checks}


def test_run_without_a_snapshot_is_missing() -> None:
    report = audit(RUN, None)
    assert report.reproducibility_status == "missing"
    assert (report.python_version, report.platform, report.package_count) == (None, None, 0)
    assert "record the next run" in (report.checks[0].fix or "")


def test_names_and_versions_by_hand_are_partial() -> None:
    report = audit(RUN, a_snapshot(environment_variables={"OMP_NUM_THREADS": "1"}))
    assert report.reproducibility_status == "partial"
    assert (report.package_count, report.environment_variable_count) == (2, 1)
    assert statuses(a_snapshot())["package origins"] == "unknown"
    assert "package builds" not in statuses(a_snapshot())


def test_captured_environment_from_an_index_is_complete() -> None:
    assert audit(RUN, captured()).reproducibility_status == "complete"
    for origin in (
        {"kind": "vcs", "commit": "abc", "url": "https://example.org/x.git"},
        {"kind": "archive", "url": "https://example.org/x.whl"},
        {"kind": "conda"},
    ):
        assert audit(RUN, captured(**origin)).reproducibility_status == "complete"


@pytest.mark.parametrize(
    "origin",
    [
        {"kind": "directory", "url": "file:///x"},
        {"kind": "editable", "url": "file:///x"},
        {"kind": "unknown"},
        {"kind": "archive", "url": "file:///x.whl"},
        {"kind": "archive"},
        {"kind": "vcs", "url": "https://example.org/x.git"},
        {"kind": "vcs", "commit": "abc"},
        {"kind": "vcs", "url": "https://example.org/x.git", "commit": "abc", "dirty": True},
    ],
)
def test_package_that_cannot_be_had_again_makes_it_partial(origin: dict[str, Any]) -> None:
    report = audit(RUN, captured(**origin))
    assert report.reproducibility_status == "partial"
    assert any("numpy" in note for note in report.completeness_notes)


def test_every_shortcoming_says_what_to_do_and_stands_in_the_notes() -> None:
    bare = RunDetails(**dict(a_run()))
    report = audit(bare, a_snapshot(packages={}, python_version="3.11", notes=[{"topic": "git", "text": "missing"}]))
    short = [check for check in report.checks if check.status != "pass"]
    of_the_environment = {"python version", "packages", "package origins"}
    of_the_run = {"metrics", "source", "command", "parameters", "seed", "inputs", "rebuilt", "rerun"}
    assert {check.name for check in short} == of_the_environment | of_the_run
    assert all(check.fix for check in short)
    assert len(report.completeness_notes) == len(short)
