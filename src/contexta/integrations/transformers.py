"""transformers: a callback for ``Trainer``, and for the trainers of other libraries that extend it.

Standard library and transformers only, Python 3.8.
"""

from __future__ import annotations

import dataclasses

from contexta.integrations.training_record import TrainingRecord, never_raises, unavailable

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise unavailable("transformers", error) from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from contexta.recorder.session.run import LiveRun

_OF_THIS_RUN = frozenset({"output_dir", "logging_dir", "run_name", "local_rank", "report_to"})
"""Arguments that have another value in each run, or say nothing about the training."""


class ContextaCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not installed where types are checked
    """Records what the trainer logs, with the global step, and the arguments that differ from their defaults.

    Names are those that the trainer prints, such as ``eval_loss``. run: by default the active run.
    """

    def __init__(self, run: LiveRun | None = None) -> None:
        self._record = TrainingRecord("transformers", run)

    @never_raises
    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:  # noqa: ARG002  # the signature is the framework's
        if state.is_world_process_zero:
            self._record.begin()
            self._record.params(_changed_arguments(args))

    @never_raises
    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:  # noqa: ARG002  # as above
        if not state.is_world_process_zero:
            return
        values = {
            name: value
            for name, value in (logs or {}).items()
            if not isinstance(value, str) and not self._record.is_recorded(_name_in_trackers(name))
        }
        self._record.log(values, state.global_step)


def _changed_arguments(arguments: Any) -> dict[str, Any]:
    """The training arguments that differ from their defaults.

    Secrets, which ``to_dict`` masks, and empty values that follow from other arguments are left out.
    """
    values = arguments.to_dict()
    changed = {}
    for field in dataclasses.fields(arguments):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        value = values.get(field.name)
        is_derived = not default and (not value or isinstance(value, dict))
        is_masked = value == f"<{field.name.upper()}>"
        is_of_training = not field.name.startswith("_") and field.name not in _OF_THIS_RUN
        if default is dataclasses.MISSING or is_derived or is_masked or not is_of_training:
            continue
        if value != getattr(default, "value", default):
            changed[field.name] = value
    return changed


def _name_in_trackers(name: str) -> str:
    """The name that the trainer gives a value for W&B, TensorBoard and others: ``train/loss``, ``eval/loss``."""
    for prefix in ("eval", "test"):
        if name.startswith(f"{prefix}_"):
            return f"{prefix}/{name[len(prefix) + 1 :]}"
    return f"train/{name}"
