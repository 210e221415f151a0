"""States of the transformers Trainer and CSV logs of Lightning and Keras are imported as they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.importers.readers import KINDS, sources_below
from contexta.importers.reading.description import ForeignRun

HISTORY = [
    {"epoch": 0.5, "grad_norm": 1.5, "learning_rate": 5e-05, "loss": 0.7, "step": 10},
    {"epoch": 1.0, "eval_accuracy": 0.9, "eval_loss": 0.5, "step": 20},
]
STATE = {"best_metric": 0.9, "global_step": 20, "log_history": HISTORY, "max_steps": 20, "num_train_epochs": 1}
LIGHTNING = "epoch,step,train_loss,val_acc\n0,9,0.7,\n0,9,,0.8\n1,19,0.5,\n"
KERAS = "epoch;accuracy;loss\n0;0.5;1.5\n1;0.75;nan\nepoch;accuracy;loss\n2;0.8;1.0\n"


def runs_below(path: Path) -> list[tuple[str, ForeignRun]]:
    return [(source.kind, run) for source in sources_below(path) for run in KINDS[source.kind].read(source.path)]


def values(run: ForeignRun, key: str) -> list[tuple[int | None, float]]:
    return [(point.step, point.value) for point in run.metrics[key]]


def write_checkpoint(folder: Path, step: int) -> None:
    folder.mkdir(parents=True)
    history = [entry for entry in HISTORY if isinstance(entry["step"], int) and entry["step"] <= step]
    (folder / "trainer_state.json").write_text(json.dumps({**STATE, "log_history": history}))


def test_the_last_checkpoint_of_a_trainer_is_the_run(tmp_path: Path) -> None:
    for step in (10, 20, 100):
        write_checkpoint(tmp_path / "out" / f"checkpoint-{step}", step)
    ((kind, run),) = runs_below(tmp_path)
    assert (kind, run.name, run.status) == ("transformers", "out", "crashed")
    assert values(run, "loss") == [(10, 0.7)]
    assert values(run, "eval_accuracy") == [(20, 0.9)]
    assert values(run, "epoch") == [(10, 0.5), (20, 1.0)]
    assert values(run, "best_metric") == [(None, 0.9)]
    assert run.params == {"max_steps": 20, "num_train_epochs": 1}
    (tmp_path / "out" / "trainer_state.json").write_text(json.dumps(STATE))
    ((_, run),) = runs_below(tmp_path)
    assert run.status == "completed"


def test_a_log_of_lightning_has_sparse_rows_and_settings(tmp_path: Path) -> None:
    folder = tmp_path / "lightning_logs" / "version_3"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text(LIGHTNING)
    (folder / "hparams.yaml").write_text("lr: 0.01\nmodel:\n  depth: 6\n")
    ((kind, run),) = runs_below(tmp_path)
    assert (kind, run.name) == ("csv", "lightning_logs version_3")
    assert values(run, "train_loss") == [(9, 0.7), (19, 0.5)]
    assert values(run, "val_acc") == [(9, 0.8)]
    assert run.params == {"lr": 0.01, "model.depth": 6}


def test_a_log_of_keras_may_repeat_its_header_and_choose_its_separator(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text(KERAS)
    ((_, run),) = runs_below(tmp_path)
    assert values(run, "accuracy") == [(0, 0.5), (1, 0.75), (2, 0.8)]
    assert len(run.metrics["loss"]) == 3


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "epoch\n1\n", "date,epoch\n2024-01-01,1\n"])
def test_another_csv_file_is_no_log(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.csv").write_text(text)
    assert sources_below(tmp_path) == []


@pytest.mark.parametrize("name", ["metrics.csv", "trainer_state.json"])
def test_truncated_logs_give_a_valid_prefix_and_a_note(tmp_path: Path, name: str) -> None:
    text = LIGHTNING if name.endswith("csv") else json.dumps(STATE)
    (tmp_path / name).write_text(text)
    ((_, whole),) = runs_below(tmp_path)
    for length in range(len(text)):
        (tmp_path / name).write_text(text[:length])
        for _, run in runs_below(tmp_path):
            for key in run.metrics:
                assert values(run, key) == values(whole, key)[: len(run.metrics[key])]
            assert run.notes


def test_imported_logs_are_on_the_screens_and_only_once(cli: Cli, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "data" / "out" / "checkpoint-20", 20)
    (tmp_path / "data" / "keras.csv").write_text(KERAS)
    for _ in range(2):
        assert cli("import", "data", "--project", "p").returncode == 0
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert sorted(run.name for run in ctx.list_runs()) == ["keras", "out"]
    assert "imported from transformers" in cli("show", "p.out").stdout
