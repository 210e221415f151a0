"""Log a run to Trackio, to the directory of the variable TRACKIO_DIR."""

import trackio  # type: ignore[import-not-found]  # it is only in the environment that runs this script

trackio.init(project="credit-risk", name="february", config={"lr": 0.01, "model": {"depth": 6}})
for step in range(20):
    trackio.log({"loss": 1 / (step + 1), "val": {"accuracy": 0.5 + step / 50}})
trackio.log({"odd": float("nan")})
trackio.finish()
