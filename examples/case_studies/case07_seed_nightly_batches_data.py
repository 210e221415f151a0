"""Record five nights of a scoring job while it runs: batches by region, one of which fails."""

from __future__ import annotations

from pathlib import Path

from contexta import Contexta

PROJECT_NAME = "nightly-scoring"
REGIONS = ("eu", "us", "asia")
NIGHTS = {"night-1": 0, "night-2": 0, "night-3": 400, "night-4": 900, "night-5": 0}


def run_example(workspace: Path | str) -> None:
    with Contexta(workspace=workspace, config={"project_name": PROJECT_NAME}) as ctx:
        for night, lost_rows in NIGHTS.items():
            with ctx.run(night, project=PROJECT_NAME, tags={"schedule": "nightly"}) as run:
                total = 0
                with run.stage("score") as stage:
                    for region in REGIONS:
                        rows = 1_000 - (lost_rows if region == "asia" else 0)
                        with stage.batch(region) as batch:
                            batch.metric("rows", rows, unit="rows")
                            if rows < 500:
                                batch.event(
                                    "source.timeout",
                                    f"{region} timed out after {rows} rows",
                                    level="error",
                                    attributes={"region": region, "expected": 1_000},
                                )
                                batch.finish("failed")
                        total += rows
                run.metric("rows_total", total, unit="rows")


if __name__ == "__main__":
    run_example(Path(".contexta"))
    print(f"Recorded {len(NIGHTS)} nights of {PROJECT_NAME}.")
