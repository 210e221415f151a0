"""Log runs to MLflow, to the store that the first argument names: ``sqlite:///mlflow.db`` or ``./mlruns``."""

import math
import sys

import mlflow

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("credit-risk")
with mlflow.start_run(run_name="february", tags={"team": "risk"}):
    mlflow.log_params({"lr": 0.01, "depth": 6, "api_key": "Zq8vT2mXw4Lr9sKd"})
    for step in range(20):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metric("odd", math.nan, step=0)
    mlflow.log_metric("high", math.inf, step=0)
mlflow.start_run(run_name="march")
mlflow.log_metric("loss", 0.25, step=0)
mlflow.end_run("FAILED")
mlflow.start_run(run_name="april")
mlflow.log_metric("loss", 0.5, step=3)
if "--model" in sys.argv:
    import numpy
    from sklearn.linear_model import LinearRegression  # type: ignore[import-not-found]  # as above

    mlflow.sklearn.log_model(LinearRegression().fit(numpy.eye(2), [1.0, 2.0]), "model")
sys.stdout.flush()
__import__("os")._exit(0)  # april has no end
