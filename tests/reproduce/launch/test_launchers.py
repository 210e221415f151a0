from __future__ import annotations

import os
import shlex
import stat
import zipfile
from pathlib import Path

import pytest

from contexta.core.errors import InvalidInput
from contexta.reproduce.launch.commands import prepared
from contexta.reproduce.launch.programs import with_python

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shell scripts")


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    python = tmp_path / "venv" / "bin" / "python"
    program(python, "")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    program(tmp_path / "venv" / "bin" / "train-it", f"#!{python}\nimport training\n")
    program(tmp_path / "venv" / "bin" / "long", f"#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n")
    program(tmp_path / "shebang.py", f"#!{python} -u\n")
    program(tmp_path / "of-env.py", "#!/usr/bin/env python3\n")
    program(tmp_path / "of-uv.py", "#!/usr/bin/env -S uv run --script\n")
    program(
        tmp_path / "fine.sh", "#!/bin/bash\n# /usr/bin/python3 train.py\nPYTHONPATH=src python train.py | tee log\n"
    )
    program(tmp_path / "absolute.sh", "#!/bin/bash\nset -e\ncd src && /opt/x/bin/python train.py\n")
    program(tmp_path / "relative.sh", "#!/bin/sh\nvenv/bin/python3.11 train.py\n")
    program(tmp_path / "variable.sh", 'PY="${PY:-/usr/bin/python3}"\n$PY train.py\n')
    program(tmp_path / "uv.sh", "for s in 1 2; do\n  uv run train.py --seed $s\ndone\n")
    program(tmp_path / "uv-active.sh", "uv run --active --no-sync python train.py\n$VIRTUAL_ENV/bin/python x.py\n")
    program(tmp_path / "poetry.sh", "exec poetry run python train.py\n")
    program(tmp_path / "activates.sh", ". venv/bin/activate; python train.py\n")
    program(tmp_path / "conda.sh", "conda activate training\npython train.py\n")
    program(tmp_path / "clears.sh", "nice env -i python train.py\n")
    program(tmp_path / "console.sh", "if true; then venv/bin/train-it; fi\n")
    program(tmp_path / "container.sh", "docker run image python train.py\n")
    program(tmp_path / "nested.sh", "bash absolute.sh\n")
    program(tmp_path / "sourced.sh", "source ./absolute.sh\n")
    program(tmp_path / "continued.sh", "nohup \\\n  /opt/x/bin/python \\\n  train.py\n")
    program(tmp_path / "document.sh", "cat > x <<EOF\n/usr/bin/python3 x\nEOF\npython train.py\n")
    program(tmp_path / "quoted.sh", "echo 'takes a while\n/usr/bin/python3 is not run'\npython train.py\n")
    (tmp_path / "Makefile").write_text(
        "PY ?= venv/bin/python\nall: data\n\techo\ntrain: data\n\t@$(PY) train.py\nindirect: train\n"
        "data:\n\tpython data.py\nlint:\n\tuv run ruff check\nscript:\n\t./absolute.sh\n"
    )
    (tmp_path / "pyproject.toml").write_text('[tool.pdm.scripts]\ngo = "python train.py"\n')
    (tmp_path / "Pipfile").write_text('[scripts]\ngo = "python train.py"\n')
    (tmp_path / "pixi.toml").write_text('[tasks]\ngo = "python train.py"\n')
    for name, inside in (("carries.pex", "PEX-INFO"), ("carries.pyz", "site-packages/a-1.dist-info/METADATA")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "")
    with zipfile.ZipFile(tmp_path / "plain.pyz", "w") as archive:
        archive.writestr("__main__.py", "")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("python train.py", "python train.py"),
        ("python3 -m training --lr 0.1", "python3 -m training --lr 0.1"),
        ("uv run train.py --lr 1", "python train.py --lr 1"),
        ("uv run -m training", "python -m training"),
        ("uv -q run --extra gpu --python 3.11 -- python train.py", "python train.py"),
        ("uv run --active --no-sync pytest -q", "pytest -q"),
        ("uv run python3.12 train.py", "python train.py"),
        ("uv run bash fine.sh", "bash fine.sh"),
        ("uv pip list", "uv pip list"),
        ("python -m uv run train.py", "python train.py"),
        ("poetry run python train.py", "python train.py"),
        ("poetry -q run torchrun train.py", "torchrun train.py"),
        ("pdm run train.py", "python train.py"),
        ("hatch -e gpu run python train.py", "python train.py"),
        ("pipenv run python train.py", "python train.py"),
        ("rye run python train.py", "python train.py"),
        ("pixi run -e gpu python train.py", "python train.py"),
        ("conda run -n x --no-capture-output python train.py", "python train.py"),
        ("mamba run --name=x python train.py", "python train.py"),
        ("micromamba run -p /x python train.py", "python train.py"),
        ("venv/bin/python -u train.py", "python -u train.py"),
        ("/usr/bin/python3 train.py", "python train.py"),
        ("python3.10 train.py", "python train.py"),
        (
            "env A=1 -u B nice -n 5 timeout -s KILL 10 /usr/bin/python3 x",
            "env A=1 -u B nice -n 5 timeout -s KILL 10 python x",
        ),
        ("mpirun -np 2 --map-by core /usr/bin/python3 train.py", "mpirun -np 2 --map-by core python train.py"),
        ("time -p uv run train.py", "time -p python train.py"),
        ("venv/bin/train-it --lr 1", "train-it --lr 1"),
        ("venv/bin/long", "long"),
        ("./shebang.py 1", "python -u ./shebang.py 1"),
        ("./of-env.py", "./of-env.py"),
        ("./of-uv.py --lr 1", "python ./of-uv.py --lr 1"),
        ("torchrun --nproc-per-node 2 train.py", "torchrun --nproc-per-node 2 train.py"),
        ("./fine.sh", "./fine.sh"),
        ("bash -x fine.sh", "bash -x fine.sh"),
        ("bash uv-active.sh", "bash uv-active.sh"),
        ("bash document.sh", "bash document.sh"),
        ("bash quoted.sh", "bash quoted.sh"),
        ("bash -c 'python train.py && python test.py'", "bash -c 'python train.py && python test.py'"),
        ("make", "make"),
        ("make data", "make data"),
        ("make train PY=python", "make train PY=python"),
        ("python plain.pyz", "python plain.pyz"),
        ("./static-binary", "./static-binary"),
    ],
)
def test_a_launcher_is_removed_and_its_command_stays(project: Path, command: str, runs: str) -> None:
    done = prepared(shlex.split(command), project)
    assert shlex.join(done.command) == runs
    assert bool(done.notes) == (command != runs)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("uv run --with x train.py", "`uv run --with` changes more than the environment"),
        ("uv run --env-file .env train.py", "`uv run --env-file` changes more"),
        ("uv run --unheard-of train.py", "`uv run --unheard-of` is not known here"),
        ("uv run -", "has no command"),
        ("uv run https://example.org/train.py", "has no command"),
        ("uv tool run train", "creates its own environment"),
        ("uvx train", "uvx runs it in its own environment"),
        ("pipx run train", "pipx runs it in its own environment"),
        ("tox -e train", "tox creates its own environments"),
        ("python -m nox", "nox creates its own environments"),
        ("hatch run gpu:train", "gpu:train is a task of hatch"),
        ("pdm run go", "go is a task of pdm"),
        ("pipenv run go", "go is a task of pipenv"),
        ("pixi run go", "go is a task of pixi"),
        ("conda run -n x --cwd / python train.py", "`conda run --cwd` changes more"),
        ("docker run image python train.py", "docker runs it in a container"),
        ("ssh host python train.py", "ssh runs it elsewhere"),
        ("bash absolute.sh", "absolute.sh line 3 names the interpreter /opt/x/bin/python"),
        ("./absolute.sh", "absolute.sh line 3 names the interpreter"),
        ("nohup ./relative.sh", "relative.sh line 2 names the interpreter venv/bin/python3.11"),
        ("sh variable.sh", "variable.sh line 1 sets PY to the interpreter"),
        ("bash uv.sh", "uv.sh line 2 runs `uv run`"),
        ("bash poetry.sh", "poetry.sh line 1 runs `poetry run`"),
        ("bash activates.sh", "activates.sh line 1 activates another environment with venv/bin/activate"),
        ("bash conda.sh", "conda.sh line 1 runs `conda activate`"),
        ("bash clears.sh", "clears.sh line 1 clears PATH"),
        ("bash console.sh", "console.sh line 1 runs venv/bin/train-it, a script of another environment"),
        ("bash container.sh", "container.sh line 1 runs docker"),
        ("bash nested.sh", "absolute.sh line 3 names"),
        ("bash sourced.sh", "absolute.sh line 3 names"),
        ("bash continued.sh", "continued.sh line 1 names the interpreter /opt/x/bin/python"),
        ("bash -lc 'source venv/bin/activate && python train.py'", "the command activates another environment"),
        ("bash -c 'uv run train.py'", "the command runs `uv run`"),
        ("make train", "Makefile line 5 names the interpreter venv/bin/python"),
        ("make -j2 indirect", "Makefile line 5 names"),
        ("make train PY=/opt/x/bin/python", "Makefile line 5 names the interpreter /opt/x/bin/python"),
        ("make lint", "Makefile line 10 runs `uv run`"),
        ("make script", "absolute.sh line 3 names"),
        ("./carries.pex", "carries.pex contains its own packages"),
        ("python carries.pyz", "carries.pyz contains its own packages"),
    ],
)
def test_a_command_that_runs_elsewhere_is_refused_with_the_line(project: Path, command: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        prepared(shlex.split(command), project)
    assert why in refused.value.what
    assert refused.value.hint


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        ("python train.py", "P train.py"),
        ("/usr/bin/python3.9 train.py", "P train.py"),
        ("env -i A=1 python train.py", "env -i A=1 P train.py"),
        ("mpiexec -n 2 python train.py", "mpiexec -n 2 P train.py"),
        ("bash train.sh python", "bash train.sh python"),
        ("make", "make"),
    ],
)
def test_the_python_of_a_command_is_replaced_at_any_position(command: str, runs: str) -> None:
    assert with_python(command.split(), "P") == runs.split()
