"""The trackers whose values are recorded, and the modules that define their classes.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Callable, List

    from contexta.recorder.mirrors.clearml_tasks import Tasks
    from contexta.recorder.mirrors.mirror import Mirror

MODULES = (
    "wandb.sdk.wandb_run",
    "mlflow.tracking.client",
    "torch.utils.tensorboard.writer",
    "tensorboardX.writer",
    "trackio.run",
    "swanlab.sdk.internal.run",
    "swanlab.data.run.main",
    "comet_ml.experiment",
    "clearml.logger",
    "clearml.task",
)
"""The modules that define the classes of trackers."""


def watch(mirror: Callable[[], Mirror]) -> None:
    """Record the values that the program logs to trackers, from their import on.

    mirror: returns the mirror of the process. The modules below are imported with the first tracker, as most programs
    have none.
    """

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

    def swanlab(module: ModuleType) -> None:
        from contexta.recorder.mirrors import swanlab_runs

        swanlab_runs.replace(mirror(), module)

    def earlier_swanlab(module: ModuleType) -> None:
        from contexta.recorder.mirrors import swanlab_runs

        swanlab_runs.replace_before_0_7(mirror(), module)

    def comet(module: ModuleType) -> None:
        from contexta.recorder.mirrors import comet_experiments

        comet_experiments.replace(mirror(), module)

    tasks: List[Tasks] = []

    def clearml(module: ModuleType) -> None:
        from contexta.recorder.mirrors import clearml_tasks

        if not tasks:
            tasks.append(clearml_tasks.Tasks(mirror()))
        if module.__name__ == "clearml.logger":
            clearml_tasks.replace_logger(tasks[0], module)
        else:
            clearml_tasks.replace_task(tasks[0], module)

    functions = (
        *(wandb, mlflow, tensorboard, tensorboard, trackio),
        *(swanlab, earlier_swanlab, comet, clearml, clearml),
    )
    after_import.watch(dict(zip(MODULES, functions)))
