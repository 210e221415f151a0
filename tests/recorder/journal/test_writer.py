"""Acknowledged records survive any end of their process."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.paths import SOURCE
from support.pythons import every_python

from contexta import Contexta
from contexta.recorder.journal.writer import Journal

posix = pytest.mark.skipif(os.name != "posix", reason="forks and signals are POSIX's")


def records(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Every journal below a directory, by file name."""
    return {
        path.name: [json.loads(line) for line in path.read_bytes().splitlines()] for path in folder.rglob("*.jsonl")
    }


def program(tmp_path: Path, text: str) -> Path:
    path = tmp_path / f"program{len(list(tmp_path.glob('program*.py')))}.py"  # never one that another process reads
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def start(tmp_path: Path, text: str, *, python: str = sys.executable, **options: Any) -> subprocess.Popen[str]:
    source = os.fspath(SOURCE)
    environ = {**os.environ, "PYTHONPATH": source, "CONTEXTA_WORKSPACE": os.fspath(tmp_path / "ws")}
    return subprocess.Popen([python, program(tmp_path, text)], env=environ, text=True, **options)


def run(tmp_path: Path, text: str, *, python: str = sys.executable) -> str:
    process = start(tmp_path, text, python=python, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    return out


def points(workspace: Path, name: str) -> dict[str, int]:
    with Contexta(workspace=workspace) as ctx:
        return {metric.metric_key: metric.points for stage in ctx.get_run(name).stages for metric in stage.metrics}


# ---------------------------------------------------------------------------------------------- one process


def test_every_line_has_the_next_number_and_time_never_goes_back(tmp_path: Path) -> None:
    journal = Journal(os.fspath(tmp_path), "p.r", first=True)
    head = journal.metric_head("loss", None)

    def work() -> None:
        for step in range(500):
            journal.metric(head, 0.5, step)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close(status="completed")
    (lines,) = records(tmp_path).values()
    assert [line["s"] for line in lines] == list(range(16 * 500 + 1))
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert Counter(line["i"] for line in lines[:-1]) == Counter(list(range(500)) * 16)


def test_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    Journal(os.fspath(tmp_path), "p.r", first=True).close(status="completed")
    with pytest.raises(FileExistsError):
        Journal(os.fspath(tmp_path), "p.r", first=True)


def test_other_process_of_a_run_leaves_no_file_when_it_says_nothing(tmp_path: Path) -> None:
    Journal(os.fspath(tmp_path), "p.r", first=False).close()
    assert list(tmp_path.iterdir()) == []


def test_directory_that_vanished_costs_records_and_one_warning_but_not_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(os.fspath(tmp_path / "gone"), "p.r", first=False)
    for _ in range(3):
        journal.write("note", topic="t", text="lost")
    assert journal.lost == 3
    (tmp_path / "gone").mkdir()
    journal.write("note", topic="t", text="kept")
    journal.close()
    (lines,) = records(tmp_path / "gone").values()
    assert [line["t"] for line in lines] == ["join", "note", "lost", "close"]
    (lost,) = (line for line in lines if line["t"] == "lost")
    assert (lost["count"], lost["first"]) == (3, "note t")
    assert lost["why"].startswith("no such file or directory")
    assert capsys.readouterr().err.count("contexta:") == 1


def test_deleted_journal_is_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(os.fspath(tmp_path), "p.r", first=True)
    (tmp_path / "p.r.jsonl").unlink()
    journal.flush()
    journal.flush()
    journal.close(status="completed")
    assert capsys.readouterr().err.count("has been deleted") == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", os.fspath(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no tmpfs can be mounted: {error}")
    if done.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", os.fspath(place)], check=True)


def test_full_disk_costs_records_but_not_the_program_and_is_noted_when_there_is_space_again(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 100_000)
    journal = Journal(os.fspath(small_disk), "p.r", first=True)
    head = journal.metric_head("loss", None)
    for step in range(10_000):
        journal.metric(head, 0.125, step)
    assert 0 < journal.lost < 10_000
    filler.unlink()
    journal.metric(head, 0.125, 10_000)
    journal.close(status="completed")
    lines = (small_disk / "p.r.jsonl").read_bytes().splitlines()
    whole = [json.loads(line) for line in lines if line.endswith(b"}")]
    steps = [line["i"] for line in whole if line["t"] == "metric"]
    assert len(steps) == 10_001 - journal.lost
    assert steps[-1] == 10_000
    assert len(lines) - len(whole) <= 1  # the one that was cut short
    (lost,) = (line for line in whole if line["t"] == "lost")
    assert (lost["count"], lost["why"], lost["first"]) == (journal.lost, "no space left on device", "metric loss")
    assert capsys.readouterr().err.count("contexta:") == 1


def test_run_whose_disk_stays_full_still_says_how_it_ended_and_how_much_is_lost(small_disk: Path) -> None:
    program = """
    import contexta, os, sys
    run = contexta.init(name="r")
    with open(os.path.join(os.environ["CONTEXTA_WORKSPACE"], "filler"), "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            pass
    for step in range(5_000):
        run.metric("loss", 0.125, step)
    print(run._journal.lost)
    """
    environ = {
        **os.environ,
        "PYTHONPATH": os.fspath(SOURCE),
        "CONTEXTA_WORKSPACE": os.fspath(small_disk),
    }
    command = [sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, env=environ, cwd=small_disk.parent, capture_output=True, text=True, check=True)
    lost = int(done.stdout)
    assert 0 < lost < 5_000
    assert done.stderr.count("contexta:") == 1
    workspace = shutil.copytree(small_disk, small_disk.parent / "copy")  # with space for a database
    with Contexta(workspace=workspace) as ctx:
        details = ctx.get_run("r")
        codes = [issue.code for issue in ctx.diagnose_run("r").issues]
    assert details.status == "completed"
    assert details.stages[0].metrics[0].points == 5_000 - lost
    assert (
        details.metadata["lost_records"]["count"] == lost + 1
    )  # facts of the environment that are collected at the end
    assert "no space left on device" in details.metadata["lost_records"]["reasons"]
    assert "records_lost" in codes


