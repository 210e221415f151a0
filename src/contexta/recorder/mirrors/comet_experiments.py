"""Comet: online and offline experiments.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder.replaced_methods import after, argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Tuple

    from contexta.recorder.mirrors.mirror import Mirror, MirroredRun

_NAME = "comet_ml"
_OF_COMET = ("sys.", "process duration", "curr_step", "curr_epoch")  # metrics that Comet adds itself


def replace(mirror: Mirror, module: ModuleType) -> None:
    """Follow the experiments of the module ``comet_ml.experiment``."""
    runs: Dict[
        int, Tuple[Any, MirroredRun]
    ] = {}  # by the id of the experiment, which stays referenced so that no other object has this id

    def run_of(experiment: Any) -> MirroredRun:
        entry = runs.get(id(experiment))
        if entry is None:
            entry = runs[id(experiment)] = experiment, mirror.begin(_NAME, str(experiment.get_key()))
        return entry[1]

    def log_metric(experiment: Any, arguments: Any, options: Any, _: Any) -> None:
        name = arguments[0] if arguments else options["name"]
        if str(name).startswith(_OF_COMET):
            return
        value = argument(arguments, options, 1, "value")
        step = argument(arguments, options, 2, "step")
        run_of(experiment).log(_NAME, {name: value}, getattr(experiment, "curr_step", None) if step is None else step)

    def log_parameter(experiment: Any, arguments: Any, options: Any, _: Any) -> None:
        name, value = argument(arguments, options, 0, "name"), argument(arguments, options, 1, "value")
        if not str(name).startswith(_OF_COMET):
            run_of(experiment).params({name: value})

    def add_tag(experiment: Any, arguments: Any, options: Any, _: Any) -> None:
        run_of(experiment).tags({str(argument(arguments, options, 0, "tag")): ""})

    def add_tags(experiment: Any, arguments: Any, options: Any, _: Any) -> None:
        run_of(experiment).tags(dict.fromkeys(map(str, argument(arguments, options, 0, "tags")), ""))

    def end(experiment: Any, *_: Any) -> None:
        entry = runs.pop(id(experiment), None)
        if entry is not None:
            entry[1].finish(_NAME)

    experiment_class = getattr(module, "CometExperiment", None) or getattr(module, "BaseExperiment", None)
    after(experiment_class, "_log_metric", log_metric)
    after(experiment_class, "_log_parameter", log_parameter)
    after(experiment_class, "add_tag", add_tag)
    after(experiment_class, "add_tags", add_tags)
    after(experiment_class, "end", end)
