"""Trackio: runs of ``trackio.init``.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder.replaced_methods import after, argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Tuple

    from contexta.recorder.mirrors.mirror import Mirror, MirroredRun

_NAME = "trackio"


def replace(mirror: Mirror, module: ModuleType) -> None:
    """Follow the runs of the module ``trackio.run``."""
    runs: Dict[int, Tuple[Any, MirroredRun]] = {}  # by the id of Trackio's run, which is kept so that no other has it

    def begin(run: Any, arguments: Any, options: Any, _: Any) -> None:
        run_name = argument(arguments, options, 3, "name")
        identities = [f"{run.project} {run.name}", *filter(None, [getattr(run, "id", None)])]
        mirrored = mirror.begin(_NAME, f"{run.project}/{run.name}", run_name or None, identities)
        runs[id(run)] = run, mirrored
        config = getattr(run, "config", None) or {}
        mirrored.params({name: value for name, value in config.items() if not str(name).startswith("_")})

    def log(run: Any, arguments: Any, options: Any, _: Any, step_before: Any) -> None:
        entry = runs.get(id(run))
        if entry is not None:
            values = arguments[0] if arguments else options["metrics"]
            step = arguments[1] if len(arguments) > 1 else options.get("step")
            entry[1].log(_NAME, values, step_before if step is None else step)

    def finish(run: Any, *_: Any) -> None:
        mirrored = runs.pop(id(run), None)
        if mirrored is not None:
            mirrored[1].finish(_NAME)

    run_class = getattr(module, "Run", None)
    after(run_class, "__init__", begin)
    after(run_class, "log", log, before=lambda run, *_: run._next_step)
    after(run_class, "finish", finish)
