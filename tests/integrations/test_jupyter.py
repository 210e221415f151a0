"""The magic `%%contexta NAME` records a cell of IPython as a run: code, output, metrics and error."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.indexed import indexed_environment
from support.paths import ROOT

from contexta import Contexta

SESSION = r"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def cell(text):
    result = shell.run_cell(text)
    print(f"<{type(result.error_in_exec).__name__}>")
cell("%load_ext contexta")
cell("%reload_ext contexta")
cell('''%%contexta baseline
import contexta, sys
print("epoch 1 loss=0.5")
print("epoch 2 loss=0.25")
print("oops", file=sys.stderr)
contexta.log({"accuracy": 0.9})
lr = 0.1
!echo from a child
lr''')
cell('''%%contexta
run = contexta.init(name="mine", config={"lr": lr})
run.finish()
contexta.log({"late": 1})''')
cell('''%%contexta broken run
print("epoch 1 loss=9")
1/0''')
cell("%%contexta wrong\nprint(")
"""


def record(folder: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-c", SESSION], cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def check(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("<")] == [
        *["<NoneType>"] * 4,
        *("<ZeroDivisionError>", "<SyntaxError>"),
    ]
    assert {"epoch 1 loss=0.5", "from a child"} <= set(lines)
    assert done.stdout.count("Traceback (most recent call last)") == 1  # shown once, although it is raised again
    assert "contexta: recorded shop.broken-run (failed)" in done.stderr
    with Contexta(workspace=folder / ".contexta") as ctx:
        baseline, unnamed, broken, wrong = ctx.list_runs(order="oldest")
        assert (baseline.status, unnamed.status) == ("completed", "completed")
        assert (broken.status, wrong.status) == ("failed", "failed")
        assert [run.name for run in (baseline, broken, wrong)] == ["baseline", "broken run", "wrong"]
        assert {metric: str(value) for metric, value in baseline.metrics.items()} == {"accuracy": "0.9", "loss": "0.25"}
        assert ctx.read_log("baseline").text.replace("\r", "").startswith("epoch 1 loss=0.5\nepoch 2 loss=0.25\nfrom a")
        assert ctx.read_log("baseline", "stderr").text == "oops\n"
        ctx.copy_artifact("baseline", "cell.py", folder / "cell.py")
        assert (folder / "cell.py").read_text().startswith("import contexta, sys\n")
        assert unnamed.name == "mine"  # a cell without a name takes that of its code
        assert (ctx.get_run(unnamed.run_ref).params, set(unnamed.metrics)) == ({"lr": 0.1}, {"late"})
        failure = ctx.get_run("broken-run").metadata["failure"]
        assert (failure["type"], failure["message"]) == ("ZeroDivisionError", "division by zero")


@pytest.fixture
def folder(tmp_path: Path, template: Path) -> Path:
    """A directory with a workspace."""
    (tmp_path / "shop" / ".contexta").mkdir(parents=True)
    shutil.copy(template, tmp_path / "shop" / ".contexta" / "contexta.db")
    return tmp_path / "shop"


def test_a_cell_is_a_run(folder: Path) -> None:
    check(folder, record(folder, sys.executable))


@pytest.mark.online
def test_a_cell_is_a_run_in_an_old_ipython(folder: Path, tmp_path: Path) -> None:
    python = indexed_environment(tmp_path / "environment", str(ROOT), "ipython==8.0.0", "setuptools")
    check(folder, record(folder, python))
