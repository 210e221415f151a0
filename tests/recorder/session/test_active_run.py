"""``init``, ``log``, ``finish``, and how a run that was left open ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from support import paths
from support.pythons import every_python

from contexta import Contexta
from contexta.findings import RunDetails

SOURCE = os.fspath(paths.SOURCE)


def run(
    tmp_path: Path, text: str, *, python: str = sys.executable, env: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    environ = {**os.environ, "PYTHONPATH": SOURCE, **(env or {})}
    return subprocess.run(
        [python, path], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False, **options
    )


def recorded(tmp_path: Path, name: str = "@latest") -> RunDetails:
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        return ctx.get_run(name)


@pytest.mark.parametrize("python", every_python())
def test_two_spellings_are_one_run_in_every_python_with_nothing_installed(tmp_path: Path, python: str) -> None:
    done = run(
        tmp_path,
        """
        import contexta
        run = contexta.init(project="p", name="r", config={"lr": 0.1, "model": {"depth": 3}}, tags=["new"], group="g")
        run.log({"loss": 0.5, "val": {"acc": 0.9}}, step=1)
        contexta.log({"loss": 0.25}, step=2)
        run.metric("loss", 0.125, step=3)
        run.config.update(epochs=3)
        run.config.seed = 7
        run.summary["best"] = 0.9
        run.summary["how"] = "early"
        assert run.config["lr"] == 0.1 == run.config.lr
        assert sorted(run.config) == ["epochs", "lr", "model", "seed"]
        assert dict(run.summary) == {"best": 0.9, "how": "early"}
        contexta.finish()
        """,
        python=python,
    )
    assert (done.returncode, done.stderr) == (0, "")
    details = recorded(tmp_path)
    assert details.run_ref == "run:p.r"
    assert details.status == "completed"
    assert dict(details.metrics) == {"loss": 0.125, "val.acc": 0.9, "best": 0.9}
    assert json.loads(details.model_dump_json())["params"] == {
        "epochs": 3,
        "lr": 0.1,
        "model": {"depth": 3},
        "seed": 7,
        "summary.how": "early",
    }
    assert dict(details.tags) == {"new": "", "group": "g"}
    assert details.environment is not None
    assert [note for note in details.notes if note.topic != "source"] == []


def test_run_left_open_is_completed_at_exit(tmp_path: Path) -> None:
    done = run(tmp_path, "import contexta; contexta.init(name='r'); contexta.log({'loss': 1})")
    assert done.stderr == ""
    assert recorded(tmp_path).status == "completed"


def test_log_without_init_begins_a_run(tmp_path: Path) -> None:
    run(tmp_path, "import contexta; contexta.log({'loss': 1})")
    assert dict(recorded(tmp_path).metrics) == {"loss": 1}


def test_unhandled_exception_fails_the_run_with_its_traceback(tmp_path: Path) -> None:
    done = run(tmp_path, "import contexta\ncontexta.init(name='r')\nraise ValueError('too high')")
    assert done.returncode == 1
    assert "ValueError: too high" in done.stderr
    details = recorded(tmp_path)
    assert details.status == "failed"
    failure = details.metadata["failure"]
    assert (failure["type"], failure["message"]) == ("ValueError", "too high")
    assert "line 3, in <module>" in failure["traceback"]


def test_ctrl_c_cancels_the_run(tmp_path: Path) -> None:
    run(tmp_path, "import contexta\ncontexta.init(name='r')\nraise KeyboardInterrupt")
    assert recorded(tmp_path).status == "cancelled"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_sigterm_cancels_the_run_and_still_ends_the_process_as_a_signal_does(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import contexta, os, signal, time
        contexta.init(name='r')
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
        """,
    )
    assert done.returncode == -signal.SIGTERM
    assert recorded(tmp_path).status == "cancelled"


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_programs_own_sigterm_handler_stays(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        """
        import contexta, os, signal, sys
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
        contexta.init(name='r')
        os.kill(os.getpid(), signal.SIGTERM)
        """,
    )
    assert done.returncode == 4


