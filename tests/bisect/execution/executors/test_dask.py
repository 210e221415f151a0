"""Trials on a real Dask cluster: a scheduler and two workers, each a separate process on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from distributed import LocalCluster
from support.builders import Cli
from support.tiny_index import PYTHON, make_wheel, only_index

from contexta import Contexta
from contexta.bisect.execution.executors import remote_run
from contexta.bisect.execution.executors.dask import executor_at
from contexta.bisect.execution.trial_job import Command, TrialJob, TrialResult

SIDES = ("project/old.txt", "project/new.txt")
NAMES = ("alpha", "beta", "gamma", "delta")
TRAIN = """
import os, random, time, alpha, beta, gamma, delta
with open(os.environ["STARTED"], "a") as started:
    started.write(f"{os.getppid()} {os.getpid()}\\n")
time.sleep(float(os.environ.get("PAUSE", "0")))
noise = random.Random(os.environ["SEED"]).gauss(0, 0.005)
print("accuracy=%.6f" % (0.9 - gamma.worse + noise))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    only_index(monkeypatch, tmp_path / "index", tmp_path / "cache")
    for name in NAMES:
        for version in ("1.0", "2.0"):
            worse = 0.05 if (name, version) == ("gamma", "2.0") else 0.0
            requires = ["beta>=2"] if (name, version) == ("gamma", "2.0") else []
            make_wheel(tmp_path / "index", name, version, f"worse = {worse}", requires=requires)
    folder = tmp_path / "project"
    folder.mkdir()
    for end, version in (("old", "1.0"), ("new", "2.0")):
        (folder / f"{end}.txt").write_text("".join(f"{name}=={version}\n" for name in NAMES))
    (folder / "train.py").write_text(TRAIN)
    monkeypatch.setenv("STARTED", str(tmp_path / "started"))
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a program that is ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*argv: str, cwd: Path = tmp_path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        log = (tmp_path / f"log-{len(started)}").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", *argv],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=log,
        )
        log.close()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@pytest.fixture
def scheduler(project: Path, tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]) -> str:
    """The address of a scheduler without workers."""
    file = tmp_path / "scheduler.json"
    start("dask", "scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text().rstrip().endswith("}")):  # it is there before it is written
        assert time.monotonic() < deadline, "the scheduler did not start"
        time.sleep(0.1)
    return str(json.loads(file.read_text())["address"])


@pytest.fixture
def a_worker(
    scheduler: str, tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]]
) -> Callable[[int], subprocess.Popen[bytes]]:
    """Start the worker of that number, with its own environment cache, as on another machine."""

    def begin(number: int) -> subprocess.Popen[bytes]:
        env = {"CONTEXTA_CACHE_DIR": str(tmp_path / f"machine-{number}")}
        return start("dask", "worker", scheduler, "--nthreads", "1", "--no-dashboard", "--name", f"w{number}", env=env)

    return begin


@pytest.fixture
def cluster(scheduler: str, a_worker: Callable[[int], subprocess.Popen[bytes]]) -> str:
    """The address of a scheduler with two workers."""
    for number in (1, 2):
        a_worker(number)
    return scheduler


def bisect(*options: str) -> Sequence[str]:
    arguments = ("contexta.cli", "bisect", "old.txt", "new.txt", "--metric", "accuracy", "--python", PYTHON)
    return (*arguments, "--no-versions", "--json", *options, "--", "python", "train.py")


def paused(seconds: int) -> Sequence[str]:
    """Every trial waits so long; workers do not have the variables of the study."""
    return ("--old-env", f"PAUSE={seconds}", "--new-env", f"PAUSE={seconds}")


def report_of(process: subprocess.Popen[bytes]) -> dict[str, object]:
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    result: dict[str, object] = json.loads(printed)
    return result


def counted(result: dict[str, object]) -> object:
    """The facts that a verdict depends on, without those that differ between runs."""
    trials = result["trials"]
    assert isinstance(trials, list)
    remaining = [{key: trial[key] for key in ("purpose", "at_new", "seed", "value", "reason")} for trial in trials]
    return remaining, [result[key] for key in ("verdict", "culprits", "companions", "proof", "runs")]


