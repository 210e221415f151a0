"""A program below ``contexta run`` that contains a module named contexta imports its own, and is recorded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.pythons import every_python

from contexta import Contexta

pytestmark = pytest.mark.skipif(os.name != "posix", reason="as contexta run's tests")
OWN = "VALUE = 'their own'\n"
PROGRAM = "import contexta, json; import contexta.part as part; print(contexta.VALUE, part.VALUE)\n"


def place(folder: Path, how: str) -> None:
    package = folder / "contexta"
    package.mkdir(parents=True)
    (package / "part.py").write_text("VALUE = 1\n")
    if how != "namespace":
        (package / "__init__.py").write_text(OWN + "from contexta import part\n")


def wrapped(tmp_path: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-m", "contexta.cli", "run", "--quiet", "--name", "r", "--", *command],
        cwd=tmp_path,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def check(tmp_path: Path, done: subprocess.CompletedProcess[str], out: str = "their own 1\n") -> None:
    assert (done.returncode, done.stdout, done.stderr) == (0, out, "")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        run = ctx.get_run("r")
        environment = ctx.get_environment("r")
    assert run.status == "completed"
    assert [note.text for note in run.notes if note.topic == "contexta"] != []
    assert [note.text for note in run.notes if note.topic in ("environment", "imports", "journal")] == []
    assert environment.imports is not None  # known only at the end


@pytest.mark.parametrize("python", every_python())
def test_package_next_to_the_script_belongs_to_the_program_in_every_python(tmp_path: Path, python: str) -> None:
    place(tmp_path / "code", "package")
    (tmp_path / "code" / "train.py").write_text(PROGRAM)
    check(tmp_path, wrapped(tmp_path, python, "code/train.py"))


@pytest.mark.parametrize("how", ["-c", "-m", "linked", "directory", "PYTHONPATH", "installed"])
def test_package_is_the_programs_wherever_it_is(tmp_path: Path, how: str) -> None:
    code = tmp_path / "code"
    env: dict[str, str] = {}
    command = [sys.executable, "train.py"]
    place(tmp_path if how in ("-c", "-m") else code, "package")
    (tmp_path / "train.py").write_text(PROGRAM)
    if how == "-c":
        command = [sys.executable, "-c", PROGRAM]
    elif how == "-m":
        command = [sys.executable, "-m", "train"]
    elif how == "linked":
        (code / "train.py").write_text(PROGRAM)
        (tmp_path / "train.py").unlink()
        (tmp_path / "train.py").symlink_to(code / "train.py")
    elif how == "directory":
        (code / "__main__.py").write_text(PROGRAM)
        command = [sys.executable, "code"]
    elif how == "PYTHONPATH":
        env["PYTHONPATH"] = str(code)
    else:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
        (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
        (code / "contexta").rename(site / "contexta")
        command[0] = str(tmp_path / "venv/bin/python")
    check(tmp_path, wrapped(tmp_path, *command, **env))


def test_module_of_one_file_is_the_programs(tmp_path: Path) -> None:
    (tmp_path / "contexta.py").write_text(OWN)
    (tmp_path / "train.py").write_text("import contexta; print(contexta.VALUE)")
    check(tmp_path, wrapped(tmp_path, sys.executable, "train.py"), "their own\n")


def test_package_without_an_init_is_the_programs(tmp_path: Path) -> None:
    place(tmp_path, "namespace")
    (tmp_path / "train.py").write_text("import contexta.part; print(contexta.part.VALUE)")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    check(tmp_path, wrapped(tmp_path, str(tmp_path / "venv/bin/python"), "train.py"), "1\n")


def test_exception_of_such_a_program_is_why_its_run_failed(tmp_path: Path) -> None:
    (tmp_path / "contexta.py").write_text(OWN)
    done = wrapped(tmp_path, sys.executable, "-c", "import contexta; raise ValueError(contexta.VALUE)")
    assert done.returncode == 1
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert ctx.get_run("r").metadata["failure"]["message"] == "their own"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_such_a_program_import_its_own(tmp_path: Path, method: str) -> None:
    place(tmp_path / "code", "package")
    (tmp_path / "code" / "train.py").write_text(
        "import contexta, multiprocessing\n"
        "def work(number): return contexta.VALUE\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context({method!r}).Pool(1) as pool:\n"
        "        print(*pool.map(work, [1]), contexta.part.VALUE)\n"
    )
    check(tmp_path, wrapped(tmp_path, sys.executable, "code/train.py"))


def test_directory_of_that_name_without_modules_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "contexta").mkdir()
    (tmp_path / "contexta" / "notes.txt").write_text("x")
    done = wrapped(tmp_path, sys.executable, "-c", "import contexta; contexta.log({'loss': 1})")
    assert (done.returncode, done.stderr) == (0, "")
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        assert ctx.get_run("r").metrics == {"loss": 1}
