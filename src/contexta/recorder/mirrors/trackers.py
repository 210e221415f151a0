"""The trackers whose values are recorded: the modules that define their classes, and what replaces their methods.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import List

    from contexta.recorder.mirrors.mirror import Mirror, RunFor

MODULES = (
    "wandb.sdk.wandb_run",
    "mlflow.tracking.client",
    "torch.utils.tensorboard.writer",
    "tensorboardX.writer",
    "trackio.run",
)
"""The modules that define the classes of trackers."""


def watch(run_for: RunFor) -> None:
    """Record what the program logs to trackers, from their import on. run_for: as in ``Mirror``.

    The modules below are imported with the first tracker: most programs have none.
    """
    mirrors: List[Mirror] = []

    def mirror() -> Mirror:
        from contexta.recorder.mirrors.mirror import Mirror

        if not mirrors:
            mirrors.append(Mirror(run_for))
        return mirrors[0]

    def wandb(module: ModuleType) -> None:
        from contexta.recorder.mirrors import wandb_runs

        wandb_runs.replace(mirror(), module)

    def mlflow(module: ModuleType) -> None:
        from contexta.recorder.mirrors import mlflow_runs

        mlflow_runs.replace(mirror(), module)

    def tensorboard(module: ModuleType) -> None:
        from contexta.recorder.mirrors import summary_writers

        summary_writers.replace(mirror(), module)

    def trackio(module: ModuleType) -> None:
        from contexta.recorder.mirrors import trackio_runs

        trackio_runs.replace(mirror(), module)

    functions = (wandb, mlflow, tensorboard, tensorboard, trackio)
    after_import.watch(dict(zip(MODULES, functions)))
