from __future__ import annotations

import shlex

import pytest

from contexta.analysis.commands.named_arguments import arguments_by_name


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("python train.py", {"program": "python train.py"}),
        ("/opt/env/bin/python3.11 -u train.py --lr 0.1", {"program": "python -u train.py", "--lr": "0.1"}),
        ("python -m pkg.train --lr=0.1 -v", {"program": "python -m pkg.train", "--lr": "0.1", "-v": "given"}),
        ("python train.py lr=0.1 model.depth=3", {"program": "python train.py", "lr": "0.1", "model.depth": "3"}),
        ("python train.py --shift -0.5 --fast", {"program": "python train.py", "--shift": "-0.5", "--fast": "given"}),
        (
            "python train.py a.csv --tag x --tag y",
            {"program": "python train.py", "argument 1": "a.csv", "--tag": "x y"},
        ),
        ("torchrun --nproc 2 train.py", {"program": "torchrun", "--nproc": "2", "argument 1": "train.py"}),
        ("python --fast lr=1", {"program": "python --fast lr=1"}),
        ("", {}),
    ],
)
def test_arguments_have_names(command: str, arguments: dict[str, str]) -> None:
    assert arguments_by_name(shlex.split(command)) == arguments
