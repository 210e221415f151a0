"""Runs of trackers are traces of the environment that they recorded. The fixtures are those of the importers."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path

from contexta.reconstruct.search.imported_traces import traces_of_trackers
from contexta.reconstruct.trace_values import PYTHON, PointInTime, Trace

FIXTURES = Path(__file__).parent.parent / "importers" / "fixtures"
MOMENT = datetime(2026, 12, 31, tzinfo=timezone.utc)


def traces_below(directories: list[Path], files: list[Path]) -> dict[str, list[Trace]]:
    """The traces by the tracker that recorded them."""
    traces = traces_of_trackers(directories, files, PointInTime(MOMENT, MOMENT, "2026-12-31"))
    assert not traces.notes
    by_tracker: dict[str, list[Trace]] = {}
    for trace in traces.evidence:
        by_tracker.setdefault(trace.where.partition(" run ")[0], []).append(trace)
    return by_tracker


def test_runs_of_trackers_give_the_versions_that_they_recorded_at_their_time(tmp_path: Path) -> None:
    for name in ("wandb/0.31.0", "comet", "clearml", "swanlab", "tensorboard"):
        shutil.copytree(FIXTURES / name, tmp_path / name)
    by_tracker = traces_below([tmp_path], [])
    assert set(by_tracker) == {"W&B", "Comet", "ClearML", "SwanLab"}
    for tracker, traces in by_tracker.items():
        assert any(trace.package == PYTHON and trace.version.startswith("3.") for trace in traces), tracker
        assert all(trace.kind == "observed" and trace.when < MOMENT and not trace.is_named for trace in traces)
    assert {trace.package for trace in by_tracker["W&B"]} == {PYTHON}  # its packages are in a document
    assert "comet-ml" in {trace.package for trace in by_tracker["Comet"]}


def test_a_file_that_is_named_counts_whatever_its_date_is() -> None:
    (archive, *_) = sorted((FIXTURES / "comet").glob("*.zip"))
    assert all(trace.is_named for traces in traces_below([], [archive]).values() for trace in traces)
