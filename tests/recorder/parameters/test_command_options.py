"""Options are found on command lines as programs read them."""

from __future__ import annotations

from typing import Any

import pytest

from contexta.recorder.parameters.command_options import options_of

PYTHON = "python train.py "


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (PYTHON + "--lr 0.1 --name base", {"lr": 0.1, "name": "base"}),
        (PYTHON + "--lr=1e-3 --batch-size=32", {"lr": 0.001, "batch_size": 32}),
        (PYTHON + "lr=0.1 model.depth=4 +trainer.fast=true", {"lr": 0.1, "model.depth": 4, "trainer.fast": "true"}),
        (PYTHON + "--augment --no-cuda", {"augment": True, "no_cuda": True}),
        (PYTHON + "-e 3 -v", {"e": 3, "v": True}),
        (PYTHON + "--layers 1 2 3 --lr 0.1", {"layers": [1, 2, 3], "lr": 0.1}),
        (PYTHON + "--tag a --tag b", {"tag": ["a", "b"]}),
        (PYTHON + "--lr -0.5 data.csv", {"lr": -0.5}),
        (PYTHON + "--lr 0.1 -- --not-an-option 3", {"lr": 0.1}),
        (PYTHON + "--zip 007 --version 1.2.3 --huge 1e999", {"zip": "007", "version": "1.2.3", "huge": "1e999"}),
        ("python -X dev -W ignore -m pkg.train --lr 0.1", {"lr": 0.1}),
        ("torchrun --nproc_per_node 2 train.py --lr 0.1", {"lr": 0.1}),
        ("uv run --with numpy python train.py --lr 0.1", {"lr": 0.1}),
        ("bash run.sh --lr 0.1", {"lr": 0.1}),
        ("./train --lr 0.1", {"lr": 0.1}),
        (PYTHON + "data.csv out", {}),
    ],
)
def test_options_of_a_command_are_its_parameters(line: str, expected: dict[str, Any]) -> None:
    assert options_of(line.split(" ")) == expected
