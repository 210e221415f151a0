"""Decide whether a candidate may replace the model in production, and say why."""

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig

PROJECT_NAME = "fraud-detector"
PRODUCTION = f"run:{PROJECT_NAME}.production"
MAX_RECALL_DROP = 0.01

ctx = Contexta(config=UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=".contexta")))


def decide(candidate: str) -> list[str]:
    """The reasons against a candidate."""
    reasons = []
    comparison = ctx.compare_runs(PRODUCTION, candidate)
    for stage in comparison.stage_comparisons:
        for delta in stage.metric_deltas:
            if delta.metric_key == "auc" and (delta.delta is None or delta.delta <= 0):
                reasons.append("auc did not improve")
            if delta.metric_key == "recall" and (delta.delta is None or delta.delta < -MAX_RECALL_DROP):
                reasons.append(f"recall fell by {-(delta.delta or 0):.2f}")
    problems = [issue for issue in ctx.diagnose_run(candidate).issues if issue.severity in ("error", "warning")]
    reasons += [f"{issue.code}: {issue.summary}" for issue in problems]
    environment = ctx.compare_environments(PRODUCTION, candidate)
    if environment.python_version_changed or environment.changed_packages:
        reasons.append("the environment differs from production")
    if ctx.audit_reproducibility(candidate).reproducibility_status == "missing":
        reasons.append("the environment was not recorded")
    return reasons


try:
    for name in ("candidate-a", "candidate-b"):
        reasons = decide(f"run:{PROJECT_NAME}.{name}")
        print(f"{name}: {'REJECTED' if reasons else 'APPROVED'}")
        for reason in reasons:
            print(f"  - {reason}")

    print("\nThe same as rules:")
    for name in ("candidate-a", "candidate-b"):
        gate = ctx.check_run(
            name, against="production", require=["auc>=0.945"], max_drop=["recall=0.01"], env="packages"
        )
        failed = [rule.name for rule in gate.rules if rule.status != "pass"]
        print(f"{name}: {'passed' if gate.passed else 'not passed: ' + ', '.join(failed)}")
finally:
    ctx.close()
