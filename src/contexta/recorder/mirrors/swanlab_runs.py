"""SwanLab: runs of ``swanlab.init``, before and after 0.7.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.recorder.replaced_methods import after, argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Set, Tuple

    from contexta.recorder.mirrors.mirror import Mirror, MirroredRun

_NAME = "swanlab"


def replace(mirror: Mirror, module: ModuleType) -> None:
    """Follow the runs of ``swanlab.sdk.internal.run``."""
    runs: Dict[int, Tuple[Any, MirroredRun]] = {}  # by the id of SwanLab's run, which is kept so that no other has it
    configured: Set[int] = set()  # ids of runs whose parameters were read; SwanLab sets them some time after the start

    def begin(run: Any, *_: Any) -> None:
        folder = os.path.basename(str(getattr(run._ctx, "run_dir", "")))
        name = getattr(getattr(run._ctx.config.settings, "experiment", None), "name", None)
        mirrored = mirror.begin(_NAME, folder or str(run.id), name or None)
        runs[id(run)] = run, mirrored

    def log(run: Any, arguments: Any, options: Any, _: Any) -> None:
        entry = runs.get(id(run))
        if entry is not None:
            if id(run) not in configured:
                configured.add(id(run))
                entry[1].params(dict(run.config))
            values = arguments[0] if arguments else options["data"]
            step = arguments[1] if len(arguments) > 1 else options.get("step")
            entry[1].log(_NAME, values, run._ctx._global_step if step is None else step)

    def finish(run: Any, arguments: Any, options: Any, _: Any, config: Any) -> None:
        entry = runs.pop(id(run), None)
        configured.discard(id(run))
        if entry is not None:
            entry[1].params(config or {})
            entry[1].finish(_NAME, _STATUSES.get(str(argument(arguments, options, 0, "state")), "completed"))

    run_class = getattr(module, "Run", None)
    after(run_class, "__init__", begin)
    after(run_class, "log", log)
    after(run_class, "finish", finish, before=lambda run, *_: dict(run.config))


_STATUSES = {"crashed": "failed", "aborted": "cancelled"}


def replace_before_0_7(mirror: Mirror, module: ModuleType) -> None:
    """Follow the runs of ``swanlab.data.run.main``, whose metrics each count their own steps."""
    runs: Dict[int, Tuple[Any, MirroredRun, Dict[str, int]]] = {}

    def begin(run: Any, *_: Any) -> None:
        settings = getattr(run.public, "cloud", None)
        name = getattr(settings, "experiment_name", None)
        mirrored = mirror.begin(_NAME, os.path.basename(str(run.public.run_dir)), name or None)
        runs[id(run)] = run, mirrored, {}
        mirrored.params(dict(run.config))

    def log(run: Any, arguments: Any, options: Any, _: Any) -> None:
        entry = runs.get(id(run))
        if entry is not None:
            _, mirrored, counts = entry
            step = argument(arguments, options, 1, "step")
            for name, value in mirrored.numbers_of(_NAME, argument(arguments, options, 0, "data")).items():
                counts[name] = count = counts.get(name, 0) + 1
                mirrored.log(_NAME, {name: value}, count - 1 if step is None else step)

    run_class = getattr(module, "SwanLabRun", None)
    after(run_class, "__init__", begin)
    after(run_class, "log", log)
