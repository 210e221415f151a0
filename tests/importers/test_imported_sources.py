"""Importing again reads only what changed, and misses no change."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.trackers.wandb_log import encoded, field

from contexta import Contexta
from contexta.core.errors import InvalidInput

FIXTURES = Path(__file__).parent / "fixtures"
KINDS = ["wandb/0.31.0", "swanlab", "mlflow/mlruns", "comet", "clearml", "sacred", "guild", "hydra", "tensorboard"]
KINDS += ["dvc", "trackio", "transformers", "csv"]


def fixture(kind: str, folder: Path) -> Path:
    """A copy of the files of a kind."""
    if kind == "trackio":
        folder.mkdir()
        with closing(sqlite3.connect(folder / "credit-risk.db")) as connection:
            connection.executescript((FIXTURES / "trackio" / "credit-risk-0.43.0.sql").read_text())
    elif kind == "transformers":
        (folder / "checkpoint-2").mkdir(parents=True)
        text = '{"log_history": [{"loss": 0.5, "step": 1}]}'
        (folder / "checkpoint-2" / "trainer_state.json").write_text(text)
    elif kind == "csv":
        (folder / "version_0").mkdir(parents=True)
        (folder / "version_0" / "metrics.csv").write_text("epoch,step,loss\n0,1,0.5\n")
        (folder / "version_0" / "hparams.yaml").write_text("lr: 0.1\n")
    else:
        shutil.copytree(FIXTURES / kind, folder)
    return folder


def outcomes(ctx: Contexta, folder: Path, *, dry_run: bool = False) -> list[tuple[str, str]]:
    try:
        return [(run.kind, run.outcome) for run in ctx.import_runs(folder, project="p", dry_run=dry_run).runs]
    except InvalidInput as error:
        return [(error.what, "")]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_of_any_file_is_noticed_as_if_everything_was_read(kind: str, tmp_path: Path) -> None:
    folder, memory = fixture(kind, tmp_path / "runs"), tmp_path / ".contexta" / "imports"
    with Contexta(tmp_path / ".contexta") as ctx:
        assert {outcome for _, outcome in outcomes(ctx, folder)} == {"imported"}
        assert {outcome for _, outcome in outcomes(ctx, folder)} == {"present"}
        assert memory.exists() == (kind != "dvc")
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            content, facts = file.read_bytes(), file.stat()
            for is_removed in (False, True):
                if is_removed:
                    file.unlink()
                else:
                    file.write_bytes(content[:-2] + b"7\n")
                    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))  # of the same size, and dated as before
                with_memory = outcomes(ctx, folder, dry_run=True)
                if memory.exists():
                    memory.rename(tmp_path / "away")
                assert outcomes(ctx, folder, dry_run=True) == with_memory, (file, is_removed)
                if kind != "dvc":
                    (tmp_path / "away").rename(memory)
                file.write_bytes(content)
                os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def log_of(points: int) -> bytes:
    def item(name: bytes, value: int) -> bytes:
        return field(1, field(1, name) + field(16, str(value).encode()))

    run = field(17, field(1, b"ab12") + field(17, field(1, 1_700_000_000)))
    history = [field(2, item(b"loss", step) + item(b"_step", step)) for step in range(points)]
    return encoded(b":W&B\xe1\xbe\x00", [run, *history])


def test_a_second_import_takes_a_small_part_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "run-ab12.wandb").write_bytes(log_of(20_000))
    with Contexta(tmp_path / ".contexta") as ctx:
        seconds = []
        for _ in range(2):
            start = time.process_time()
            (run,) = ctx.import_runs(tmp_path / "run-ab12.wandb").runs
            seconds.append(time.process_time() - start)
            assert (run.metrics, run.points, run.status) == (1, 20_000, "crashed")
            assert any("has no end" in note for note in run.notes)
    assert run.outcome == "present"
    assert seconds[1] < seconds[0] / 5


def test_a_deleted_run_a_new_file_and_a_damaged_memory_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "run-ab12.wandb").write_bytes(log_of(3))
    with Contexta(tmp_path / ".contexta") as ctx:
        assert outcomes(ctx, tmp_path / "run-ab12.wandb") == [("wandb", "imported")]
        (tmp_path / "files").mkdir()
        (tmp_path / "files" / "requirements.txt").write_text("numpy==2.0.0\n")
        assert outcomes(ctx, tmp_path / "run-ab12.wandb") == [("wandb", "changed")]
        shutil.rmtree(tmp_path / "files")
        (memory,) = (tmp_path / ".contexta" / "imports").iterdir()
        for damage in (b"", b"{}", memory.read_bytes()[:-9]):
            memory.write_bytes(damage)
            assert outcomes(ctx, tmp_path / "run-ab12.wandb") == [("wandb", "present")]
        ctx.delete_runs(["p.ab12"], force=True)
        assert outcomes(ctx, tmp_path / "run-ab12.wandb") == [("wandb", "imported")]


def test_nothing_secret_is_remembered(tmp_path: Path) -> None:
    token = "hf_" + "Ab3dEf6hIj" * 3 + "Kl9m"
    folder = tmp_path / token
    folder.mkdir()
    (folder / "run-ab12.wandb").write_bytes(log_of(3))
    with Contexta(tmp_path / ".contexta") as ctx:
        assert outcomes(ctx, folder) == [("wandb", "imported")]
        assert outcomes(ctx, folder) == [("wandb", "present")]
    stored = b"".join(path.read_bytes() for path in (tmp_path / ".contexta").rglob("*") if path.is_file())
    assert token.encode() not in stored
