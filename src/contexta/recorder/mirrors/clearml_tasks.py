"""ClearML: scalars of a ``Logger``, and parameters that are connected to a ``Task``.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder.replaced_methods import after, argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Mapping

    from contexta.recorder.mirrors.mirror import Mirror, MirroredRun

_NAME = "clearml"
_SECTION = "General"  # of parameters without another one
_SINGLE = -(2**31)  # the iteration of a value that belongs to none
_SUMMARY = "Summary"  # the title of such values


class Tasks:
    """The tasks of this process and their runs."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._runs: Dict[str, MirroredRun] = {}

    def run_of(self, task: Any) -> MirroredRun:
        """The run of a task, which begins with the first value or parameter."""
        run = self._runs.get(task.id)
        if run is None:
            run = self._runs[task.id] = self._mirror.begin(_NAME, str(task.id), str(task.name) or None)
            run.tags(dict.fromkeys(task.get_tags() or (), ""))
        return run

    def end(self, task: Any, status: str) -> None:
        run = self._runs.pop(task.id, None)
        if run is not None:
            run.finish(_NAME, status)


def replace_logger(tasks: Tasks, module: ModuleType) -> None:
    """Follow the loggers of the module ``clearml.logger``."""

    def report(logger: Any, arguments: Any, options: Any, _: Any) -> None:
        title, series = argument(arguments, options, 0, "title"), argument(arguments, options, 1, "series")
        value, step = argument(arguments, options, 2, "value"), argument(arguments, options, 3, "iteration")
        run = tasks.run_of(logger._task)
        if title == _SUMMARY and step == _SINGLE:
            run.summary(_NAME, {series: value})
        else:
            run.log(_NAME, {f"{title}/{series}" if series and series != title else title: value}, step)

    after(getattr(module, "Logger", None), "report_scalar", report)


def replace_task(tasks: Tasks, module: ModuleType) -> None:
    """Follow the tasks of the module ``clearml.task``."""

    def connect(task: Any, arguments: Any, options: Any, _: Any) -> None:
        values = argument(arguments, options, 0, "mutable")
        if isinstance(values, dict):
            tasks.run_of(task).params(_named(values, argument(arguments, options, 1, "name")))

    def set_parameter(task: Any, arguments: Any, options: Any, _: Any) -> None:
        name, value = argument(arguments, options, 0, "name"), argument(arguments, options, 1, "value")
        tasks.run_of(task).params({_without_section(name): value})

    def set_parameters(task: Any, arguments: Any, options: Any, _: Any) -> None:
        for values in (*arguments, options):
            if isinstance(values, dict):
                tasks.run_of(task).params({_without_section(name): value for name, value in values.items()})

    def close(task: Any, *_: Any) -> None:
        tasks.end(task, "completed")

    def fail(task: Any, *_: Any) -> None:
        tasks.end(task, "failed")

    task_class = getattr(module, "Task", None)
    after(task_class, "connect", connect)
    after(task_class, "set_parameter", set_parameter)
    after(task_class, "set_parameters", set_parameters)
    after(task_class, "close", close)
    after(task_class, "mark_failed", fail)


def _named(values: Mapping[str, Any], section: Any) -> Dict[str, Any]:
    prefix = f"{section}/" if section and section != _SECTION else ""
    return {f"{prefix}{name}": value for name, value in values.items()}


def _without_section(name: Any) -> str:
    text = str(name)
    return text[len(_SECTION) + 1 :] if text.startswith(f"{_SECTION}/") else text
