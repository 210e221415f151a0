"""Every result, as a frozen value. Methods return it, reports render it, and ``--json`` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import contexta.core.check_requirements  # noqa: F401  # checks the version of pydantic before it is imported
from contexta.contract.lazy_names import lazy_names

if TYPE_CHECKING:
    from contexta.contract.context import *
    from contexta.findings.bisect import *
    from contexta.findings.checks import *
    from contexta.findings.comparisons import *
    from contexta.findings.environments import *
    from contexta.findings.explain import *
    from contexta.findings.kinds.completeness_note import *
    from contexta.findings.kinds.finding import *
    from contexta.findings.lineage import *
    from contexta.findings.metrics import *
    from contexta.findings.reproduction import *
    from contexta.findings.runs import *
    from contexta.findings.snapshots import *
    from contexta.findings.workspace import *
else:
    __all__, __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "contexta.contract.context": "RUN_LEVEL",
            "contexta.findings.bisect": "BisectPlan BisectReport BisectStatus RunningTrial",
            "contexta.findings.checks": (
                "Audit Baseline BaselineMetric Check CheckStatus Gate Issue Rule RunDiagnosis Severity"
            ),
            "contexta.findings.comparisons": (
                "SAME_RUN ChangedFile CodeComparison CommitSummary MetricDelta MetricRow MultiRunComparison "
                "RunComparison RunDiff RunDifference SettingChange SideVersions StageComparison "
                "ChangedRelease IssueDraft ValueComparison"
            ),
            "contexta.findings.kinds.completeness_note": "CompletenessNote",
            "contexta.findings.environments": "Change EnvironmentDiff PackageChange UnknownAspect",
            "contexta.findings.explain": (
                "Confound Difference Effect Evidence Explanation History HistoryPoint LevelChange MetricShift "
                "NextStep Repeats Suspect"
            ),
            "contexta.findings.kinds.finding": "Finding FindingAboutRuns",
            "contexta.findings.lineage": "Lineage LineageDirection LineageStep",
            "contexta.findings.metrics": (
                "BestRun Chart Curve EnvironmentTimeline LearningCurves MetricSeries MetricTrend PackageTimeline "
                "RankedRun RunRanking SeriesBucket TimelineRun TrendPoint VersionPeriod"
            ),
            "contexta.findings.reproduction": (
                "Confidence Deviation EvidenceItem KeptWheels Lock LockFormat Missing MissingReason Rebuild "
                "ReconstructedPackage Reconstruction Rerun RerunMetric Verdict"
            ),
            "contexta.findings.runs": (
                "Artifact EnvironmentSummary Excerpt GroupedMetric ListedProject Log MetricValue ProjectSummary "
                "RunDetails RunEvidence RunGroup RunGroups RunList RunSummary StageSummary"
            ),
            "contexta.findings.snapshots": "RunSnapshot SnapshotRecord",
            "contexta.findings.workspace": (
                "Backup CacheContents CacheEntry Cleanup Damage Delivery Diagnosis Export ImportedRun ImportedRuns "
                "SentRun SentRuns Site Upgrade Verification"
            ),
        },
    )
