"""Event files of TensorBoard are imported as they were written. The fixture is of tensorboardX."""

from __future__ import annotations

import math
import random
import shutil
import struct
from pathlib import Path

import pytest
from support.builders import Cli
from support.trackers.wandb_log import field

from contexta import Contexta
from contexta.importers.formats import tensorboard_events
from contexta.importers.readers import sources_below
from contexta.importers.reading.description import ForeignRun
from contexta.importers.reading.tfrecord import framed

FIXTURE = Path(__file__).parent / "fixtures" / "tensorboard"
EVENTS = "events.out.tfevents.1700000000.host"


def only_run(path: Path) -> ForeignRun:
    (source,) = sources_below(path)
    (run,) = tensorboard_events.read(source.path)
    return run


def event(wall: float, step: int, value: bytes) -> bytes:
    summary = field(5, field(1, value))
    time = b"\x09" + struct.pack("<d", wall)
    return framed(time + field(2, step) + summary)


def test_scalars_and_hyperparameters_are_one_run_with_all_steps() -> None:
    run = only_run(FIXTURE)
    expected = [(step, struct.unpack("<f", struct.pack("<f", 1 / (step + 1)))[0]) for step in range(20)]
    assert [(point.step, point.value) for point in run.metrics["loss"]] == expected
    assert len(run.metrics["val/accuracy"]) == 20
    assert math.isnan(run.metrics["odd"][0].value)
    assert run.metrics["loss"][3].at == 1_700_000_003_500_000
    assert run.params == {"lr": 0.01, "depth": 6, "kind": "gbm"}
    assert [point.value for point in run.metrics["best"]] == [pytest.approx(0.91)]
    assert (run.name, run.status) == ("february", "completed")
    assert any("no environment" in note for note in run.notes)


def test_an_imported_directory_is_a_run_on_the_screens_and_only_once(cli: Cli, tmp_path: Path) -> None:
    for _ in range(2):
        done = cli("import", str(FIXTURE), "--project", "p")
        assert done.returncode == 0, done.stderr
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (run,) = ctx.list_runs()
        assert ctx.metric_series(run.run_ref, "loss").points == 20
    assert "imported from TensorBoard" in cli("show", "p.february").stdout


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (field(1, 1) + field(4, struct.pack("<f", 0.5)), 0.5),
        (field(1, 2) + field(4, struct.pack("<d", 0.1)), 0.1),
        (field(1, 9) + field(4, struct.pack("<q", -7)), -7),
        (field(1, 1) + field(5, struct.pack("<f", 0.25)), 0.25),
        (field(1, 9) + field(10, 12), 12),
        (field(1, 1) + field(2, field(2, field(1, 3))) + field(4, struct.pack("<3f", 1, 2, 3)), None),
        (field(1, 7) + field(8, b"text"), None),
    ],
)
def test_scalars_that_are_tensors_are_read(tmp_path: Path, tensor: bytes, expected: float | None) -> None:
    (tmp_path / EVENTS).write_bytes(event(1_700_000_000, 4, field(1, b"loss") + field(8, tensor)))
    points = [(point.step, point.value) for point in only_run(tmp_path).metrics.get("loss", [])]
    assert points == ([] if expected is None else [(4, expected)])


def test_steps_that_a_restart_wrote_again_count_once(tmp_path: Path) -> None:
    for second, value in ((1_700_000_000, 0.5), (1_700_000_100, 0.75)):
        body = field(1, b"loss") + b"\x15" + struct.pack("<f", value)
        (tmp_path / f"events.out.tfevents.{second}.host").write_bytes(event(second, 3, body))
    run = only_run(tmp_path)
    assert [(point.step, point.value) for point in run.metrics["loss"]] == [(3, 0.75)]
    assert any("written again" in note for note in run.notes)


def test_damage_gives_the_valid_prefix_and_a_note(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE / "february", tmp_path / "february")
    file = tmp_path / "february" / EVENTS
    data, choose = file.read_bytes(), random.Random(9)
    expected = [(point.step, point.value) for point in only_run(FIXTURE).metrics["loss"]]
    for number in range(400):
        position = choose.randrange(len(data))
        flipped = data[:position] + bytes([data[position] ^ (1 << choose.randrange(8))]) + data[position + 1 :]
        file.write_bytes(data[:position] if number % 2 else flipped)
        run = only_run(tmp_path)
        found = [(point.step, point.value) for point in run.metrics.get("loss", [])]
        assert found == expected[: len(found)]
        assert len(found) == 20 or position == 0 or any("damage" in note for note in run.notes) or number % 2
