"""Several runs in one command of ``contexta run``: each is a separate run, and no record is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.paths import SOURCE
from support.pythons import every_python

from contexta import Contexta
from contexta.findings import RunDetails

posix = pytest.mark.skipif(os.name != "posix", reason="forks are POSIX's")
Wrap = Callable[..., "subprocess.CompletedProcess[str]"]
CONTEXTA = [sys.executable, "-I", "-m", "contexta.cli"]


@pytest.fixture
def wrap(tmp_path: Path) -> Wrap:
    def run(program: str, *options: str, python: str = sys.executable, **env: str) -> Any:
        (tmp_path / "train.py").write_text(textwrap.dedent(program), encoding="utf-8")
        done = subprocess.run(
            [*CONTEXTA, "run", "--quiet", *options, "--", python, "train.py"],
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


def runs(tmp_path: Path) -> list[RunDetails]:
    """Every run of the workspace, the oldest first."""
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        return [ctx.get_run(str(item.run_ref)) for item in reversed(ctx.list_runs())]


def losses(tmp_path: Path) -> list[tuple[str, Any]]:
    """(name, last loss) of every run that has one; each was logged twice by the programs here."""
    answer = runs(tmp_path)
    assert [point.points for run in answer for stage in run.stages for point in stage.metrics if "loss" in run.metrics]
    return sorted((run.name, run.metrics["loss"]) for run in answer if "loss" in run.metrics)


SWEEPS = {
    "init": """
        import contexta
        for number in range(1, 4):
            contexta.init(name=f"s{number}", config={"lr": number})
            contexta.log({"loss": number}, step=1)
            contexta.log({"loss": number}, step=2)
            contexta.finish()
        """,
    "init without finish": """
        import contexta
        for number in range(1, 4):
            contexta.init(name=f"s{number}", config={"lr": number})
            contexta.log({"loss": number}, step=1)
            contexta.log({"loss": number}, step=2)
        """,
    "with": """
        import contexta
        for number in range(1, 4):
            with contexta.init(name=f"s{number}", config={"lr": number}) as run:
                run.metric("loss", number, step=1)
                run.metric("loss", number, step=2)
        """,
    "open together": """
        import contexta
        from contexta.recorder.session.active_run import session
        open_runs = [session.start_or_warn(name=f"s{number}") for number in range(1, 4)]
        for step in range(2):
            for number, run in enumerate(open_runs, 1):
                run.param("lr", number)
                run.log({"loss": number}, step=step)
        for run in open_runs:
            run.finish()
        """,
}


@pytest.mark.parametrize("how", list(SWEEPS))
def test_each_run_of_a_sweep_is_a_separate_run(tmp_path: Path, wrap: Wrap, how: str) -> None:
    done = wrap(SWEEPS[how])
    assert done.stderr == ""
    answer = runs(tmp_path)
    assert losses(tmp_path) == [("s1", 1), ("s2", 2), ("s3", 3)]
    assert [run.params["lr"] for run in answer] == [1, 2, 3]
    assert {run.status for run in answer} == {"completed"}
    assert all(run.environment is not None for run in answer)
    first, *rest = answer
    assert first.metadata["command"] == (sys.executable, "train.py")  # of the command itself
    assert first.parts == tuple(run.run_ref for run in rest)
    assert {run.part_of for run in rest} == {first.run_ref}
    assert all("lost_records" not in run.metadata for run in answer)


@pytest.mark.parametrize("python", every_python())
def test_a_sweep_is_recorded_in_every_python(tmp_path: Path, wrap: Wrap, python: str) -> None:
    wrap(SWEEPS["init"], python=python)
    assert losses(tmp_path) == [("s1", 1), ("s2", 2), ("s3", 3)]
    assert [note for run in runs(tmp_path) for note in run.notes if note.topic in ("journal", "environment")] == []


def test_both_runs_say_that_they_belong_together(tmp_path: Path, wrap: Wrap) -> None:
    wrap(SWEEPS["init"], "--name", "sweep", "--project", "p")

    def output_of(*arguments: str) -> str:
        return subprocess.run([*CONTEXTA, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert "runs that began in its processes: p.s2, p.s3\n" in output_of("show", "p.sweep")
    assert "part of p.sweep: it began in a process of that run\n" in output_of("show", "p.s2")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (edge,) = ctx.traverse_lineage("p.s2", direction="downstream").edges
    assert (edge.relation_type, edge.target_ref) == ("part_of", "run:p.sweep")


WORKERS = """
    import contexta, os, sys

    def train(number):
        contexta.init(name=f"s{number}", config={"lr": number})
        contexta.log({"loss": number}, step=1)
        contexta.log({"loss": number}, step=2)
        contexta.finish()
        return number
