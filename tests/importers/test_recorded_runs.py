"""What a recorded run lacks of the run of a tracker is named, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from contexta.importers.reading.description import ForeignEnvironment, ForeignRun
from contexta.importers.recorded_runs import notes_on_missing
from contexta.store.entities.tracker_runs import RecordedContent


def tracker_run() -> ForeignRun:
    run = ForeignRun("wandb", "x", Path("x"), "x", 0, 0, params={"lr": 0.1, "model.depth": 6})
    for key, count in (("loss", 3), ("best", 1)):
        for step in range(count):
            run.add_point(key, step, 0, 0.5)
    run.environment = ForeignEnvironment("files/requirements.txt", packages={"numpy": "2.0.0"})
    return run


@pytest.mark.parametrize(
    ("points", "params", "has_environment", "missing"),
    [
        ({"loss": 3, "best": 1}, {"lr", "model.depth"}, True, None),
        ({"loss": 4, "best": 1}, {"lr", "model"}, True, None),  # a recorded run may have nested values, and more points
        ({"loss": 3}, {"lr", "model", "summary.best"}, True, None),
        ({"loss": 3}, {"lr", "model"}, True, "the metric best (1 point)"),
        ({}, {"lr", "model"}, True, "the metrics loss, best (4 points)"),
        ({"loss": 1, "best": 1}, {"lr", "model"}, True, "2 of the 3 points of loss"),
        ({"loss": 3, "best": 1}, {"model.width"}, True, "the parameters lr, model.depth"),
        ({"loss": 3, "best": 1}, {"lr", "model"}, False, "the environment, of 1 package"),
    ],
)
def test_a_note_names_what_only_the_tracker_has(
    points: dict[str, int], params: set[str], has_environment: bool, missing: str | None
) -> None:
    recorded = RecordedContent(points, frozenset(params), has_environment)
    notes = notes_on_missing("shop.april", recorded, tracker_run())
    assert notes == [] if missing is None else notes[0].startswith(f"shop.april lacks {missing}. An import never")
