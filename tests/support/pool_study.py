"""A small study for the tests of executors: two packages of a local index, of which beta 2.0 lowers the accuracy."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.tiny_index import PYTHON, make_wheel, only_index

TRAIN = """
import os, time, alpha, beta
with open(os.environ["STARTED"], "a") as started:
    started.write(f"{os.getppid()} {os.getpid()}\\n")
time.sleep(float(os.environ.get("PAUSE", "0")))
print("accuracy=%.6f" % (0.9 - beta.worse))
"""


def make_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """old.txt, new.txt and train.py, which writes the processes of its trials to the file STARTED."""
    only_index(monkeypatch, tmp_path / "index", tmp_path / "cache")
    for name in ("alpha", "beta"):
        for version in ("1.0", "2.0"):
            worse = 0.05 if (name, version) == ("beta", "2.0") else 0.0
            make_wheel(tmp_path / "index", name, version, f"worse = {worse}")
    folder = tmp_path / "project"
    folder.mkdir()
    for end, version in (("old", "1.0"), ("new", "2.0")):
        (folder / f"{end}.txt").write_text(f"alpha=={version}\nbeta=={version}\n")
    (folder / "train.py").write_text(TRAIN)
    monkeypatch.setenv("STARTED", str(tmp_path / "started"))
    return folder


def start_bisect(project: Path, *options: str) -> subprocess.Popen[bytes]:
    """`contexta bisect` of old.txt and new.txt, with the report as JSON on stdout."""
    arguments = ["bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--no-versions", "--json"]
    command = [sys.executable, "-m", "contexta.cli", *arguments, *options, "--", "python", "train.py"]
    return subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