"""
POOLS = {
    "pool": """
    import multiprocessing
    if __name__ == "__main__":
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            pool.map(train, range(1, 5), chunksize=1)
            pool.close()
            pool.join()
    """,
    "executor": """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    if __name__ == "__main__":
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(sys.argv[1])) as pool:
            list(pool.map(train, range(1, 5)))
    """,
    "processes": """
    import multiprocessing
    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        processes = [context.Process(target=train, args=(number,)) for number in range(1, 5)]
        for process in processes: process.start()
        for process in processes: process.join()
    """,
    "forks": """
    for number in range(1, 5):
        if os.fork() == 0:
            train(number)
            os._exit(0)
        os.wait()
    """,
    "threads": """
    import threading
    threads = [threading.Thread(target=train, args=(number,)) for number in range(1, 5)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    """,
}
FAST = {("pool", "fork"), ("executor", "spawn"), ("processes", "forkserver")}
EVERY_POOL = [
    *(
        pytest.param(kind, method, marks=() if (kind, method) in FAST else pytest.mark.slow)
        for kind in ("pool", "executor", "processes")
        for method in ("fork", "spawn", "forkserver")
    ),
    ("forks", ""),
    ("threads", ""),
]


def pooled(kind: str, method: str) -> str:
    return textwrap.dedent(WORKERS) + textwrap.dedent(POOLS[kind]).replace("sys.argv[1]", repr(method))


@posix
@pytest.mark.parametrize(("kind", "method"), EVERY_POOL)
def test_runs_of_workers_are_runs_of_their_own(tmp_path: Path, wrap: Wrap, kind: str, method: str) -> None:
    wrap(pooled(kind, method))
    assert losses(tmp_path) == [(f"s{number}", number) for number in range(1, 5)]
    answer = runs(tmp_path)
    around = next(run for run in answer if run.parts)
    assert {run.part_of for run in answer if run.run_ref != around.run_ref} == {around.run_ref}
    assert {run.status for run in answer} == {"completed"}
    assert [run.params for run in answer] == [{"lr": run.metrics["loss"]} for run in answer]


@posix
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_runs_of_workers_below_an_open_run_are_its_parts_without_contexta_run_as_well(
    tmp_path: Path, method: str
) -> None:
    main = """
    if __name__ == "__main__":
        contexta.init(name="sweep")
        contexta.log({"total": 6})
    """
    program = textwrap.dedent(WORKERS) + textwrap.dedent(main) + textwrap.dedent(POOLS["pool"])
    (tmp_path / "train.py").write_text(program)
    environ = {**os.environ, "PYTHONPATH": os.fspath(SOURCE)}
    subprocess.run([sys.executable, "train.py", method], cwd=tmp_path, env=environ, check=True, timeout=120)
    assert losses(tmp_path) == [(f"s{number}", number) for number in range(1, 5)]
    answer = {run.name: run for run in runs(tmp_path)}
    assert answer["sweep"].metrics == {"total": 6}
    assert {run.part_of for name, run in answer.items() if name != "sweep"} == {answer["sweep"].run_ref}


@posix
def test_workers_that_only_log_belong_to_the_run_that_is_open(tmp_path: Path, wrap: Wrap) -> None:
    wrap(
        """
        import contexta, multiprocessing

        def work(number):
            contexta.log({"worker": number})

        if __name__ == "__main__":
            contexta.init(name="first")
            contexta.finish()
            contexta.init(name="second")
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(2) as pool:
                    pool.map(work, range(4), chunksize=1)
                    pool.close()
                    pool.join()
        """
    )
    points = {run.name: [metric.points for stage in run.stages for metric in stage.metrics] for run in runs(tmp_path)}
    assert points == {"first": [], "second": [8]}


@posix
def test_the_one_training_process_that_a_program_spawns_is_the_run_of_the_command(tmp_path: Path, wrap: Wrap) -> None:
    program = textwrap.dedent(WORKERS) + textwrap.dedent(POOLS["processes"]).replace("range(1, 5)", "[1]")
    wrap(program.replace("sys.argv[1]", "'spawn'"))
    (run,) = runs(tmp_path)
    assert (run.name, run.metrics) == ("s1", {"loss": 1})


def test_processes_one_after_the_other_go_on_with_the_run_of_the_command(tmp_path: Path, wrap: Wrap) -> None:
    step = "import contexta, sys; contexta.init(); contexta.log({sys.argv[1]: 1})"
    (tmp_path / "step.py").write_text(step)
    wrap(
        """
        import subprocess, sys
        for name in ("prepared", "trained", "evaluated"):
            subprocess.run([sys.executable, "step.py", name], check=True)
        """
    )
    (run,) = runs(tmp_path)
    assert run.metrics == {"prepared": 1, "trained": 1, "evaluated": 1}


def test_program_started_inside_a_further_run_belongs_to_that(tmp_path: Path, wrap: Wrap) -> None:
    (tmp_path / "evaluate.py").write_text("import contexta; contexta.init(name='other'); contexta.log({'score': 1})")
    wrap(
        """
        import contexta, subprocess, sys
        for name in ("first", "second"):
            with contexta.init(name=name):
                subprocess.run([sys.executable, "evaluate.py"], check=True)
        """,
        "--name",
        "first",
    )
    assert [(run.name, run.metrics) for run in runs(tmp_path)] == [("first", {"score": 1}), ("second", {"score": 1})]


def test_ranks_of_one_run_are_not_runs_of_their_own(tmp_path: Path, wrap: Wrap) -> None:
    (tmp_path / "rank.py").write_text("import contexta; contexta.init(name='r'); contexta.log({'loss': 1})")
    wrap(
        """
        import os, subprocess, sys
        ranks = [
            subprocess.Popen([sys.executable, "rank.py"], env={**os.environ, "RANK": str(rank), "WORLD_SIZE": "2"})
            for rank in range(2)
        ]
        sys.exit(max(rank.wait() for rank in ranks))
        """
    )
    (run,) = runs(tmp_path)
    assert {metric.slice_ref for stage in run.stages for metric in stage.metrics} == {None, "rank-1"}


@pytest.mark.parametrize(
    "variables",
    [
        {"RANK": "16"},
        {"RANK": "16", "WORLD_SIZE": "1"},
        {"RANK": "1", "WORLD_SIZE": "lora"},
        {"RANK": "²", "WORLD_SIZE": "4"},
        {"LOCAL_RANK": "2"},
        {"SLURM_PROCID": "3"},
        {"PMI_RANK": "3", "PMI_SIZE": ""},
        {"OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "2"},
    ],
    ids=str,
)
def test_variable_that_is_no_rank_renames_no_metric(tmp_path: Path, wrap: Wrap, variables: dict[str, str]) -> None:
    wrap("import contexta; contexta.log({'loss': 1})", **variables)
    (run,) = runs(tmp_path)
    assert run.metrics == {"loss": 1}


@pytest.mark.parametrize(
    "variables",
    [
        {"RANK": "1", "WORLD_SIZE": "2", "SLURM_PROCID": "0", "SLURM_NTASKS": "2"},
        {"RANK": "16", "SLURM_PROCID": "1", "SLURM_NTASKS": "2"},
        {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"},
        {"LOCAL_RANK": "1", "WORLD_SIZE": "2"},
    ],
    ids=str,
)
def test_rank_is_the_one_that_has_a_number_of_ranks(tmp_path: Path, wrap: Wrap, variables: dict[str, str]) -> None:
    wrap("import contexta; contexta.log({'loss': 1})", **variables)
    (run,) = runs(tmp_path)
    assert [metric.slice_ref for stage in run.stages for metric in stage.metrics] == ["rank-1"]


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("around", ["", "gw0", "gw1"], ids=lambda name: f"inside {name or 'no'} worker")
def test_tests_of_a_pytest_session_are_runs_of_their_own(
    tmp_path: Path, wrap: Wrap, workers: str, around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PYTEST_XDIST_WORKER", around), ("PYTEST_XDIST_TESTRUNUID", "abc" if around else "")):
        monkeypatch.setenv(name, value)
    (tmp_path / "test_models.py").write_text(
        "import contexta, pytest\n"
        "@pytest.mark.parametrize('number', [1, 2, 3])\n"
        "def test_model(number):\n"
        "    with contexta.Contexta().run(f's{number}') as run:\n"
        "        run.metric('loss', number, step=1)\n"
        "        run.metric('loss', number, step=2)\n"
    )
    options = ["-q", "-p", "no:cacheprovider", "-n", workers, "test_models.py"]
    wrap(f"import pytest, sys; sys.exit(pytest.main({options}))")
    assert losses(tmp_path) == [("s1", 1), ("s2", 2), ("s3", 3)]


def test_workspace_that_the_program_names_is_where_its_runs_are(tmp_path: Path, wrap: Wrap) -> None:
    done = wrap(
        """
        from contexta import Contexta
        for name in ("one", "two"):
            with Contexta(workspace=name).run("mine", project="p") as run:
                run.metric("loss", 1)
            assert Contexta(workspace=name).get_run("mine").metrics == {"loss": 1}
        """,
        "--name",
        "around",
    )
    assert done.stderr == ""
    (around,) = runs(tmp_path)
    assert around.name == "around"
    assert [note.text for note in around.notes if note.topic == "run"] == [
        f"its program recorded run:p.mine in the workspace {tmp_path / name}" for name in ("one", "two")
    ]


def test_project_that_the_program_names_counts_unless_the_command_line_names_one(tmp_path: Path, wrap: Wrap) -> None:
    program = """
    import contexta
    contexta.init(project="theirs", name="r")
    contexta.log({"loss": 1})
    """
    wrap(program)
    assert [(str(run.project_ref), dict(run.metrics)) for run in runs(tmp_path)][1:] == [
        ("project:theirs", {"loss": 1})
    ]
    shutil.rmtree(tmp_path / ".contexta")
    wrap(program, "--project", "p")
    (run,) = runs(tmp_path)
    assert (run.project_ref, run.metrics) == ("project:p", {"loss": 1})
    (note,) = (note.text for note in run.notes if note.topic == "project")
    assert note == 'the program named the project "theirs"; `contexta run --project` put the run in p'


def test_project_of_a_configuration_counts_as_well(tmp_path: Path, wrap: Wrap) -> None:
    wrap(
        """
        from contexta import Contexta
        from contexta.config import UnifiedConfig
        with Contexta(config=UnifiedConfig(project_name="theirs")).run("r") as run:
            run.metric("loss", 1)
        """
    )
    assert [str(run.project_ref) for run in runs(tmp_path) if run.metrics] == ["project:theirs"]


def test_run_in_the_project_of_the_command_is_its_run_though_another_project_came_first(
    tmp_path: Path, wrap: Wrap
) -> None:
    wrap(
        """
        import contexta
        contexta.init(project="theirs", name="other")
        contexta.init(name="mine")
        contexta.log({"loss": 1})
        """
    )
    assert {run.name: str(run.part_of) for run in runs(tmp_path)}["mine"] == "None"
    assert [run.metrics for run in runs(tmp_path) if run.name == "mine"] == [{"loss": 1}]


ENDS = {
    "finish": ('import contexta; contexta.init().finish("failed")', "failed"),
    "module finish": ('import contexta; contexta.init(); contexta.finish("cancelled")', "cancelled"),
    "with": (
        """
        import contexta
        try:
            with contexta.init():
                raise ValueError("too high")
        except ValueError:
            pass
        """,
        "failed",
    ),
    "ctrl-c in with": (
        """
        import contexta
        try:
            with contexta.init():
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            pass
        """,
        "cancelled",
    ),
    "exit in with": (
        """
        import contexta, sys
        with contexta.init():
            sys.exit(0)
        """,
        "completed",
    ),
    "the second try": (
        """
        import subprocess, sys
        for status in ("failed", "completed"):
            code = f"import contexta; contexta.init().finish({status!r})"
            subprocess.run([sys.executable, "-c", code], check=True)
        """,
        "completed",
    ),
    "the second run": ('import contexta; contexta.init().finish(); contexta.init().finish("failed")', "completed"),
}


@pytest.mark.parametrize("how", list(ENDS))
def test_run_ends_as_its_program_says(tmp_path: Path, wrap: Wrap, how: str) -> None:
    program, status = ENDS[how]
    wrap(program)
    first, *rest = runs(tmp_path)
    assert first.status == status
    if how == "with":
        assert first.metadata["failure"]["message"] == "too high"
    assert [run.status for run in rest] == (["failed"] if how == "the second run" else [])


def test_values_logged_after_the_end_are_counted_and_begin_no_run(tmp_path: Path, wrap: Wrap) -> None:
    done = wrap(
        """
        import contexta
        for name in ("a", "b"):
            run = contexta.init(name=name)
            run.log({"loss": 1})
            run.finish()
            for step in range(5):
                contexta.log({"late": 1}, step=step)
            run.log({"later": 1, "last": 2})
        """
    )
    assert done.stderr.count("contexta:") == 2  # one for each run
    answer = runs(tmp_path)
    assert [(run.name, run.metrics) for run in answer] == [("a", {"loss": 1}), ("b", {"loss": 1})]
    for run in answer:
        assert run.metadata["lost_records"] == {
            "count": 7,
            "first": "metric late",
            "reasons": {"logged after the end of the run": 7},
        }
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        issues = {issue.code: issue.summary for issue in ctx.diagnose_run("b").issues}
    assert issues["records_lost"] == (
        "7 records could not be stored: logged after the end of the run; the first was metric late"
    )
