"""Write event files with tensorboardX, and hyperparameters, in ``runs/february``."""

import math

from tensorboardX import SummaryWriter  # type: ignore[import-not-found]  # only in the environment that runs this

writer = SummaryWriter("runs/february")
for step in range(20):
    writer.add_scalar("loss", 1 / (step + 1), step, walltime=1_700_000_000.5 + step)
    writer.add_scalar("val/accuracy", 0.5 + step / 50, step, walltime=1_700_000_000.5 + step)
writer.add_scalar("odd", math.nan, 0, walltime=1_700_000_030)
writer.add_text("note", "before the upgrade", 0, walltime=1_700_000_030)
writer.add_hparams({"lr": 0.01, "depth": 6, "kind": "gbm"}, {"best": 0.91}, name="hparams")
writer.close()
