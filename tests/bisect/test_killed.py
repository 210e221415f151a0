"""A study that is killed at any moment continues as if it had not been killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta

TRAIN = """
import os, pathlib, subprocess, sys, time
import alpha, beta, gamma
with open(os.environ["STARTED"], "a") as started:
    started.write(f"{os.getpid()}\\n")
sleep = "import time; time.sleep(600)  # " + os.environ["MARK"]
subprocess.Popen([sys.executable, "-c", sleep], start_new_session=True)
for epoch in range(10):
    time.sleep(0.04)
    print(f"epoch={epoch} loss={0.9 ** epoch * (1 + gamma.worse):.9f}")
print("accuracy=%.6f" % (0.9 - gamma.worse + int(os.environ["SEED"]) / 1000))
"""
KILLS = 50
BUILDING = 15  # kills after which the two environments are gone again, so that building them is met as well


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_killed_at_fifty_moments_a_study_comes_to_its_verdict_and_repeats_no_finished_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_index(monkeypatch, tmp_path / "index", tmp_path / "cache")
    for name in ("alpha", "beta", "gamma"):
        make_wheel(tmp_path / "index", name, "1.0", "worse = 0.0")
        make_wheel(tmp_path / "index", name, "2.0", f"worse = {0.05 if name == 'gamma' else 0.0}")
    project = tmp_path / "project"  # next to uv's cache, whose changes are no changes of the source
    project.mkdir()
    for end, version in (("old", "1.0"), ("new", "2.0")):
        (project / f"{end}.txt").write_text("".join(f"{name}=={version}\n" for name in ("alpha", "beta", "gamma")))
    (project / "train.py").write_text(TRAIN)
    mark = f"mark-{os.getpid()}-{time.time_ns()}"
    monkeypatch.setenv("MARK", mark)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("STARTED", str(tmp_path.parent / f"{tmp_path.name}-started"))
    command = ["bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON, "--json", "--no-versions"]

    log = tmp_path / "log"

    def begin(*arguments: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "contexta.cli", *arguments]
        with log.open("wb") as stderr:
            return subprocess.Popen(argv, cwd=project, stdout=subprocess.PIPE, stderr=stderr)

    moments = random.Random(7)
    study = begin(*command, "--", "python", "train.py")
    for kill in range(KILLS):
        _wait_until_at_work(study, log, building=kill < BUILDING)
        time.sleep(moments.uniform(0.0, 1.2))
        study.send_signal(signal.SIGKILL)
        study.communicate()
        _wait_until_gone(mark)
        if kill < BUILDING:
            shutil.rmtree(os.environ["CONTEXTA_CACHE_DIR"], ignore_errors=True)
        study = begin(*command, "--resume", "--", "python", "train.py")
    printed, _ = study.communicate(timeout=300)
    report = json.loads(printed)
    assert any(trial["stopped"] for trial in report["trials"]), "no trial was stopped early"
    assert (report["verdict"], report["culprits"]) == ("proved", ["gamma"])
    with Contexta(workspace=project / ".contexta" / "bisect") as ctx:
        runs = ctx.list_runs()
        remaining = [run.metadata["trial"] for run in runs]
        installed = [ctx.get_environment(run.run_ref).packages for run in runs]
    assert len(remaining) == report["runs"], "a finished trial was repeated"
    assert [trial["reason"] for trial in remaining if trial["value"] is None] == [], "a half environment was used"
    versions = {"alpha", "beta", "gamma"}
    for trial, packages in zip(remaining, installed, strict=True):
        assert packages == {name: "2.0" if name in trial["at_new"] else "1.0" for name in versions}
    _wait_until_gone(mark)
    assert list(temporary.glob("cx-*")) == [], "a trial's files were left behind"
    mixes = Path(os.environ["CONTEXTA_CACHE_DIR"], "mixes")
    assert [path for path in mixes.iterdir() if path.suffix != ".lock"] == [], "an environment was left behind"


def _wait_until_at_work(study: subprocess.Popen[bytes], log: Path, *, building: bool) -> None:
    """Until it builds its environments, or runs trials: kills that meet it starting up would test little."""
    cache_directory = Path(os.environ["CONTEXTA_CACHE_DIR"])
    deadline = time.monotonic() + 60
    while study.poll() is None and not (cache_directory.is_dir() if building else b"kept in" in log.read_bytes()):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.04)


def _wait_until_gone(mark: str) -> None:
    deadline = time.monotonic() + 20
    while left := [pid for pid in _processes() if mark in pid[1]]:
        assert time.monotonic() < deadline, f"orphans: {left}"
        time.sleep(0.05)


def _processes() -> list[tuple[int, str]]:
    result = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                result.append((int(entry.name), (entry / "cmdline").read_bytes().decode(errors="replace")))
            except OSError:
                continue  # it has ended meanwhile
    return result
