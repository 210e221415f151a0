from __future__ import annotations

from typing import Any

import pytest
from support.builders import END, a_run, a_snapshot

from contexta.analysis.environments.audit import audit
from contexta.analysis.environments.availability import Availability, PastRebuild
from contexta.contract import Distribution, EnvironmentSnapshot, Origin
from contexta.findings import Audit, Check, MetricValue, Missing, RerunMetric, RunDetails, StageSummary

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
def test_package_that_cannot_be_reinstalled_makes_the_audit_partial(origin: dict[str, Any]) -> None:
    report = audit(RUN, captured(**origin))
    assert report.reproducibility_status == "partial"
    assert any("numpy" in note for note in report.completeness_notes)


def test_every_failed_check_has_a_hint_and_a_note() -> None:
    bare = RunDetails(**dict(a_run()))
    report = audit(bare, a_snapshot(packages={}, python_version="3.11", notes=[{"topic": "git", "text": "missing"}]))
    short = [check for check in report.checks if check.status != "pass"]
    of_the_environment = {"python version", "packages", "package origins"}
    of_the_run = {"metrics", "source", "command", "parameters", "seed", "inputs", "rebuilt", "rerun"}
    assert {check.name for check in short} == of_the_environment | of_the_run
    assert all(check.fix for check in short)
    assert len(report.completeness_notes) == len(short)


def checks_of(report: Audit) -> dict[str, Check]:
    return {check.name: check for check in report.checks}


def test_the_headline_names_the_worst_checks() -> None:
    report = audit(RUN, captured(kind="editable", url="file:///x"))
    assert report.headline.startswith("partial; warnings: package origins, ")
    assert report.worst == "warn"
    changed = audit(RUN, captured(), Availability(inputs={"data": "changed"}))
    assert (changed.headline, changed.worst) == ("complete; failed: inputs", "fail")
    assert audit(RUN, None).headline.startswith("missing; failed: environment recorded")


@pytest.mark.parametrize(
    "availability",
    [
        Availability(rebuilds=[PastRebuild("impossible", "2025-02-15T08:00:00Z", "here")]),
        Availability(edits=[{"name": "numpy", "path": "numpy/core.py", "change": "changed"}]),
        Availability(
            missing=[Missing(name="numpy", version="1", reason="release removed", detail="gone", help="find it")]
        ),
    ],
)
def test_a_failed_check_that_a_rebuild_needs_makes_it_partial(availability: Availability) -> None:
    assert audit(RUN, captured(), availability).reproducibility_status == "partial"


def test_commands_in_hints_name_the_run() -> None:
    fixes = " ".join(check.fix or "" for check in audit(RUN, captured()).checks)
    assert "contexta rebuild p.r --into rebuilt" in fixes
    assert "contexta rerun p.r" in fixes


def test_arguments_of_the_command_count_as_parameters() -> None:
    run = RunDetails(**dict(a_run(metadata={"command": ["python", "train.py", "--lr", "0.1"]})))
    check = checks_of(audit(run, captured()))["parameters"]
    assert (check.status, check.detail) == ("pass", "in the command: --lr 0.1")


def test_what_was_rebuilt_and_reproduced_is_not_in_doubt() -> None:
    metric = {"stage_name": "(run)", "metric_key": "x", "recorded": 1, "rerun": 1, "apart": 0.0, "within": True}
    done = Availability(
        rebuilds=[PastRebuild("match", "2025-02-15T08:00:00Z", "here")], reruns=[(RerunMetric(**metric),)]
    )
    snapshot = captured(kind="editable", url="file:///x").model_copy(update={"interpreter": {"hash_seed": "random"}})
    checks = checks_of(audit(RUN, snapshot, done))
    assert checks["package origins"].detail == "the rebuild on here also reinstalled numpy (an editable install)"
    assert checks["seed"].detail == "no seed was recorded, but the rerun reproduced every metric"
    assert {checks[name].status for name in ("package origins", "seed", "text hashing")} == {"pass"}
    differing = Availability(reruns=[(RerunMetric(**{**metric, "rerun": 2, "apart": 1.0, "within": False}),)])
    assert checks_of(audit(RUN, snapshot, differing))["seed"].status == "warn"
