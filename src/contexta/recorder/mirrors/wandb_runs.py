"""W&B: runs of ``wandb.init``, 0.12 and newer.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.recorder.replaced_methods import after, argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Tuple

    from contexta.recorder.mirrors.mirror import Mirror, MirroredRun

_NAME = "wandb"
_OF_WANDB = ("_timestamp", "_runtime")


def replace(mirror: Mirror, module: ModuleType) -> None:
    """Follow the runs of the module ``wandb.sdk.wandb_run``."""
    runs: Dict[int, Tuple[Any, MirroredRun]] = {}  # by the id of W&B's run, which is kept so that no other has it

    def begin(run: Any, *_: Any) -> None:
        settings = run._settings
        folder = os.path.basename(str(getattr(settings, "sync_dir", "") or ""))
        run_name, identities = getattr(settings, "run_name", None), list(filter(None, [folder, str(run.id)]))
        mirrored = mirror.begin(_NAME, identities[0], run_name or None, identities)
        runs[id(run)] = run, mirrored
        config = dict(run.config.items())
        mirrored.params({name: value for name, value in config.items() if not str(name).startswith("_")})
        mirrored.tags(dict.fromkeys(run.tags or (), ""))
        group = getattr(settings, "run_group", None)
        if group:
            mirrored.tags({"group": group})

    def log(run: Any, arguments: Any, options: Any, _: Any, step_before: Any) -> None:
        entry = runs.get(id(run))
        if entry is not None:
            values = arguments[0] if arguments else argument(arguments, options, 0, "data", "row")
            if "_timestamp" in values:  # old versions of W&B add their own values to the mapping
                values = {name: value for name, value in values.items() if name not in _OF_WANDB}
            step = arguments[1] if len(arguments) > 1 else options.get("step")
            entry[1].log(_NAME, values, step_before if step is None else step)

    def configure(run: Any, arguments: Any, options: Any, _: Any) -> None:
        mirrored = runs.get(id(run))
        if mirrored is None:
            return
        key, value = argument(arguments, options, 0, "key"), argument(arguments, options, 1, "val")
        data = argument(arguments, options, 2, "data")
        if data is None and key is not None:
            data = {key if isinstance(key, str) else ".".join(map(str, key)): value}
        mirrored[1].params({name: value for name, value in (data or {}).items() if not str(name).startswith("_")})

    def summarise(run: Any, arguments: Any, options: Any, _: Any) -> None:
        mirrored = runs.get(id(run))
        record = argument(arguments, options, 0, "summary_record")
        if mirrored is not None and record is not None:
            mirrored[1].summary(_NAME, {".".join(map(str, item.key)): item.value for item in record.update})

    def finish(run: Any, arguments: Any, options: Any, _: Any) -> None:
        mirrored = runs.pop(id(run), None)
        if mirrored is not None:
            mirrored[1].finish(_NAME, "failed" if argument(arguments, options, 0, "exit_code") else "completed")

    run_class = getattr(module, "Run", None)
    after(run_class, "_on_start", begin)
    after(run_class, "_partial_history_callback", log, before=_step)
    after(run_class, "_config_callback", configure)
    after(run_class, "_summary_update_callback", summarise)
    after(run_class, "finish", finish)


def _step(run: Any, *_: Any) -> Any:
    """The step that W&B gives to values without one."""
    try:
        return run._local_step
    except AttributeError:
        return run._step
