"""Log a run to DVCLive, in the directory ``dvclive``; in a repository of DVC it becomes an experiment."""

import math
import sys

from dvclive import Live  # type: ignore[import-not-found]  # it is only in the environment that runs this script

with Live("dvclive", exp_name=sys.argv[1] if len(sys.argv) > 1 else None) as live:
    live.log_params({"lr": 0.01, "model": {"depth": 6}, "api_key": "Zq8vT2mXw4Lr9sKd"})
    for step in range(20):
        live.log_metric("loss", 1 / (step + 1))
        live.log_metric("val/accuracy", 0.5 + step / 50, timestamp=True)
        live.next_step()
    live.log_metric("odd", math.nan)
    live.log_metric("best", 0.91, plot=False)
