"""How many trials run at a time with --jobs auto."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path

import pytest
from support.pool_study import make_project, start_bisect

from contexta.bisect.execution.executors.room import Measurement, Room, Usage, visible_devices
from contexta.core.processes.process import run

GB = 2**30


@pytest.mark.parametrize(
    ("cores", "memory", "seconds", "processor_seconds", "used", "jobs"),
    [
        (8, 64 * GB, 10, 10, 1 * GB, 8),  # one core each
        (8, 64 * GB, 10, 40, 1 * GB, 2),  # four cores each
        (8, 64 * GB, 10, 80, 1 * GB, 1),  # all cores
        (8, 64 * GB, 10, 100, 1 * GB, 1),  # more than all, with hyper-threading
        (8, 64 * GB, 10, 0.1, 1 * GB, 16),  # it sleeps
        (8, 64 * GB, 10, 10, 20 * GB, 2),  # memory is scarcer
        (8, 64 * GB, 10, 10, 60 * GB, 1),
        (8, None, 10, 10, 20 * GB, 8),  # the memory of the machine is unknown
        (8, 64 * GB, 10, 10, 0, 8),  # it ended before it was measured
        (0.5, 2 * GB, 10, 5, GB // 4, 1),  # a container with half a core
        (8, 64 * GB, 0, 1, 1 * GB, 1),
    ],
)
def test_as_many_trials_fit_as_cores_and_memory_allow(
    cores: float, memory: int | None, seconds: float, processor_seconds: float, used: int, jobs: int
) -> None:
    assert Room(cores, memory).jobs(Usage(seconds, processor_seconds, used)) == jobs


@pytest.mark.parametrize(
    ("named", "devices"),
    [
        ("0,1", ("0", "1")),
        ("3", ("3",)),
        ("GPU-8f, MIG-1", ("GPU-8f", "MIG-1")),
        ("", ()),
        ("-1", ()),
        ("0,-1,1", ("0",)),
    ],
)
def test_devices_are_those_that_the_user_made_visible(
    monkeypatch: pytest.MonkeyPatch, named: str, devices: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert visible_devices() == devices


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script is the program")
def test_devices_are_those_that_the_driver_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\nfor i in 0 1; do echo "$i, NVIDIA A100, 550.54, 40960, 8.0, 92.0, Disabled"; done\n')
    program.chmod(0o755)
    assert visible_devices() == ("0", "1")


@pytest.mark.skipif(sys.platform != "linux", reason="measured from /proc")
def test_a_trial_is_measured_with_all_its_processes() -> None:
    inner = "import time; data = bytearray(50_000_000); time.sleep(1.2)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}]); sum(range(10**7))"
    with Measurement() as measurement:
        run([sys.executable, "-c", outer], timeout=60)
    usage = measurement.usage()
    assert usage is not None
    assert usage.memory > 50_000_000
    assert 0.02 < usage.processor_seconds < usage.seconds < math.inf


@pytest.mark.slow
def test_trials_run_one_per_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, monkeypatch)
    script = project / "train.py"
    script.write_text(
        script.read_text()
        + "print('device', os.environ['CUDA_VISIBLE_DEVICES'], file=open(os.environ['STARTED'], 'a'))\n"
    )
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    printed, errors = start_bisect(project, "--jobs", "auto").communicate(timeout=300)
    report = json.loads(printed)
    assert (report["verdict"], report["culprits"]) == ("proved", ["beta"])
    assert "note: 2 trials at a time: one per GPU (4, 6)" in errors.decode()
    lines = (tmp_path / "started").read_text().splitlines()
    assert {line for line in lines if line.startswith("device")} == {"device 4", "device 6"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measured from /proc")
def test_without_a_gpu_the_first_trial_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    printed, errors = start_bisect(project, "--jobs", "auto").communicate(timeout=300)
    report = json.loads(printed)
    assert (report["verdict"], report["culprits"]) == ("proved", ["beta"])
    (line,) = (line for line in errors.decode().splitlines() if "at a time" in line)
    assert re.search(r"\d+ trials? at a time: the first one used [\d.]+ of [\d.]+ cores and [\d.]+ of [\d.]+ GB", line)


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_jobs_that_is_none_is_wrong_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: str) -> None:
    study = start_bisect(make_project(tmp_path, monkeypatch), "--jobs", jobs)
    _, errors = study.communicate(timeout=60)
    assert study.returncode == 2
    assert "--jobs" in errors.decode()
    assert "Traceback" not in errors.decode()
