"""Ask what changed between last month's run and this month's.

    uv run examples/case_studies/case02_analyze_performance_regression.py

Run case02_seed_performance_regression_data.py first: it records the two runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig

PROJECT = "product-categorization"
LAST_MONTH = f"run:{PROJECT}.last-month"
THIS_MONTH = f"run:{PROJECT}.this-month"


def main(workspace: Path = Path(".contexta")) -> None:
    config = UnifiedConfig(project_name=PROJECT, workspace=WorkspaceConfig(root_path=workspace))
    with Contexta(config=config) as ctx:
        print("Metric comparison: last-month -> this-month")
        for stage in ctx.compare_runs(LAST_MONTH, THIS_MONTH).stage_comparisons:
            for metric in stage.metric_deltas:
                if metric.delta is not None:
                    print(f"{stage.stage_name}/{metric.metric_key}: {metric.delta:+.4f}")

        environment = ctx.compare_environments(LAST_MONTH, THIS_MONTH)
        print("\nEnvironment changes:")
        print(f"Python changed: {environment.python_version_changed}")
        for change in environment.changed_packages:
            print(change)

        audit = ctx.audit_reproducibility(THIS_MONTH)
        print(f"\nReproducibility: {audit.reproducibility_status}")
        print(f"Packages logged: {audit.package_count}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
