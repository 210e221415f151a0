"""Log a small run to W&B offline, in the working directory. Every version since 0.12 understands this."""

import math
import os
import sys
import time

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true")

import wandb  # type: ignore[import-not-found]  # it is only in the environment that runs this script

run = wandb.init(
    project="credit-risk",
    name="february",
    notes="before the upgrade",
    tags=["baseline", "weekly"],
    config={"lr": 0.01, "model": {"depth": 6, "kind": "gbm"}, "api_key": "Zq8vT2mXw4Lr9sKd"},
)
for step in range(20):
    run.log({"loss": 1 / (step + 1), "val": {"accuracy": 0.5 + step / 50}, "count": step})
run.log({"odd": math.nan})
run.summary["best"] = 0.91
print("training of the february run")
time.sleep(3)  # old versions write their files in the background
if "--crash" in sys.argv:
    os._exit(1)
run.finish()
