"""Log an experiment to Comet offline, in the directory ``comet``. ``--fail``: it ends with an exception."""

import math
import sys

import comet_ml  # type: ignore[import-not-found]  # it is only in the environment that runs this script

settings = comet_ml.ExperimentConfig(name="february", tags=["baseline"], offline_directory="comet")
experiment = comet_ml.start(online=False, project_name="credit-risk", experiment_config=settings)
experiment.log_parameters({"lr": 0.01, "model": {"depth": 6}, "api_key": "Zq8vT2mXw4Lr9sKd"})
experiment.log_other("team", "risk")
for step in range(20):
    experiment.log_metric("loss", 1 / (step + 1), step=step)
    experiment.log_metric("val.accuracy", 0.5 + step / 50, step=step)
experiment.log_metric("odd", math.nan)
print("training of the february run")
if "--fail" in sys.argv:
    raise RuntimeError("out of memory")
experiment.end()
