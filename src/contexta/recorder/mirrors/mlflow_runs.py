"""MLflow: runs of the fluent functions and of ``MlflowClient``, which the fluent functions and autologging call.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder.mirrors import images
from contexta.recorder.replaced_methods import after, argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Mapping

    from contexta.recorder.mirrors.mirror import Mirror, MirroredRun

_NAME = "mlflow"
_OWN_TAG = "contexta.run"  # of contexta.integrations.mlflow: the run that was active when the run of MLflow began
_STATUSES = {"FAILED": "failed", "KILLED": "cancelled"}


def replace(mirror: Mirror, module: ModuleType) -> None:
    """Follow the clients of the module ``mlflow.tracking.client``."""
    runs: Dict[str, MirroredRun] = {}

    def run_of(run_id: Any) -> MirroredRun:
        run = runs.get(run_id)
        if run is None:  # a run that the program continues
            run = runs[run_id] = mirror.begin(_NAME, str(run_id))
        return run

    def create(client: Any, arguments: Any, options: Any, created: Any) -> None:
        run_id = created.info.run_id
        name = argument(arguments, options, 3, "run_name")
        tags = argument(arguments, options, 2, "tags") or {}
        runs[run_id] = run = mirror.begin(_NAME, str(run_id), name or None)
        run.tags(_tags_of_program(tags))
        if tags.get(_OWN_TAG, run.reference) != run.reference:  # this run of MLflow is a separate run
            client.set_tag(run_id, _OWN_TAG, run.reference)

    def log_metric(_: Any, arguments: Any, options: Any, __: Any) -> None:
        key, value = argument(arguments, options, 1, "key"), argument(arguments, options, 2, "value")
        step = argument(arguments, options, 4, "step")
        run_of(argument(arguments, options, 0, "run_id")).log(_NAME, {key: value}, 0 if step is None else step)

    def log_batch(_: Any, arguments: Any, options: Any, __: Any) -> None:
        run = run_of(argument(arguments, options, 0, "run_id"))
        for metric in argument(arguments, options, 1, "metrics", default=()):
            run.log(_NAME, {metric.key: metric.value}, metric.step)
        run.params({param.key: param.value for param in argument(arguments, options, 2, "params", default=())})
        tags = {tag.key: tag.value for tag in argument(arguments, options, 3, "tags", default=())}
        run.tags(_tags_of_program(tags))

    def log_param(_: Any, arguments: Any, options: Any, __: Any) -> None:
        key, value = argument(arguments, options, 1, "key"), argument(arguments, options, 2, "value")
        run_of(argument(arguments, options, 0, "run_id")).params({key: value})

    def set_tag(_: Any, arguments: Any, options: Any, __: Any) -> None:
        key, value = argument(arguments, options, 1, "key"), argument(arguments, options, 2, "value")
        run_of(argument(arguments, options, 0, "run_id")).tags(_tags_of_program({key: value}))

    def log_image(_: Any, arguments: Any, options: Any, __: Any) -> None:
        run = run_of(argument(arguments, options, 0, "run_id"))
        name = argument(arguments, options, 3, "key") or argument(arguments, options, 2, "artifact_file")
        medium = "image", str(name), images.copied(argument(arguments, options, 1, "image")), None
        run.media(_NAME, [medium], argument(arguments, options, 4, "step"))

    def terminate(_: Any, arguments: Any, options: Any, __: Any) -> None:
        run = runs.pop(argument(arguments, options, 0, "run_id"), None)
        if run is not None:
            run.finish(_NAME, _STATUSES.get(str(argument(arguments, options, 1, "status")), "completed"))

    client = getattr(module, "MlflowClient", None)
    after(client, "create_run", create)
    after(client, "log_metric", log_metric)
    after(client, "log_batch", log_batch)
    after(client, "log_param", log_param)
    after(client, "set_tag", set_tag)
    after(client, "log_image", log_image)
    after(client, "set_terminated", terminate)


def _tags_of_program(tags: Mapping[str, Any]) -> Dict[str, Any]:
    """The tags without those that MLflow and Contexta set."""
    return {key: value for key, value in tags.items() if not str(key).startswith("mlflow.") and key != _OWN_TAG}