@pytest.mark.slow
def test_on_two_workers_a_study_comes_to_the_verdict_of_this_machine_and_is_recorded_here(
    project: Path, tmp_path: Path, cluster: str, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    here = report_of(start(*bisect("--workspace", str(tmp_path / "here")), cwd=project))
    report = report_of(start(*bisect("--workspace", str(tmp_path / "there"), "--dask", cluster), cwd=project))
    assert (report["verdict"], report["culprits"], report["companions"]) == ("proved", ["gamma"], ["beta"])
    assert counted(report) == counted(here)
    for machine in ("machine-1", "machine-2"):
        assert [path for path in (tmp_path / machine).iterdir() if path.name != "mixes"], f"{machine} ran nothing"
    with Contexta(workspace=tmp_path / "there" / "bisect") as ctx:
        runs = {run.run_ref.value: run for run in ctx.list_runs()}
        for trial in report["trials"]:  # type: ignore[attr-defined]  # a list, as JSON has it
            assert runs[trial["run"]].metadata["trial"]["at_new"] == tuple(trial["at_new"])
            assert ctx.get_environment(trial["run"]).packages["gamma"] in ("1.0", "2.0")
        assert ctx.verify().sound


@pytest.mark.slow
def test_a_worker_without_the_workspace_sends_the_files_of_a_run_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_job(job: TrialJob, stop: object) -> TrialResult:
        (Path(str(job.workspace)) / "objects").mkdir()
        (Path(str(job.workspace)) / "objects" / "large").write_bytes(b"x" * 1_000_000)
        return TrialResult(0.5, "", 1.0, run="p.r")

    monkeypatch.setattr(remote_run, "run_job", run_job)
    monkeypatch.setattr(remote_run, "CHUNK", 2**16)
    monkeypatch.setattr(remote_run.Marker, "is_in", lambda *_: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "worker"))
    (tmp_path / "worker").mkdir()
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0")  # type: ignore[no-untyped-call]  # distributed has no types
    with cluster, executor_at(cluster.scheduler_address) as executor:
        job = TrialJob(Command(("x",), None, "."), 0, workspace=str(tmp_path / "home"))
        assert executor.jobs == 1
        assert executor.submit(job).result(timeout=60).value == 0.5
        executor.cancel()
    assert (tmp_path / "home" / "objects" / "large").read_bytes() == b"x" * 1_000_000
    assert [path for path in (tmp_path / "worker").iterdir() if path.name.startswith("contexta-away")] == []
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["objects"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="tells a worker by the parent of a trial's supervisor")
def test_the_trial_of_a_worker_that_dies_is_tried_again(
    project: Path, tmp_path: Path, cluster: str, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    study = start(*bisect("--dask", cluster, "--jobs", "1", *paused(2)), cwd=project)
    supervisor = _first_started(tmp_path)
    worker = int(Path(f"/proc/{supervisor}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(worker, signal.SIGKILL)
    report = report_of(study)
    assert (report["verdict"], report["culprits"]) == ("proved", ["gamma"])
    trials = report["trials"]
    assert isinstance(trials, list)
    assert [trial["reason"] for trial in trials if trial["value"] is None] == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="tells a worker by the parent of a trial's supervisor")
def test_mix_that_kills_its_workers_is_unresolved_with_the_reason(
    project: Path, cluster: str, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    (project / "train.py").write_text(
        "import pathlib, signal\n"
        + TRAIN
        + "if alpha.version != beta.version:\n"
        + "    supervisor = pathlib.Path('/proc', str(os.getppid()), 'stat').read_text()\n"
        + "    os.kill(int(supervisor.rpartition(')')[2].split()[1]), signal.SIGKILL)\n"
        + "    time.sleep(600)\n"
    )
    printed, _ = start(*bisect("--dask", cluster, "--jobs", "1"), cwd=project).communicate(timeout=500)
    report = json.loads(printed)
    lost = [trial for trial in report["trials"] if trial["value"] is None]
    assert {trial["reason"] for trial in lost} == {"its worker died, and so did the workers that ran it again"}
    assert all(("alpha" in trial["at_new"]) != ("beta" in trial["at_new"]) for trial in lost)
    assert (report["old"]["mean"] > report["new"]["mean"], set(report["culprits"]) - {"gamma"}) == (True, set())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_study_on_a_cluster_without_workers_ends_and_can_be_resumed(
    project: Path,
    tmp_path: Path,
    scheduler: str,
    a_worker: Callable[[int], subprocess.Popen[bytes]],
    start: Callable[..., subprocess.Popen[bytes]],
) -> None:
    worker = a_worker(1)
    study = start(*bisect("--dask", scheduler, *paused(2)), cwd=project)
    _first_started(tmp_path)
    while (tmp_path / "started").read_text().count("\n") < 2:
        time.sleep(0.1)
    worker.terminate()
    printed, _ = study.communicate(timeout=200)
    assert (study.returncode, printed) == (2, b"")
    log = next(
        path.read_text() for path in sorted(tmp_path.glob("log-*")) if "has no worker any more" in path.read_text()
    )
    assert f"the cluster at {scheduler} has no worker any more" in log
    assert "`contexta bisect --resume` continues" in log
    assert "Traceback" not in log
    a_worker(2)
    report = report_of(start("contexta.cli", "bisect", "--resume", "--json", "--dask", scheduler, cwd=project))
    assert (report["verdict"], report["culprits"]) == ("proved", ["gamma"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_study_that_is_killed_takes_its_trials_on_the_workers_with_it(
    project: Path, tmp_path: Path, cluster: str, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    study = start(*bisect("--dask", cluster, *paused(600)), cwd=project)
    supervisor = _first_started(tmp_path)
    study.kill()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{supervisor}").exists():
        assert time.monotonic() < deadline, "the trial outlived its study"
        time.sleep(0.1)


def _first_started(tmp_path: Path) -> int:
    """The supervisor of the first trial that began."""
    deadline = time.monotonic() + 120
    while not (tmp_path / "started").exists() or not (tmp_path / "started").read_text().endswith("\n"):
        assert time.monotonic() < deadline, "no trial began"
        time.sleep(0.1)
    return int((tmp_path / "started").read_text().split()[0])


def test_invalid_scheduler_address_is_refused(cli: Cli, project: Path) -> None:
    done = cli("bisect", *SIDES, "--metric", "a", "--dask", "nonsense:/x", "--", "python", "train.py")
    assert done.returncode == 2
    assert "nonsense:/x\" is no scheduler's address" in done.stderr


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_wrong_use(cli: Cli, project: Path) -> None:
    done = cli("bisect", *SIDES, "--metric", "a", "--dask", "127.0.0.1:1", "--", "python", "train.py")
    assert done.returncode == 2
    assert "no Dask scheduler answers at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