@pytest.mark.skipif(os.name != "posix", reason="forks are POSIX's")
def test_sigterm_in_a_forked_child_ends_the_child_alone(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        import contexta, os, signal, time
        contexta.init(name='r')
        pid = os.fork()
        if pid == 0:
            contexta.log({"child": 1})
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        assert os.waitpid(pid, 0)[1] == signal.SIGTERM
        contexta.log({"parent": 1})
        """,
    )
    details = recorded(tmp_path)
    assert details.status == "completed"
    assert dict(details.metrics) == {"child": 1, "parent": 1}


def test_second_init_completes_the_first_run(tmp_path: Path) -> None:
    run(
        tmp_path,
        """
        import contexta
        for lr in (0.1, 0.2):
            contexta.init(name="sweep", config={"lr": lr})
            contexta.log({"loss": lr})
        """,
    )
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert [(item.run_ref.name, item.status) for item in ctx.list_runs()] == [
            ("sweep-2", "completed"),
            ("sweep", "completed"),
        ]


def test_workspace_and_project_are_found_as_the_reader_finds_them(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\n\n[tool.contexta]\nproject = "from toml"\nworkspace = "elsewhere"\n\n[tool.other]\n'
    )
    below = tmp_path / "below"
    below.mkdir()
    code = "import contexta; contexta.log({'loss': 1})"
    environ = {**os.environ, "PYTHONPATH": SOURCE}
    subprocess.run([sys.executable, "-c", code], cwd=below, env=environ, check=True)
    with Contexta(workspace=tmp_path / "elsewhere") as ctx:
        assert [item.project_ref for item in ctx.list_runs()] == ["project:from-toml"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'[tool.contexta]\nproject = "p"\n\n[tool.other]\nx = = 1\n', "is no valid TOML: "),
        (b'# \xff\n[tool.contexta]\nproject = "p"\n', "is no valid TOML: 'utf-8' codec can't decode byte 0xff"),
    ],
    ids=["no TOML", "no text"],
)
def test_settings_that_cannot_be_relied_on_are_noted_on_the_run(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    run(tmp_path, "import contexta; contexta.log({'loss': 1})")
    (tmp_path / "pyproject.toml").unlink()  # questions refuse it
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        (note,) = (note.text for note in ctx.get_run("@latest").notes if note.topic == "settings")
    assert note.startswith(f"{tmp_path / 'pyproject.toml'} {message}")


def test_settings_of_others_may_be_broken(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.other]\nx = = 1\n")
    run(tmp_path, "import contexta; contexta.log({'loss': 1})")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert [note.topic for note in ctx.get_run("@latest").notes if note.topic == "settings"] == []


def test_unwritable_workspace_gives_one_warning_and_the_program_continues(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run(
        tmp_path,
        "import contexta\nrun = contexta.init(name='r')\nfor i in range(9): contexta.log({'loss': i})\nprint('done')",
        env={"CONTEXTA_WORKSPACE": os.fspath(tmp_path / "file" / "ws")},
    )
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.count("contexta:") == 1


def test_secrets_in_parameters_tags_and_failures_are_not_written(tmp_path: Path) -> None:
    secret = "hf_" + "aB3dE6gH9jK2mN5pQ8" * 2
    run(
        tmp_path,
        f"""
        import contexta
        run = contexta.init(config={{"api_key": "{secret}", "num_tokens": 5}}, tags={{"hub_token": "{secret}"}})
        run.note("download", "used {secret}")
        raise ValueError("refused {secret}")
        """,
    )
    details = recorded(tmp_path)
    assert details.params["num_tokens"] == 5
    assert details.params["api_key"].startswith("secret:sha256:")
    files = [path for path in (tmp_path / ".contexta").rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


NESTED = {
    "with blocks": """
        with contexta.init(name="outer") as outer:
            outer.metric("x", 1.0, 0)
            with contexta.init(name="inner") as inner:
                inner.metric("x", 5.0, 0)
            outer.metric("x", 2.0, 1)
        """,
    "a run that is finished": """
        with contexta.init(name="outer") as outer:
            outer.metric("x", 1.0, 0)
            inner = contexta.init(name="inner")
            inner.metric("x", 5.0, 0)
            contexta.finish()
            contexta.log({"x": 2.0}, step=1)
        """,
    "tasks": """
        import asyncio
        async def train(name, values):
            with contexta.init(name=name) as run:
                for step, value in enumerate(values):
                    run.metric("x", value, step)
                    await asyncio.sleep(0.01)
        async def both():
            await asyncio.gather(train("outer", [1.0, 2.0]), train("inner", [5.0]))
        asyncio.run(both())
        """,
    "a block that raises": """
        with contexta.init(name="outer") as outer:
            outer.metric("x", 1.0, 0)
            try:
                with contexta.init(name="inner") as inner:
                    inner.metric("x", 5.0, 0)
                    raise ValueError("of the inner run")
            except ValueError:
                pass
            outer.metric("x", 2.0, 1)
        """,
}


@pytest.mark.parametrize("nested", NESTED)
def test_run_in_a_with_block_stays_open_while_another_one_runs(tmp_path: Path, nested: str) -> None:
    done = run(tmp_path, "import contexta" + textwrap.dedent(NESTED[nested]))
    assert done.returncode == 0, done.stderr
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        outer, inner = ctx.get_run("outer"), ctx.get_run("inner")
    assert (outer.status, dict(outer.metrics)) == ("completed", {"x": 2.0})
    assert (inner.status, dict(inner.metrics)) == ("failed" if "raises" in nested else "completed", {"x": 5.0})
