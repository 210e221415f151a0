"""Callbacks record what a framework reports, share it with trackers, and cannot disturb a training."""

from __future__ import annotations

import copy
import importlib
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.core.errors import IntegrationUnavailable
from contexta.integrations import catboost, ultralytics
from contexta.integrations.lightgbm import ContextaCallback

NEED_THEIR_FRAMEWORK = ["xgboost", "keras", "transformers", "lightning"]
NEED_NOTHING = ["lightgbm", "optuna", "catboost", "ultralytics", "sklearn", "lightning_factories"]


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


def test_other_integrations_need_no_framework_and_no_library() -> None:
    program = f"""
import importlib, sys
for name in {NEED_NOTHING}:
    importlib.import_module("contexta.integrations." + name)
assert not sys.modules.keys() & {{*{NEED_NOTHING}, "pydantic", "sqlalchemy"}}, sorted(sys.modules)
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


def test_metrics_of_catboost_are_named_as_it_prints_them(tmp_path: Path) -> None:
    histories = {"Accuracy": [0.5, 0.6], "Logloss": [0.7, 0.65]}
    info = SimpleNamespace(iteration=2, metrics={"learn": histories, "validation_0": histories, "validation_1": {}})
    model = SimpleNamespace(get_params=lambda: {"custom_metric": ["Accuracy"]})
    with Contexta(workspace=tmp_path / "ws") as ctx:
        for name, chosen in (("known", model), ("unknown", None)):
            with ctx.run(name, project="p") as run:
                assert catboost.ContextaCallback(run, model=chosen).after_iteration(info) is True
                assert catboost.ContextaCallback(run).after_iteration(Unreadable()) is True
        both = {"learn-Accuracy": 0.6, "test-Accuracy": 0.6}
        assert ctx.get_run("known").metrics == {**both, "learn": 0.65, "test": 0.65}
        assert ctx.get_run("unknown").metrics == {**both, "learn-Logloss": 0.65, "test-Logloss": 0.65}


def test_epochs_of_ultralytics_and_the_validation_of_the_best_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trainer calls as the one of Ultralytics 8.4, which counts its epochs on before the last validation."""
    monkeypatch.setitem(sys.modules, "ultralytics.utils", ModuleType("ultralytics.utils"))
    monkeypatch.setattr(sys.modules["ultralytics.utils"], "DEFAULT_CFG_DICT", {"lr0": 0.01, "batch": 16}, raising=False)
    functions: dict[str, Any] = {}
    model = SimpleNamespace(add_callback=functions.__setitem__)
    trainer = SimpleNamespace(
        args=SimpleNamespace(lr0=0.5, batch=16, name="train"),
        metrics={"metrics/mAP50(B)": 0.25},
        lr={"lr/pg0": 0.5},
        tloss=0.75,
        label_loss_items=lambda loss, prefix: {f"{prefix}/box_loss": loss},
    )
    with Contexta(workspace=tmp_path / "ws") as ctx:
        with ctx.run("r", project="p") as run:
            ultralytics.add_callbacks(model, run)
            functions["on_pretrain_routine_end"](trainer)
            for trainer.epoch in range(2):
                functions["on_train_epoch_end"](trainer)
                functions["on_fit_epoch_end"](trainer)
            trainer.epoch = 2
            functions["on_fit_epoch_end"](trainer)
        assert ctx.get_run("r").params == {"lr0": 0.5}
        assert points(ctx, "r", "train/box_loss") == [(1, 0.75), (2, 0.75)]
        assert points(ctx, "r", "metrics/mAP50(B)") == [(1, 0.25), (2, 0.25)]
        assert points(ctx, "r", "best/metrics/mAP50(B)") == [(None, 0.25)]


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
from contexta.integrations import catboost, ultralytics
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


def test_entry_points_of_lightning_act_where_trackers_are_mirrored_and_never_raise(tmp_path: Path) -> None:
    """Lightning is not installed here, so its callback cannot be made: that is a note."""
    program = """
import contexta
from contexta.integrations.lightning_factories import fabric_callbacks, lightning_callbacks
assert (lightning_callbacks(), fabric_callbacks()) == ([], [])
contexta.init(project="p", name="r", mirror=True)
assert (lightning_callbacks(), len(fabric_callbacks())) == ([], 1)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (note,) = [note.text for note in ctx.get_run("r").notes if note.topic == "callback"]
    assert note.endswith("ModuleNotFoundError: No module named 'lightning'")
