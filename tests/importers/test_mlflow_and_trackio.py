"""Runs of MLflow and Trackio are imported as they were logged. The fixtures are of real versions, as statements of SQL
without the tables that no reader uses; see support/trackers."""

from __future__ import annotations

import math
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.builders import Cli

from contexta import Contexta
from contexta.importers.readers import KINDS, sources_below
from contexta.importers.reading.description import ForeignRun, MetricPoint

FIXTURES = Path(__file__).parent / "fixtures"
MLFLOW = FIXTURES / "mlflow" / "mlflow-3.17.2.sql"
TRACKIO = FIXTURES / "trackio" / "credit-risk-0.43.0.sql"


def database(statements: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements.read_text())
        connection.commit()
    return path


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Kind -> a file or directory of it."""
    return {
        "mlflow": database(MLFLOW, tmp_path / "mlflow.db"),
        "mlflow-files": FIXTURES / "mlflow" / "mlruns",
        "trackio": database(TRACKIO, tmp_path / "credit-risk.db"),
    }


def runs_below(path: Path) -> list[ForeignRun]:
    return [run for source in sources_below(path) for run in KINDS[source.kind].read(source.path)]


def finite_points(run: ForeignRun) -> set[tuple[str, MetricPoint]]:
    return {(key, point) for key, points in run.metrics.items() for point in points if math.isfinite(point.value)}


@pytest.mark.parametrize("kind", ["mlflow", "mlflow-files"])
def test_runs_of_both_stores_of_mlflow_have_all_values(places: dict[str, Path], kind: str) -> None:
    runs = {run.name: run for run in runs_below(places[kind])}
    assert {name: run.status for name, run in runs.items()} == {
        "february": "completed",
        "march": "failed",
        "april": "crashed",
    }
    february = runs["february"]
    assert [(point.step, point.value) for point in february.metrics["loss"]] == [(i, 1 / (i + 1)) for i in range(20)]
    assert math.isnan(february.metrics["odd"][0].value)
    assert february.metrics["high"][0].value == math.inf
    assert february.params == {"lr": 0.01, "depth": 6, "api_key": "Zq8vT2mXw4Lr9sKd"}
    assert (february.project, february.tags) == ("credit-risk", {"team": "risk"})
    assert february.command == ["/training/train.py"]
    assert [(point.step, point.value) for point in runs["april"].metrics["loss"]] == [(3, 0.5)]
    assert any("recorded no end" in note for note in runs["april"].notes)
    assert runs["april"].ended_at >= runs["april"].started_at > february.started_at > 1_700_000_000_000_000


def test_a_run_of_trackio_has_all_values(places: dict[str, Path]) -> None:
    (run,) = runs_below(places["trackio"])
    assert [(point.step, point.value) for point in run.metrics["loss"]] == [(i, 1 / (i + 1)) for i in range(20)]
    assert [point.value for point in run.metrics["val.accuracy"]] == [0.5 + i / 50 for i in range(20)]
    assert (run.name, run.project) == ("february", "credit-risk")
    assert run.params == {"lr": 0.01, "model.depth": 6}
    assert any("completed is assumed" in note for note in run.notes)


@pytest.mark.parametrize("kind", ["mlflow", "mlflow-files", "trackio"])
def test_imported_runs_are_on_every_screen_once(cli: Cli, tmp_path: Path, places: dict[str, Path], kind: str) -> None:
    for _ in range(2):
        assert cli("import", str(places[kind])).returncode == 0
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        runs = ctx.list_runs()
        assert len(runs) == (1 if kind == "trackio" else 3)
        (february,) = [run for run in runs if run.name == "february"]
        assert ctx.metric_series(february.run_ref, "loss").points == 20
    shown = cli("show", february.run_ref.value).stdout
    assert f"imported from {KINDS[kind].TITLE}" in shown
    stored = b"".join(path.read_bytes() for path in (tmp_path / ".contexta").rglob("*") if path.is_file())
    assert b"Zq8vT2mXw4Lr9sKd" not in stored


def test_a_database_with_a_write_ahead_log_is_read_with_it_and_left_as_it_is(tmp_path: Path) -> None:
    path = database(TRACKIO, tmp_path / "credit-risk.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        columns = "run_name, run_id, timestamp"
        row = f"SELECT {columns}, 99, '{{\"late\": 1.5}}' FROM metrics LIMIT 1"
        connection.execute(f"INSERT INTO metrics ({columns}, step, metrics) {row}")
        connection.commit()
        before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
        (run,) = runs_below(path)
        assert [(point.step, point.value) for point in run.metrics["late"]] == [(99, 1.5)]
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.name in before} == before


def test_a_database_with_a_write_ahead_log_is_copied_once_to_find_its_kind_and_once_to_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(TRACKIO, tmp_path / "credit-risk.db")
    copies: list[str] = []
    original = shutil.copyfile

    def copy(source: Path, target: Path) -> Path:
        copies.append(source.name)
        return original(source, target)

    monkeypatch.setattr("shutil.copyfile", copy)
    assert runs_below(path)
    assert not copies
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE VIRTUAL TABLE boxes USING rtree(id, low, high)")
        connection.commit()
        assert runs_below(path)
    assert copies == ["credit-risk.db", "credit-risk.db-wal"] * 2


@pytest.mark.parametrize("kind", ["mlflow", "trackio"])
def test_a_truncated_database_gives_the_valid_part_and_a_note(places: dict[str, Path], kind: str) -> None:
    path = places[kind]
    data, choose = path.read_bytes(), random.Random(5)
    (whole, *_) = runs_below(path)
    damaged = 0
    for _ in range(60):
        path.write_bytes(data[: choose.randrange(100, len(data))])
        runs: list[ForeignRun] = []
        problems = []
        for source in sources_below(path):
            try:
                for run in KINDS[source.kind].read(source.path):
                    runs.append(run)
            except ValueError as error:  # ``import_runs`` makes a note of it
                problems.append(str(error))
        notes = [note for run in runs for note in run.notes] + problems
        damaged += not runs or any("damage" in note for note in notes)
        for run in runs:
            if run.identity == whole.identity:
                assert finite_points(run) <= finite_points(whole)
                assert finite_points(run) == finite_points(whole) or any("damage" in note for note in notes)
    assert damaged > 20


@pytest.mark.parametrize("kind", ["mlflow", "trackio"])
def test_a_flipped_byte_raises_nothing(tmp_path: Path, places: dict[str, Path], kind: str) -> None:
    path = places[kind]
    data, choose = bytearray(path.read_bytes()), random.Random(6)
    with Contexta(workspace=tmp_path / "other") as ctx:
        for _ in range(100):
            position = choose.randrange(100, len(data))
            changed = bytearray(data)
            changed[position] ^= 1 << choose.randrange(8)
            path.write_bytes(changed)
            if sources_below(path):
                ctx.import_runs(path, dry_run=True)


def test_a_truncated_metric_of_a_file_store_loses_only_its_last_line(tmp_path: Path) -> None:
    root = tmp_path / "mlruns"
    shutil.copytree(FIXTURES / "mlflow" / "mlruns", root)
    (file,) = [path for path in root.glob("*/*/metrics/loss") if path.read_text().count("\n") == 20]
    text = file.read_text()
    for length in range(0, len(text), 7):
        file.write_text(text[:length])
        (run,) = [run for run in runs_below(root) if run.name == "february"]
        values = [point.value for point in run.metrics.get("loss", [])]
        assert values == [1 / (i + 1) for i in range(text[:length].count("\n"))]
        assert not text[:length].rpartition("\n")[2] or any("incomplete" in note for note in run.notes)
