"""A ``SummaryWriter`` that records to Contexta: ``from contexta.tensorboard import SummaryWriter``.

It has the common calls of the writers of PyTorch and tensorboardX, and writes no event files.
Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core.errors import InvalidInput
from contexta.integrations.support.unsupported import missing_attribute, missing_name
from contexta.recorder.notes import storable
from contexta.recorder.parts import numbers
from contexta.recorder.session.active_run import init, session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any

    from contexta.recorder.session.run import LiveRun

__all__ = ["SummaryWriter"]

_LONGEST_TEXT = 100_000  # characters
_ALTERNATIVES = {
    "add_histogram": "log the mean and the standard deviation with add_scalars",
    "add_images": "log each image with add_image",
    "add_graph": "store the model as a file: contexta.init().artifact(name, path)",
    "add_video": "store the file: contexta.init().artifact(name, path)",
    "add_audio": "store the file: contexta.init().artifact(name, path)",
    "add_pr_curve": "draw it with Matplotlib, and log it with add_figure",
}
_prefixes: dict[str, dict[str, str]] = {}
"""Reference of a run -> directory of a writer -> prefix of its names."""


class SummaryWriter:
    """Record to the active run; without one, a run begins.

    A second directory in one run has its name before the names, as ``val/loss``. The run ends with the program.
    """

    def __init__(self, log_dir: Any = None, comment: str = "", **options: Any) -> None:
        """log_dir: names a run that begins here, and is not created. comment: a tag. options: of files; unused."""
        self.log_dir = os.path.normpath(os.fspath(log_dir)) if log_dir else "runs"
        self._run = session.active() or init(name=os.path.basename(self.log_dir) if log_dir else None)
        if comment:
            self._run.tag("comment", storable(comment))

    def add_scalar(self, tag: str, scalar_value: Any, global_step: Any = None, *_: Any, **options: Any) -> None:
        self._log({tag: scalar_value}, global_step)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: Any = None, *_: Any, **options: Any
    ) -> None:
        self._log({f"{main_tag}/{tag}": value for tag, value in tag_scalar_dict.items()}, global_step)

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Any = None,
        run_name: Any = None,
        global_step: Any = None,
    ) -> None:
        self._open_run().params({numbers.name_of(name): value for name, value in hparam_dict.items()})
        self._log(metric_dict, global_step)

    def add_text(self, tag: str, text_string: str, global_step: Any = None, *_: Any, **options: Any) -> None:
        """Record an event with this message."""
        attributes = {} if global_step is None else {"step": global_step}
        self._open_run().event(self._name(tag), storable(text_string)[:_LONGEST_TEXT], attributes=attributes)

    def add_image(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: Any = None, dataformats: str = "CHW"
    ) -> None:
        if dataformats not in ("CHW", "HWC", "HW"):
            raise InvalidInput(f"add_image takes no {dataformats} images", hint="log each image as CHW, HWC or HW")
        self._open_run().image(self._name(tag), img_tensor, step=numbers.step_of(global_step)[0])

    def add_figure(self, tag: str, figure: Any, global_step: Any = None, *_: Any, **options: Any) -> None:
        self._open_run().figure(self._name(tag), figure, step=numbers.step_of(global_step)[0])

    def get_logdir(self) -> str:
        return self.log_dir

    def flush(self) -> None:
        self._run.flush()

    def close(self) -> None:
        """Write everything to the disk. The run goes on, as other writers may log to it."""
        self._run.flush()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute("tensorboard", "SummaryWriter", name, _ALTERNATIVES)

    def _log(self, values: Mapping[str, Any], step: Any) -> None:
        self._open_run().log({self._name(tag): value for tag, value in values.items()}, step)

    def _open_run(self) -> LiveRun:
        if self._run._ended:
            self._run = session.active() or self._run  # a run that has ended counts lost values
        return self._run

    def _name(self, tag: Any) -> str:
        prefixes = _prefixes.setdefault(self._run.ref.value, {})
        is_first = not prefixes
        return prefixes.setdefault(self.log_dir, "" if is_first else f"{os.path.basename(self.log_dir)}/") + str(tag)


def __getattr__(name: str) -> Any:
    raise missing_name("tensorboard", name, {})
