"""TensorBoard: ``SummaryWriter`` of PyTorch and of tensorboardX.

A writer is not a run, because programs have one for training and one for validation. All writers log to the run of the
program. Names of a second directory get the name of the directory as a prefix, as in ``val/loss``.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.recorder.mirrors import images
from contexta.recorder.replaced_methods import after, argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List

    from contexta.recorder.mirrors.mirror import Mirror, MirroredRun

_NAME = "tensorboard"


def replace(mirror: Mirror, module: ModuleType) -> None:
    """Follow the writers of a module."""
    prefixes: Dict[str, str] = {}  # by directory
    runs: Dict[str, MirroredRun] = {}
    run_files: Dict[str, List[str]] = {}

    def begin(writer: Any, *_: Any) -> None:
        folder = str(writer.log_dir if hasattr(writer, "log_dir") else writer.logdir)
        parent, name = os.path.split(os.path.normpath(folder))
        if folder in prefixes or parent in prefixes:  # the second call is for ``hparams``, which records it
            return
        prefixes[folder] = f"{name}/" if prefixes else ""

    def run_of(writer: Any, folder: str) -> MirroredRun:
        run = runs.get(folder)
        if run is None or not run.is_open:
            run = runs[folder] = mirror.current(_NAME, folder, _identities(writer))
            run_files[folder] = _identities(writer)
        return run

    def scalar(writer: Any, arguments: Any, options: Any, _: Any) -> None:
        folder = str(writer.log_dir if hasattr(writer, "log_dir") else writer.logdir)
        prefix = prefixes.get(folder)
        if prefix is not None:
            tag, value = argument(arguments, options, 0, "tag"), argument(arguments, options, 1, "scalar_value")
            run_of(writer, folder).log(_NAME, {tag: value}, argument(arguments, options, 2, "global_step"), prefix)

    def scalars(writer: Any, arguments: Any, options: Any, _: Any) -> None:
        folder = str(writer.log_dir if hasattr(writer, "log_dir") else writer.logdir)
        tag, values = argument(arguments, options, 0, "main_tag"), argument(arguments, options, 1, "tag_scalar_dict")
        prefix = f"{prefixes.get(folder, '')}{tag}/"
        run, files = run_of(writer, folder), _identities(writer)  # each name in the mapping gets a file of its own
        if files != run_files[folder]:
            run.join(_NAME, folder, files)
            run_files[folder] = files
        run.log(_NAME, values, argument(arguments, options, 2, "global_step"), prefix)

    def hparams(writer: Any, arguments: Any, options: Any, _: Any) -> None:
        folder = str(writer.log_dir if hasattr(writer, "log_dir") else writer.logdir)
        run = run_of(writer, folder)
        run.params(argument(arguments, options, 0, "hparam_dict"))
        step = argument(arguments, options, 3, "global_step")
        run.log(_NAME, argument(arguments, options, 1, "metric_dict"), step, prefixes.get(folder, ""))

    def image(writer: Any, arguments: Any, options: Any, _: Any) -> None:
        folder = str(writer.log_dir if hasattr(writer, "log_dir") else writer.logdir)
        tag, pixels = argument(arguments, options, 0, "tag"), argument(arguments, options, 1, "img_tensor")
        layout = argument(arguments, options, 4, "dataformats", default="CHW")
        medium = "image", f"{prefixes.get(folder, '')}{tag}", images.copied(pixels, layout), None
        run_of(writer, folder).media(_NAME, [medium], argument(arguments, options, 2, "global_step"))

    writer_class = getattr(module, "SummaryWriter", None)
    after(writer_class, "__init__", begin)
    after(writer_class, "add_scalar", scalar)
    after(writer_class, "add_scalars", scalars)
    after(writer_class, "add_hparams", hparams)
    after(writer_class, "add_image", image)


def _identities(writer: Any) -> List[str]:
    """The event files of a writer, each with the name of its directory; none if the writer does not say which."""
    identities = []
    for file_writer in (getattr(writer, "all_writers", None) or {}).values():
        events = getattr(file_writer, "event_writer", None)
        path = getattr(getattr(events, "_ev_writer", events), "_file_name", "")  # of tensorboardX, else of tensorboard
        folder, name = os.path.split(str(path))
        if name:
            identities.append(f"{os.path.basename(folder)}/{name}")
    return identities
