"""The common calls of W&B, recorded to Contexta: ``import contexta.wandb as wandb``. Nothing is sent anywhere.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core.errors import InvalidInput, shown
from contexta.integrations.support.unsupported import missing_attribute, missing_name
from contexta.recorder.notes import storable
from contexta.recorder.parts import numbers
from contexta.recorder.parts.failure import status_of
from contexta.recorder.session import active_run
from contexta.recorder.session import start as starting
from contexta.recorder.session.mappings import SUMMARY, Config, Summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from contexta.recorder.session.run import LiveRun

__all__ = ["Image", "Run", "Table", "config", "finish", "init", "log", "run", "summary"]  # noqa: F822  # by __getattr__

_FILE = "store a file with wandb.run.contexta_run.artifact(name, path)"
_UNNEEDED = "delete the call: Contexta needs none"
_ALTERNATIVES = {
    **dict.fromkeys(("Artifact", "log_artifact", "save", "dir", "log_code"), _FILE),
    **dict.fromkeys(("Video", "Audio", "Html", "Object3D", "Molecule", "link_artifact"), _FILE),
    **dict.fromkeys(("login", "require", "setup", "teardown", "Settings", "mark_preempting"), _UNNEEDED),
    **dict.fromkeys(("use_artifact", "restore"), "record an input with wandb.run.contexta_run.input(name, path)"),
    **dict.fromkeys(("watch", "unwatch", "Histogram"), "log the norm, the mean or the deviation as a number"),
    **dict.fromkeys(("plot", "Plotly"), "log a figure of Matplotlib or Plotly, or use `contexta plot`"),
    **dict.fromkeys(("sweep", "agent", "controller"), "contexta.integrations.optuna records the trials of a study"),
    **dict.fromkeys(("url", "get_url", "project_name", "entity"), "the run is on this machine: `contexta show`"),
    "define_metric": "give the step: wandb.log(values, step=epoch)",
    "alert": "record an event with wandb.run.contexta_run.event(key, message, level='warning')",
    "Api": "query with contexta.Contexta()",
    "notes": "add a note with `contexta note`",
}
_CHANGES_RUN = ("resume", "resume_from", "fork_from")
"""Arguments of ``init`` that continue an earlier run."""
_WITHOUT_EFFECT = (
    *("entity", "dir", "save_code", "settings", "anonymous", "force", "magic", "id", "allow_val_change", "mode"),
    *("config_exclude_keys", "config_include_keys", "sync_tensorboard", "monitor_gym"),
)
"""Arguments of ``init`` that Contexta has no use for."""
_RESUME = "every start is a run of its own; `contexta compare` shows them side by side"
_PACKAGE = "import wandb itself, and record what it logs with `contexta run` or contexta.init(mirror=True)"
_current: Run | None = None


class Image:
    """An image for ``log``: a path, an array, a tensor, a PIL image or a figure of Matplotlib."""

    def __init__(self, data_or_path: Any, mode: str | None = None, caption: str | None = None, **options: Any) -> None:
        """mode, options: of the conversion; unused, except for ``boxes`` and ``masks``, which are refused."""
        for name in ("boxes", "masks"):
            if options.get(name) is not None:
                raise InvalidInput(f"Image of contexta.wandb has no {name}", hint="draw them into the image")
        self.data = data_or_path
        self.caption = caption


class Table:
    """A table for ``log``."""

    def __init__(
        self, columns: Sequence[Any] | None = None, data: Any = None, rows: Any = None, **options: Any
    ) -> None:
        """data, rows: sequences of rows, or a DataFrame, also as ``dataframe``. options: of types; unused."""
        sources = (options.get("dataframe"), data, rows)
        content: Any = next((source for source in sources if source is not None), [])
        self.dataframe = content if hasattr(content, "columns") else None
        self.data = [] if self.dataframe is not None else [list(row) for row in content]
        self.columns = [str(column) for column in columns or ()] or ["Input", "Output", "Expected"]

    def add_data(self, *row: Any) -> None:
        if self.dataframe is not None or len(row) != len(self.columns):
            raise InvalidInput(f"a row of {len(row)} values does not fit the columns {shown(self.columns)}")
        self.data.append(list(row))


class _Config(Config):
    """The parameters of a run, with the methods of W&B."""

    def update(self, values: Any = None, allow_val_change: Any = None, **more: Any) -> None:  # type: ignore[override]  # W&B's
        """values: a mapping, or a namespace of argparse."""
        for name, value in {**_mapping(values), **more}.items():
            self[str(name)] = value

    def setdefaults(self, values: Any) -> None:
        self.update({name: value for name, value in _mapping(values).items() if name not in self})

    def as_dict(self) -> dict[str, Any]:
        return dict(self)


class Run:
    """A run with the methods of W&B."""

    def __init__(self, live: LiveRun, project: str, group: str | None, tags: Sequence[str]) -> None:
        self.contexta_run = live
        """The run of Contexta, with all its methods."""
        self.project = project
        self.group = group
        self.tags = tuple(tags)
        self.step = 0
        """The step of the next values that are logged without one."""
        self.config = _Config(live._values, live.param)
        self.summary = Summary(live._values, live._summarise)

    @property
    def id(self) -> str:
        return self.contexta_run.ref.name

    @property
    def name(self) -> str:
        return self.contexta_run.name

    @name.setter
    def name(self, name: str) -> None:
        self.contexta_run.rename(name)

    def log(self, data: Mapping[str, Any], step: Any = None, commit: bool | None = None, **options: Any) -> None:
        """Record values. Steps count as those of W&B do; a smaller step than the last one is recorded too."""
        _take_assigned_config()
        is_complete = (step is None) if commit is None else commit
        at = self.step if step is None else step
        if isinstance(at, int):
            self.step = max(self.step, at) + bool(is_complete)
        if self.contexta_run._ended or not hasattr(data, "items"):
            self.contexta_run.log(data, at)  # which notes the loss
            return
        values = {name: value for name, value in data.items() if not self._log_media(name, value, at)}
        self.contexta_run.log(values, at)
        for name, value in numbers.flattened(values):
            self.contexta_run._values[SUMMARY + str(name)] = value

    def _log_media(self, name: Any, value: Any, step: Any) -> bool:
        """Record an image, a figure or a table. Returns False for another value."""
        run, at = self.contexta_run, numbers.step_of(step)[0]
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], Image):
            return all(self._log_media(f"{name}/{number}", image, step) for number, image in enumerate(value))
        if isinstance(value, Table):
            if value.dataframe is not None:
                run.table(str(name), value.dataframe, step=at)
            else:
                run.table(str(name), value.data, columns=value.columns, step=at)
            return True
        content = value.data if isinstance(value, Image) else value
        if hasattr(content, "savefig"):
            run.figure(str(name), content, step=at)
        elif isinstance(value, Image):
            run.image(str(name), content, step=at)
        else:
            return False
        if isinstance(value, Image) and value.caption:
            run.event(str(name), storable(str(value.caption)), attributes={"step": at})
        return True

    def finish(self, exit_code: int | None = None, **options: Any) -> None:
        """End the run: as failed with an exit code other than 0."""
        _take_assigned_config()
        self.contexta_run.finish("failed" if exit_code else "completed")

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        status = status_of(error)
        self.contexta_run.finish(status, failure=error if status == "failed" else None)

    def __getattr__(self, name: str) -> Any:
        raise missing_attribute("wandb", "Run", name, _ALTERNATIVES)


def init(
    project: str | None = None,
    name: str | None = None,
    config: Any = None,
    tags: Sequence[str] | None = None,
    group: str | None = None,
    notes: str | None = None,
    job_type: str | None = None,
    reinit: Any = None,
    **options: Any,
) -> Run:
    """Begin a run, or return the open one, as W&B does. The variables WANDB_PROJECT, WANDB_NAME, WANDB_RUN_GROUP,
    WANDB_TAGS and WANDB_MODE=disabled count.

    config: a mapping, or a namespace of argparse. notes: a note of the run. job_type: a tag. reinit: whether to end the
    open run first. options: the run has a note with those that have no effect.
    """
    global _current
    for option in options:
        if option in _CHANGES_RUN and options[option]:
            raise InvalidInput(f"contexta.wandb cannot continue a run: {option}={shown(options[option])}", hint=_RESUME)
        if option not in _WITHOUT_EFFECT and option not in _CHANGES_RUN:
            raise InvalidInput(f"wandb.init has no argument {option}", hint=_PACKAGE)
    earlier = _open()
    if earlier is not None:
        if reinit in (None, False, "default", "return_previous"):
            earlier.config.update(config)
            return earlier
        earlier.finish()
    variables = os.environ.get
    project, name = project or variables("WANDB_PROJECT"), name or variables("WANDB_NAME")
    group = group or variables("WANDB_RUN_GROUP")
    marks = list(tags) if tags is not None else [tag for tag in variables("WANDB_TAGS", "").split(",") if tag]
    if (options.get("mode") or variables("WANDB_MODE")) == "disabled":
        live = starting.unrecorded(project, name)
    else:
        live = active_run.init(project=project, name=name, tags=marks, group=group)
    _current = Run(live, project or live.ref.components[0], group, marks)
    if job_type:
        live.tag("job_type", job_type)
    if notes:
        live.note("notes", notes)
    unused = sorted(option for option in options if options[option] is not None and option not in ("mode", "id"))
    if unused:
        live.note("wandb", f"arguments of wandb.init without effect: {', '.join(unused)}")
    _take_assigned_config()
    _current.config.update(config)
    return _current


def log(data: Mapping[str, Any], step: Any = None, commit: bool | None = None, **options: Any) -> None:
    """``log`` of the current run."""
    _required("log").log(data, step, commit, **options)


def finish(exit_code: int | None = None, **options: Any) -> None:
    """End the current run, if there is one."""
    global _current
    earlier = _open()
    if earlier is not None:
        earlier.finish(exit_code)
    _current = None


def _open() -> Run | None:
    """The current run, if it has not ended."""
    return _current if _current is not None and not _current.contexta_run._ended else None


def _required(name: str) -> Run:
    if _current is None:
        raise InvalidInput(f"wandb.{name} needs a run", hint="call wandb.init() first")
    return _current


def _take_assigned_config() -> None:
    """Record the mapping of a program that assigned ``wandb.config = {...}``."""
    assigned = globals().pop("config", None)
    if assigned is not None and _current is not None:
        _current.config.update(assigned)


def _mapping(values: Any) -> Mapping[str, Any]:
    if values is None:
        return {}
    if not hasattr(values, "items") and not hasattr(values, "__dict__"):
        raise InvalidInput(f"{shown(values)} is no configuration", hint="give a mapping, or a namespace of argparse")
    mapping: Mapping[str, Any] = values if hasattr(values, "items") else vars(values)
    return mapping


def __getattr__(name: str) -> Any:
    if name == "run":
        return _open()
    if name in ("config", "summary"):
        return getattr(_required(name), name)
    raise missing_name("wandb", name, _ALTERNATIVES)
