"""Trials on executors of ``concurrent.futures``: real process pools on this machine."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.builders import Cli
from support.pool_study import make_project, start_bisect

from contexta import Contexta
from contexta.bisect.execution.executors import remote_run
from contexta.bisect.execution.executors.pool import PoolExecutor, _run_on_worker, _watch
from contexta.bisect.execution.executors.remote_run import Marker, Markers
from contexta.bisect.execution.trial_job import Command, TrialJob, TrialResult
from contexta.core.errors import ContextaError

WORKERS = """
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

def workers():
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))

@contextmanager
def entered():
    with workers() as pool:
        yield pool

def nothing():
    return 3

def broken():
    raise RuntimeError("no license")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_project(tmp_path, monkeypatch)
    (folder / "cluster.py").write_text(WORKERS)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("factory", ["workers", "entered"])
def test_on_a_process_pool_a_study_is_proved_and_recorded_here(project: Path, factory: str) -> None:
    printed, errors = start_bisect(project, "--executor", f"cluster:{factory}").communicate(timeout=300)
    report = json.loads(printed)
    assert (report["verdict"], report["culprits"]) == ("proved", ["beta"]), errors.decode()
    with Contexta(workspace=project / ".contexta" / "bisect") as ctx:
        runs = {run.run_ref.value for run in ctx.list_runs()}
        assert {trial["run"] for trial in report["trials"]} <= runs
        assert ctx.verify().sound
    assert list((project / ".contexta" / "bisect").glob(".shared-*")) == []


@pytest.mark.slow
def test_trials_on_a_process_pool_end_with_an_interrupted_study(project: Path, tmp_path: Path) -> None:
    pause = ("--old-env", "PAUSE=600", "--new-env", "PAUSE=600")
    study = start_bisect(project, "--executor", "cluster:workers", *pause)
    started = tmp_path / "started"
    deadline = time.monotonic() + 120
    while not (started.exists() and started.read_text().endswith("\n")):
        assert time.monotonic() < deadline, "no trial began"
        time.sleep(0.1)
    study.send_signal(signal.SIGINT)
    _, errors = study.communicate(timeout=60)
    assert "`contexta bisect --resume` continues" in errors.decode()
    for line in started.read_text().splitlines():
        _ends(int(line.split()[1]))


def _ends(pid: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline, "a trial outlived its study"
        time.sleep(0.1)


@pytest.mark.slow
def test_an_executor_whose_worker_dies_ends_the_study_with_the_reason(project: Path) -> None:
    (project / "train.py").write_text(
        "import os, pathlib, signal\n"
        "keeper = pathlib.Path('/proc', str(os.getppid()), 'stat').read_text()\n"
        "os.kill(int(keeper.rpartition(')')[2].split()[1]), signal.SIGKILL)\n"
    )
    study = start_bisect(project, "--executor", "cluster:workers")
    _, errors = study.communicate(timeout=120)
    assert study.returncode == 2
    assert "the executor cluster:workers gave up a trial: BrokenProcessPool" in errors.decode()
    assert "`contexta bisect --resume` continues" in errors.decode()
    assert "Traceback" not in errors.decode()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cluster", '"cluster" is not MODULE:FACTORY'),
        ("no_such_cluster:workers", "the module no_such_cluster cannot be imported: ModuleNotFoundError"),
        ("cluster:absent", "the module cluster has no function absent"),
        ("cluster:nothing", "cluster:nothing returned int, not an executor of concurrent.futures"),
        ("cluster:broken", "cluster:broken failed: RuntimeError: no license"),
    ],
)
def test_a_name_that_is_no_executor_is_wrong_use(project: Path, name: str, reason: str) -> None:
    study = start_bisect(project, "--executor", name)
    _, errors = study.communicate(timeout=120)
    assert study.returncode == 2
    error = json.loads(errors.decode().splitlines()[-1])
    assert reason in error["error"]
    assert error["hint"]
    assert "Traceback" not in errors.decode()


def test_dask_and_executor_exclude_each_other(project: Path, cli: Cli) -> None:
    sides = ("project/old.txt", "project/new.txt")
    done = cli("bisect", *sides, "--dask", "localhost:1", "--executor", "a:b", "--", "python", "train.py")
    assert done.returncode == 2
    assert "--dask and --executor were both given" in done.stderr


def test_a_worker_without_the_workspace_returns_the_run_with_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_run, "run_job", _large_run)
    monkeypatch.setattr(remote_run, "CHUNK", 2**16)
    monkeypatch.setattr(Marker, "is_in", lambda *_: False)
    markers = Markers()
    with ThreadPoolExecutor(1) as pool:
        executor = PoolExecutor(pool, "test:pool", 1, markers)
        job = TrialJob(Command(("x",), None, "."), 0, workspace=str(tmp_path / "home"))
        assert executor.submit(job).result(timeout=60).value == 0.5
        executor.cancel()
    markers.remove()
    assert (tmp_path / "home" / "objects" / "large").read_bytes() == b"x" * 1_000_000
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["objects"]


def test_a_run_that_is_too_large_for_one_message_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_run, "run_job", _large_run)
    monkeypatch.setattr(remote_run, "_MOST_PACKED", 999_999)
    monkeypatch.setattr(Marker, "is_in", lambda *_: False)
    markers = Markers()
    with ThreadPoolExecutor(1) as pool:
        executor = PoolExecutor(pool, "test:pool", 1, markers)
        job = TrialJob(Command(("x",), None, "."), 0, workspace=str(tmp_path / "home"))
        with pytest.raises(ContextaError, match="the files of a trial have 1 MB") as caught:
            executor.submit(job).result(timeout=60)
        executor.cancel()
    assert "--dask" in str(caught.value.hint)


def _large_run(job: TrialJob, stop: object) -> TrialResult:
    (Path(str(job.workspace)) / "objects").mkdir()
    (Path(str(job.workspace)) / "objects" / "large").write_bytes(b"x" * 1_000_000)
    return TrialResult(0.5, "", 1.0, run="p.r")


def test_a_trial_stops_when_its_study_has_ended_or_gives_no_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contexta.bisect.execution.executors import pool

    monkeypatch.setattr(pool, "_LOOK", 0.02)
    monkeypatch.setattr(pool, "_SILENT", 0.5)
    monkeypatch.setattr(remote_run, "_RENEWED", 0.05)
    markers = Markers()
    marker = markers.of(tmp_path)
    stop, ended = threading.Event(), threading.Event()
    watch = threading.Thread(target=_watch, args=(marker, tmp_path, stop, ended))
    watch.start()
    assert not stop.wait(0.8), "a marker with new signs stopped a trial"
    markers.end()
    assert stop.wait(10)
    with pytest.raises(ContextaError, match="the study has ended"):
        _run_on_worker(TrialJob(Command(("x",), None, "."), 0, workspace=str(tmp_path)), marker)
    markers.remove()
    assert list(tmp_path.iterdir()) == []
    abandoned = Marker.in_workspace(tmp_path)
    stop.clear()
    _watch(abandoned, tmp_path, stop, ended)
    assert stop.is_set()
