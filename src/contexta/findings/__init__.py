"""Every answer Contexta gives, as frozen values; a module a topic.

The same value is what a method returns, what a screen renders, and what ``--json`` prints; faces compute nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old

if TYPE_CHECKING:
    from contexta.contract.context import RUN_LEVEL
    from contexta.findings.audit import Audit, Check, CheckStatus
    from contexta.findings.bisect import BisectPlan, BisectReport
    from contexta.findings.comparisons import (
        SAME_RUN,
        InputComparison,
        MetricDelta,
        MetricRow,
        MultiRunComparison,
        RunComparison,
        RunDiff,
        StageComparison,
    )
    from contexta.findings.diagnosis import Issue, RunDiagnosis, Severity
    from contexta.findings.environments import Change, EnvironmentDiff, PackageChange
    from contexta.findings.explain import (
        Confound,
        Difference,
        Effect,
        Evidence,
        Explanation,
        History,
        HistoryPoint,
        MetricShift,
        NextStep,
        Repeats,
        Step,
        Suspect,
        Unknown,
    )
    from contexta.findings.finding import Finding
    from contexta.findings.gate import Gate, Rule
    from contexta.findings.lineage import Direction, Lineage, LineageStep
    from contexta.findings.locks import Lock, LockFormat
    from contexta.findings.rebuilds import Deviation, Missing, MissingReason, Rebuild, Verdict
    from contexta.findings.reruns import Rerun, RerunMetric
    from contexta.findings.runs import (
        Artifact,
        EnvironmentSummary,
        Log,
        MetricValue,
        ProjectSummary,
        RunDetails,
        RunList,
        RunSummary,
        StageSummary,
    )
    from contexta.findings.selection import BestRun, Candidate
    from contexta.findings.series import MetricSeries, SeriesBucket
    from contexta.findings.snapshots import RunSnapshot, SnapshotRecord
    from contexta.findings.timeline import PackageTimeline, TimelineRun, VersionPeriod
    from contexta.findings.trend import MetricTrend, TrendPoint
    from contexta.findings.workspace import Backup, Cleanup, Damage, Delivery, Diagnosis, Export, Upgrade, Verification

__all__ = [
    "Gate",
    "Rule",
    "Unknown",
    "Suspect",
    "Step",
    "Repeats",
    "NextStep",
    "MetricShift",
    "HistoryPoint",
    "History",
    "Explanation",
    "Evidence",
    "Effect",
    "Difference",
    "Confound",
    "SAME_RUN",
    "RUN_LEVEL",
    "Artifact",
    "Audit",
    "Backup",
    "BestRun",
    "BisectPlan",
    "BisectReport",
    "Candidate",
    "Delivery",
    "Upgrade",
    "Change",
    "Check",
    "CheckStatus",
    "Cleanup",
    "Damage",
    "Diagnosis",
    "Direction",
    "EnvironmentDiff",
    "EnvironmentSummary",
    "Export",
    "Finding",
    "InputComparison",
    "Log",
    "Issue",
    "Lineage",
    "LineageStep",
    "MetricDelta",
    "MetricRow",
    "MetricSeries",
    "MetricTrend",
    "MetricValue",
    "MultiRunComparison",
    "PackageChange",
    "PackageTimeline",
    "ProjectSummary",
    "RunComparison",
    "RunDetails",
    "RunDiagnosis",
    "RunDiff",
    "RunList",
    "RunSnapshot",
    "RunSummary",
    "Severity",
    "SnapshotRecord",
    "SeriesBucket",
    "StageComparison",
    "StageSummary",
    "TimelineRun",
    "TrendPoint",
    "Verification",
    "Deviation",
    "Missing",
    "MissingReason",
    "Rebuild",
    "Verdict",
    "Rerun",
    "RerunMetric",
    "VersionPeriod",
    "Lock",
    "LockFormat",
]

_HOMES = {
    "contexta.contract.context": ("RUN_LEVEL",),
    "contexta.findings.audit": (
        "Audit",
        "Check",
        "CheckStatus",
    ),
    "contexta.findings.bisect": (
        "BisectPlan",
        "BisectReport",
    ),
    "contexta.findings.comparisons": (
        "SAME_RUN",
        "InputComparison",
        "MetricDelta",
        "MetricRow",
        "MultiRunComparison",
        "RunComparison",
        "RunDiff",
        "StageComparison",
    ),
    "contexta.findings.diagnosis": (
        "Issue",
        "RunDiagnosis",
        "Severity",
    ),
    "contexta.findings.environments": (
        "Change",
        "EnvironmentDiff",
        "PackageChange",
    ),
    "contexta.findings.explain": (
        "Confound",
        "Difference",
        "Effect",
        "Evidence",
        "Explanation",
        "History",
        "HistoryPoint",
        "MetricShift",
        "NextStep",
        "Repeats",
        "Step",
        "Suspect",
        "Unknown",
    ),
    "contexta.findings.finding": ("Finding",),
    "contexta.findings.gate": (
        "Gate",
        "Rule",
    ),
    "contexta.findings.lineage": (
        "Direction",
        "Lineage",
        "LineageStep",
    ),
    "contexta.findings.locks": (
        "Lock",
        "LockFormat",
    ),
    "contexta.findings.rebuilds": (
        "Deviation",
        "Missing",
        "MissingReason",
        "Rebuild",
        "Verdict",
    ),
    "contexta.findings.reruns": (
        "Rerun",
        "RerunMetric",
    ),
    "contexta.findings.runs": (
        "Artifact",
        "EnvironmentSummary",
        "Log",
        "MetricValue",
        "ProjectSummary",
        "RunDetails",
        "RunList",
        "RunSummary",
        "StageSummary",
    ),
    "contexta.findings.selection": (
        "BestRun",
        "Candidate",
    ),
    "contexta.findings.series": (
        "MetricSeries",
        "SeriesBucket",
    ),
    "contexta.findings.snapshots": (
        "RunSnapshot",
        "SnapshotRecord",
    ),
    "contexta.findings.timeline": (
        "PackageTimeline",
        "TimelineRun",
        "VersionPeriod",
    ),
    "contexta.findings.trend": (
        "MetricTrend",
        "TrendPoint",
    ),
    "contexta.findings.workspace": (
        "Backup",
        "Cleanup",
        "Damage",
        "Delivery",
        "Diagnosis",
        "Export",
        "Upgrade",
        "Verification",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Names are handed out lazily (PEP 562): who asks one question does not wait for the models of all others."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOME[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
