"""Log a run of Sacred to the file storage ``sacred_runs``. ``mode``: how it ends."""

import math
import os

from sacred import Experiment  # type: ignore[import-not-found]  # it is only in the environment that runs this script
from sacred.observers import FileStorageObserver  # type: ignore[import-not-found]  # as above

experiment = Experiment("credit-risk", save_git_info="GIT" in os.environ)
experiment.observers.append(FileStorageObserver("sacred_runs"))
experiment.add_config(lr=0.01, model={"depth": 6}, sizes=(8, 16), api_key="Zq8vT2mXw4Lr9sKd", mode="completed", seed=21)


@experiment.automain
def train(_run, mode):  # type: ignore[no-untyped-def]  # Sacred passes them by name
    for step in range(20):
        _run.log_scalar("loss", 1 / (step + 1), step)
        _run.log_scalar("val.accuracy", 0.5 + step / 50, step)
    _run.log_scalar("odd", math.nan)
    _run.info["best"] = 0.91
    print("training of the february run")
    if mode == "failed":
        raise RuntimeError("out of memory")
    if mode == "crashed":
        _run._emit_heartbeat()
        os._exit(1)
    return 0.91
