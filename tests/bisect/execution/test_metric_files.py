"""The metric is read from a file that the run wrote: JSON, CSV or event files of TensorBoard."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta.bisect.execution.metric import check_source, read_metric
from contexta.bisect.execution.metric_files import states
from contexta.core.errors import InvalidInput
from contexta.importers.reading.tfrecord import framed

Cli = Callable[..., subprocess.CompletedProcess[str]]


def event_file(path: Path, *points: tuple[str, int, float]) -> None:
    """An event file of TensorBoard with scalars."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b""
    for tag, step, value in points:
        scalar = b"\x0a" + bytes([len(tag)]) + tag.encode() + b"\x15" + struct.pack("<f", value)
        summary = b"\x0a" + bytes([len(scalar)]) + scalar
        event = b"\x09" + struct.pack("<d", 1_700_000_000.0 + step) + b"\x10" + bytes([step])
        event += b"\x2a" + bytes([len(summary)]) + summary
        content += framed(event)
    path.write_bytes(content)


def gives(folder: Path, source: str) -> tuple[float | None, str]:
    return read_metric("loss", source, "", folder)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("epoch,loss\n1,0.5\n2,0.25\n", 0.25),
        ("epoch,loss,val\n1,0.5,\n1,,0.7\n", 0.5),
        ("  epoch,   loss\n  1,   0.5\n", 0.5),
        ('"loss","a"\n"1e-3","x, y"\n', 0.001),
        ("\ufeffloss\n0.5\n", 0.5),
        ("loss\r\n0.5\r\n", 0.5),
    ],
)
def test_last_value_of_a_column_counts(tmp_path: Path, text: str, expected: float) -> None:
    (tmp_path / "log.csv").write_text(text, encoding="utf-8", newline="")
    assert gives(tmp_path, "csv:log.csv:loss") == (expected, "")


def test_column_and_file_that_are_missing_are_named(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("epoch,val_loss\n1,0.5\n")
    (tmp_path / "empty.csv").write_text("epoch,loss\n")
    for source, reason in (
        ("csv:log.csv:loss", 'gives no loss: log.csv has no column "loss"; it has epoch, val_loss'),
        ("csv:empty.csv:loss", 'gives no loss: the column "loss" of empty.csv is empty'),
        ("csv:none.csv:loss", "gives no loss: none.csv does not exist"),
    ):
        assert gives(tmp_path, source) == (None, reason)


def test_pattern_names_the_one_file_that_this_run_wrote(tmp_path: Path) -> None:
    old = tmp_path / "logs" / "version_0" / "metrics.csv"
    old.parent.mkdir(parents=True)
    old.write_text("loss\n9\n")
    before = states(tmp_path, "csv:logs/*/metrics.csv:loss")
    for number, value in ((1, 0.5), (2, 0.4)):
        new = tmp_path / "logs" / f"version_{number}" / "metrics.csv"
        new.parent.mkdir()
        new.write_text(f"loss\n{value}\n")
        found = read_metric("loss", "csv:logs/*/metrics.csv:loss", "", tmp_path, before=before)
        if number == 1:
            assert found == (0.5, "")
    assert found == (None, "gives no loss: logs/*/metrics.csv names 2 files that this run wrote, as metrics.csv")


@pytest.mark.parametrize("source", ["json:state.json:loss", "csv:log.csv:loss", "tensorboard:runs:loss"])
def test_file_of_an_earlier_run_does_not_count(tmp_path: Path, source: str) -> None:
    (tmp_path / "state.json").write_text('{"loss": 0.5}')
    (tmp_path / "log.csv").write_text("loss\n0.5\n")
    event_file(tmp_path / "runs" / "a" / "events.out.tfevents.1700000000.h", ("loss", 1, 0.5))
    before = states(tmp_path, source)
    value, reason = read_metric("loss", source, "", tmp_path, before=before)
    assert value is None
    assert reason.endswith("was not written by this run")
    for path in before:
        os.utime(path, ns=(1, 1))  # written again, with the same content
    assert read_metric("loss", source, "", tmp_path, before=before) == (0.5, "")


def test_last_step_of_a_tag_counts_also_below_the_directory(tmp_path: Path) -> None:
    event_file(tmp_path / "runs" / "a" / "events.out.tfevents.1700000000.h", ("loss", 1, 0.5), ("loss", 3, 0.25))
    event_file(tmp_path / "runs" / "a" / "events.out.tfevents.1700000009.h", ("loss", 2, 0.75), ("acc", 2, 1.0))
    assert gives(tmp_path, "tensorboard:runs:loss") == (0.25, "")
    assert gives(tmp_path, "tensorboard:runs/a:loss") == (0.25, "")
    assert gives(tmp_path, "tensorboard:runs:f1") == (None, 'gives no loss: runs has no "f1"; it has loss, acc')


def test_tag_in_several_directories_is_not_guessed(tmp_path: Path) -> None:
    for part in ("train", "val"):
        event_file(tmp_path / "runs" / part / "events.out.tfevents.1700000000.h", ("loss", 1, 0.5))
    value, reason = gives(tmp_path, "tensorboard:runs:loss")
    assert (value, reason.endswith("in several directories, train, val: name one")) == (None, True)


def test_event_file_is_read_up_to_its_damage(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1700000000.h"
    event_file(path, ("loss", 1, 0.5), ("loss", 2, 0.25))
    path.write_bytes(path.read_bytes()[:-9])
    assert gives(tmp_path, "tensorboard:.:loss") == (0.5, "")


@pytest.mark.parametrize("source", ["csv:log.csv", "tensorboard:runs", "json:a.json", "excel:a.xlsx:b", "csv:"])
def test_source_without_its_parts_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput, match=r"write stdout:REGEX with one group, json:FILE:PATH, csv:FILE:COLUMN, tens"):
        check_source(source)


@pytest.mark.slow
def test_column_of_a_log_decides_a_bisect(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path.parent / f"{tmp_path.name}-index"
    only_index(monkeypatch, index, tmp_path.parent / f"{tmp_path.name}-cache")
    for version, worse in (("1.0", 0.0), ("2.0", 0.5)):
        make_wheel(index, "culprit", version, f"worse = {worse}")
        make_wheel(index, "innocent", version)
    for end, version in (("old", "1.0"), ("new", "2.0")):
        (tmp_path / f"{end}.txt").write_text(f"culprit=={version}\ninnocent=={version}\n")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "metrics.csv").write_text("step,val/acc\n1,0.1\n")
    (tmp_path / "train.py").write_text(
        "import culprit, pathlib\n"
        "pathlib.Path('logs/metrics.csv').write_text(f'step,val/acc\\n1,0.5\\n2,{0.9 - culprit.worse}\\n')\n"
    )
    source = ("--metric", "val/acc", "--metric-from", "csv:logs/metrics.csv:val/acc", "--higher-is-better")
    done = cli("bisect", "old.txt", "new.txt", *source, "--python", PYTHON, "--json", "--", "python", "train.py")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["verdict"], report["culprits"], report["old"]["mean"]) == ("proved", ["culprit"], 0.9)
