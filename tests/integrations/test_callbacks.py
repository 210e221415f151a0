"""Callbacks record what a framework reports, share it with trackers, and cannot disturb a training."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.core.errors import IntegrationUnavailable
from contexta.integrations.lightgbm import ContextaCallback

NEED_THEIR_FRAMEWORK = ["xgboost"]
NEED_NOTHING = ["lightgbm", "optuna"]


def round_of(number: int, *, value: Any = 0.5, params: Any = None) -> Any:
    """A round of a training, as LightGBM reports it."""
    return SimpleNamespace(
        iteration=number,
        begin_iteration=0,
        evaluation_result_list=[("valid", "auc", value, True)],
        params=params or {"num_leaves": 7},
    )


def points(ctx: Contexta, run: str, name: str) -> list[tuple[int | None, Any]]:
    records = ctx.get_run_snapshot(run).records
    return [(record.step, record.value) for record in records if getattr(record, "key", None) == name]


@pytest.mark.parametrize("name", NEED_THEIR_FRAMEWORK)
def test_missing_framework_is_an_error_with_a_hint(name: str) -> None:
    with pytest.raises(IntegrationUnavailable, match=rf"needs {name}, which cannot be imported.*\n.*hint: install"):
        importlib.import_module(f"contexta.integrations.{name}")


@pytest.mark.parametrize("name", NEED_NOTHING)
def test_other_integrations_need_no_framework_and_no_library(name: str) -> None:
    program = f"""
import sys
import contexta.integrations.{name}
assert not sys.modules.keys() & {{"{name}", "pydantic", "sqlalchemy"}}, sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_callback_records_values_steps_and_parameters(tmp_path: Path) -> None:
    with Contexta(workspace=tmp_path / "ws") as ctx:
        with ctx.run("r", project="p") as run:
            callback = ContextaCallback(run)
            for number in range(3):
                callback(round_of(number, value=number / 2))
        assert points(ctx, "r", "valid's auc") == [(1, 0.0), (2, 0.5), (3, 1.0)]
        assert ctx.get_run("r").params == {"num_leaves": 7}
        assert "mirrored_from" not in ctx.get_run("r").metadata


def test_callback_without_a_run_records_to_the_active_one_of_each_training(tmp_path: Path) -> None:
    callback = ContextaCallback()
    with Contexta(workspace=tmp_path / "ws") as ctx:
        for name in ("first", "second"):
            with ctx.run(name, project="p"):
                callback(round_of(0))
        for name in ("first", "second"):
            assert points(ctx, name, "valid's auc") == [(1, 0.5)]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies_of_a_callback_record_to_the_same_run(tmp_path: Path, copied: Any) -> None:
    with Contexta(workspace=tmp_path / "ws") as ctx:
        with ctx.run("r", project="p") as run:
            callback = ContextaCallback(run)
            callback(round_of(0))
            copied(callback)(round_of(1))
        assert points(ctx, "r", "valid's auc") == [(1, 0.5), (2, 0.5)]


class Unreadable:
    """Raises whatever is done with it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("cannot be read")


def test_fault_of_a_callback_is_a_note_and_the_training_goes_on(tmp_path: Path) -> None:
    with Contexta(workspace=tmp_path / "ws") as ctx:
        with ctx.run("r", project="p") as run:
            callback = ContextaCallback(run)
            callback(Unreadable())
            callback(Unreadable())
            callback(round_of(0, value="text", params={"": 1}))
            run.finish()
            callback(round_of(1))
        notes = [note.text for note in ctx.get_run("r").notes if note.topic == "callback"]
        assert notes == ["the callback of lightgbm did not record everything: RuntimeError: cannot be read"]


def test_value_that_is_also_logged_to_a_tracker_or_printed_is_recorded_once(cli: Cli, tmp_path: Path) -> None:
    """The writer has the name and the method of TensorBoard's."""
    writer = tmp_path / "tensorboardX" / "writer.py"
    writer.parent.mkdir()
    (writer.parent / "__init__.py").touch()
    writer.write_text(
        "class SummaryWriter:\n"
        "    logdir = 'runs'\n"
        "    def __init__(self): pass\n"
        "    def add_scalar(self, tag, scalar_value, global_step=None): pass\n"
    )
    (tmp_path / "train.py").write_text(
        """
from types import SimpleNamespace
from contexta.integrations.lightgbm import ContextaCallback
from tensorboardX.writer import SummaryWriter
callback, writer = ContextaCallback(), SummaryWriter()
for number in range(3):
    value = number / 4
    writer.add_scalar("valid's auc", value, number + 1)
    writer.add_scalar("lr", 0.5, number + 1)
    print(f"[{number + 1}]\\tvalid's auc: {value}\\tvalid's loss: {value}", flush=True)
    round = ("valid", "auc", value, True)
    callback(SimpleNamespace(iteration=number, begin_iteration=0, evaluation_result_list=[round], params={}))
"""
    )
    done = cli("run", "--quiet", "--name", "r", "--", sys.executable, "train.py")
    assert (done.returncode, done.stderr) == (0, "")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        curve = [(1, 0.0), (2, 0.25), (3, 0.5)]
        assert points(ctx, "r", "valid's auc") == curve
        assert points(ctx, "r", "valid's loss") == curve
        assert points(ctx, "r", "lr") == [(1, 0.5), (2, 0.5), (3, 0.5)]
        (source,) = ctx.get_run("r").metadata["mirrored_from"]
        assert source.startswith("tensorboard")
