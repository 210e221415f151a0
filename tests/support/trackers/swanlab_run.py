"""Log a run to SwanLab offline, in the directory ``swanlog``. ``--crash``: it has no end."""

import math
import os
import sys
import time

import swanlab  # type: ignore[import-not-found]  # it is only in the environment that runs this script

swanlab.init(
    project="credit-risk",
    experiment_name="february",
    description="before the upgrade",
    tags=["baseline"],
    config={"lr": 0.01, "model": {"depth": 6}, "api_key": "Zq8vT2mXw4Lr9sKd"},
    mode="offline",
    logdir="swanlog",
)
for step in range(20):
    swanlab.log({"loss": 1 / (step + 1), "val": {"accuracy": 0.5 + step / 50}})
swanlab.log({"odd": math.nan})
print("training of the february run")
if "--crash" in sys.argv:
    time.sleep(2)  # the log is written in the background
    os._exit(1)
swanlab.finish()