# ---------------------------------------------------------------------------------------------- many processes

FORKS = """
import multiprocessing, os, sys, threading
from contexta.recorder.session import active_run

def work(key, count):
    for step in range(count):
        active_run.log({key: 0.5}, step=step)

if __name__ == "__main__":
    active_run.init(project="p", name="r")
    active_run.log({"main": 1})
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        children = [context.Process(target=work, args=(method, 100)) for _ in range(2)]
        for child in children: child.start()
        for child in children: child.join()
    threads = [threading.Thread(target=work, args=("threads", 100)) for _ in range(16)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    pid = os.fork()
    if pid == 0:
        work("bare fork", 100)
        sys.exit(0)
    os.waitpid(pid, 0)
    work("main", 99)
"""


@posix
@pytest.mark.parametrize("python", every_python())
def test_forks_spawned_processes_and_threads_all_count(tmp_path: Path, python: str) -> None:
    run(tmp_path, "import warnings; warnings.simplefilter('error')\n" + FORKS, python=python)
    files = records(tmp_path / "ws")
    assert len(files) == 6
    for lines in files.values():
        assert [line["s"] for line in lines] == list(range(len(lines)))
        assert lines[-1]["t"] in ("end", "close")
        assert len({line["pid"] for line in lines if "pid" in line}) == 1
    assert points(tmp_path / "ws", "r") == {"main": 100, "fork": 200, "spawn": 200, "threads": 1600, "bare fork": 100}
    with Contexta(workspace=tmp_path / "ws") as ctx:
        details = ctx.get_run("r")
    assert details.status == "completed"
    assert [note for note in details.notes if note.topic == "journal"] == []


@posix
def test_child_that_leaves_the_with_block_does_not_end_the_run(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        import os
        from contexta import Contexta
        with Contexta().run("r", project="p") as run:
            pid = os.fork()
            if pid == 0:
                run.metric("child", 1)
            else:
                os.waitpid(pid, 0)
                run.metric("parent", 1)
        if pid == 0:
            os._exit(0)
        """,
    )
    assert points(tmp_path / "ws", "r") == {"child": 1, "parent": 1}
    first = records(tmp_path / "ws")["p.r.jsonl"]
    assert [line["t"] for line in first].count("end") == 1
    assert not any(line.get("k") == "child" for line in first)


@posix
@pytest.mark.parametrize("python", every_python())
def test_program_that_forks_gets_no_warning_about_the_heartbeat_thread(tmp_path: Path, python: str) -> None:
    run(
        tmp_path,
        """
        import os, warnings
        warnings.simplefilter("error")
        from contexta import Contexta
        with Contexta().run("r", project="p"):
            for _ in range(200):
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                os.waitpid(pid, 0)
        """,
        python=python,
    )


def test_run_can_be_sent_to_another_process(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        import multiprocessing
        from contexta import Contexta

        def work(run):
            run.metric("there", 1)

        if __name__ == "__main__":
            with Contexta().run("r", project="p") as run:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    pool.apply(work, (run,))
                    pool.close()
                    pool.join()
        """,
    )
    assert points(tmp_path / "ws", "r") == {"there": 1}


def test_eight_processes_with_a_run_each_record_into_one_workspace(tmp_path: Path) -> None:
    text = """
    from contexta import Contexta
    with Contexta() as ctx, ctx.run("same", project="p") as run:
        for step in range(20_000):
            run.metric("loss", 0.5, step)
    """
    processes = [start(tmp_path, text, stderr=subprocess.PIPE) for _ in range(8)]
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (0, "")
    with Contexta(workspace=tmp_path / "ws") as ctx:
        runs = ctx.list_runs()
        counts = [metric.points for item in runs for stage in item.stages for metric in stage.metrics]
    assert counts == [20_000] * 8
    assert {item.status for item in runs} == {"completed"}
    assert len({item.run_ref for item in runs}) == 8


# ---------------------------------------------------------------------------------------------- kill -9

LOGGING = """
import os
from contexta.recorder.session import active_run
run = active_run.init(project="p", name="r")
step = 0
while True:
    run.metric("loss", 0.5, step)
    os.write(1, b"%d\\n" % step)  # acknowledged
    step += 1
"""


def _kill_trials(tmp_path: Path, trials: int) -> None:
    dice = random.Random(3)
    acknowledged = {}
    for trial in range(trials):
        process = start(tmp_path, LOGGING.replace('"r"', f'"r{trial}"'), stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        reader = threading.Thread(target=lambda: acknowledged.update({f"r{trial}": process.communicate()[0]}))  # noqa: B023  # joined below
        reader.start()
        time.sleep(dice.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        reader.join()
    assert len(acknowledged) == trials
    with Contexta(workspace=tmp_path / "ws") as ctx:
        for name, printed in acknowledged.items():
            last = printed.rpartition("\n")[0].rpartition("\n")[2]
            details = ctx.get_run(name)
            assert details.status == "crashed"
            assert details.metrics["loss"] == 0.5
            (metric,) = details.stages[0].metrics
            assert metric.points >= int(last or 0) + 1
            assert details.ended_at == metric.observed_at


@posix
def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    _kill_trials(tmp_path, 20)


@posix
@pytest.mark.slow
def test_kill_9_loses_nothing_acknowledged_in_200_trials(tmp_path: Path) -> None:
    _kill_trials(tmp_path, 200)
