from __future__ import annotations

import csv
import io
import json
from hashlib import sha256
from pathlib import Path

import pytest
from support.builders import Cli, put_run

from contexta import Contexta
from contexta.core.errors import InvalidInput


@pytest.fixture
def filled(ctx: Contexta) -> Contexta:
    put_run(ctx, "one", metrics={"accuracy": 0.91, "loss": float("nan")}, stage="train", environment={})
    with ctx.run("two", project="p") as run:
        run.param("lr", 0.1)
        for step in range(3):
            run.metric("accuracy", step / 4, step=step)
    return ctx


def test_json_lines_have_one_line_per_run(filled: Contexta, cli: Cli) -> None:
    done = cli("export", "-")
    assert (done.returncode, done.stderr) == (0, "")
    second, first = map(json.loads, done.stdout.splitlines())
    assert (first["run_ref"], first["metrics"]) == ("run:p.one", {"accuracy": 0.91, "loss": "NaN"})
    assert second["params"] == {"lr": 0.1}


def test_csv_has_one_row_per_run(filled: Contexta, tmp_path: Path) -> None:
    result = filled.export(tmp_path / "runs.csv")
    assert (result.rows, result.format) == (2, "csv")
    with (tmp_path / "runs.csv").open(newline="", encoding="utf-8") as file:
        second, first = csv.DictReader(file)
    assert (first["metrics.accuracy"], first["params.lr"], second["params.lr"]) == ("0.91", "", "0.1")


def test_points_have_one_row_per_measurement(filled: Contexta, tmp_path: Path) -> None:
    assert filled.export(tmp_path / "points.csv", ["two"], points=True).rows == 3
    with (tmp_path / "points.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["metric_key"], row["step"], float(row["value"])) for row in csv.DictReader(file)]
    assert rows == [("accuracy", "0", 0.0), ("accuracy", "1", 0.25), ("accuracy", "2", 0.5)]


def test_export_overwrites_nothing_and_guesses_no_format(filled: Contexta, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("mine")
    with pytest.raises(InvalidInput, match="exists"):
        filled.export(tmp_path / "mine.csv")
    assert (tmp_path / "mine.csv").read_text() == "mine"
    with pytest.raises(InvalidInput, match="format of .* is unknown"):
        filled.export(tmp_path / "runs.xlsx")


def test_parquet_without_pyarrow_names_the_package_to_install(filled: Contexta, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError")
    done = cli("export", "runs.parquet", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "pip install pyarrow" in done.stderr


def test_digest_of_the_canonical_form_is_the_content_digest(filled: Contexta, tmp_path: Path, cli: Cli) -> None:
    filled.sync()
    done = cli("export", "-", "one", "--format", "canonical")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["table"] for line in lines} >= {"run", "stage", "environment", "metric_series"}
    digest = sha256(done.stdout.encode()).hexdigest()
    assert filled.get_run("one").content_digest == digest
    assert digest in cli("show", "one").stdout
    filled.export(tmp_path / "one.txt", ["one"], format="canonical")
    assert (tmp_path / "one.txt").read_bytes() == done.stdout.encode()


def test_sync_quotes_the_content_digests_of_delivered_runs(filled: Contexta) -> None:
    delivery = filled.sync()
    assert dict(delivery.content_digests) == {"run:p.two": filled.get_run("two").content_digest}


def test_open_run_has_no_content_digest(ctx: Contexta) -> None:
    with ctx.run("open", project="p") as run:
        run.metric("x", 1.0)
        assert ctx.get_run("open").content_digest is None


def test_error_of_the_output_is_no_error_of_the_workspace(filled: Contexta, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("sys.stdout", Closed())
    with pytest.raises(BrokenPipeError):
        filled.export(None)
