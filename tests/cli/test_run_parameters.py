"""``contexta run`` records parameters that the program does not log, and says where each is from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.builders import Cli
from support.pythons import every_python

PROGRAM = """
import argparse, contexta, enum, pathlib
class Color(enum.Enum):
    red = 1
parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", "--lr", dest="lr", type=float)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("x"))
parser.add_argument("--password")
parser.add_argument("config")
parser.set_defaults(function=print, color=Color.red)
namespace = parser.parse_args()
parser.parse_args(["other", "--epochs", "99"])  # not the arguments of the process
contexta.init(config={"lr": namespace.lr * 2})
print(sorted(vars(namespace)))
"""


def params(cli: Cli, name: str = "@latest") -> dict[str, tuple[Any, str]]:
    details = json.loads(cli("show", name, "--json").stdout)
    sources = details["metadata"].get("param_sources", {})
    return {key: (value, sources.get(key, "program")) for key, value in details["params"].items()}


@pytest.mark.parametrize("python", every_python())
def test_best_source_of_each_parameter_counts_in_every_python(cli: Cli, tmp_path: Path, python: str) -> None:
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "c.json").write_text('{"lr": 0.9, "epochs": 9, "model": {"depth": 4}, "token": "hunter2-hunter2"}')
    words = ["c.json", "--lr", "0.1", "--password", "hunter2-hunter2"]
    bare = subprocess.run(
        [python, "-c", "import sys; sys.modules['contexta'] = type('C', (), {'init': lambda **_: 0}); "
         "exec(open('train.py').read())", *words],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    done = cli("run", "--quiet", "--name", "r", "--", python, "train.py", *words)
    assert (done.returncode, done.stdout, done.stderr) == (0, bare.stdout, "")
    recorded = params(cli)
    secrets = [recorded.pop(name)[0] for name in ("token", "password")]
    assert all(text.startswith("secret:sha256:") for text in secrets)
    assert recorded == {
        "lr": (0.2, "program"),
        "epochs": (3, "argparse"),
        "out": ("x", "argparse"),
        "color": ("red", "argparse"),
        "config": ("c.json", "argparse"),
        "model.depth": (4, "c.json"),
    }
    files = [path for path in (tmp_path / ".contexta").rglob("*") if path.is_file()]
    assert [path for path in files if b"hunter2-hunter2" in path.read_bytes()] == []
    assert "model.depth" in cli("show", "r").stdout
    assert "c.json" in cli("show", "r").stdout


UNSET = """
import argparse, json
parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--seed", type=int)
parser.add_argument("--lr", type=float)
parser.add_argument("--depth", type=int)
given = parser.parse_args()
"""


def test_an_option_without_a_value_leaves_the_value_of_the_configuration_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(UNSET)
    (tmp_path / "c.json").write_text('{"seed": 7, "lr": 0.9}')
    cli("run", "--quiet", "--", sys.executable, "train.py", "--config", "c.json", "--lr", "0.1")
    assert params(cli) == {
        "config": ("c.json", "argparse"),
        "seed": (7, "c.json"),
        "lr": (0.1, "argparse"),
        "depth": (None, "argparse"),
    }
    assert json.loads(cli("show", "--json").stdout)["metadata"]["param_options"]["seed"] == "--seed"
    assert "the seed is 7" in cli("audit").stdout


CLICK = """
import click
@click.group()
@click.option("--seed", type=int, default=1)
def app(seed): ...
@app.command()
@click.option("--learning-rate", "lr", type=float)
@click.option("--size", "-s", default=[1, 2], multiple=True)
@click.argument("data", type=click.Path(path_type=__import__("pathlib").Path))
def fit(lr, size, data):
    app(["--seed", "9", "fit", "other"], standalone_mode=False) if data.name == "d.csv" else None
app()
"""


def test_arguments_of_click_are_parameters_with_their_types(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(CLICK)
    done = cli(
        "run", "--quiet", "--", sys.executable, "train.py", "--seed", "3", "fit", "--learning-rate", "1e-2", "d.csv"
    )
    assert (done.returncode, done.stderr) == (0, "")
    recorded = {name: value for name, value in params(cli).items() if value[1] == "click"}
    assert recorded == {
        "seed": (3, "click"),
        "lr": (0.01, "click"),
        "size": ([1, 2], "click"),
        "data": ("d.csv", "click"),
    }


ABSL = """
from absl import app, flags
FLAGS = flags.FLAGS
flags.DEFINE_float("lr", 0.1, "")
flags.DEFINE_list("layers", ["1", "2"], "")
app.run(lambda argv: print(FLAGS.lr))
"""
TYPER = """
import typer
app = typer.Typer()
@app.command()
def fit(lr: float = 0.1, layers: int = 2): print(lr)
app()
"""


@pytest.mark.online
@pytest.mark.parametrize(("package", "program", "layers"), [("absl-py", ABSL, ["1", "2"]), ("typer", TYPER, 2)])
def test_arguments_of_absl_and_typer_are_parameters(
    cli: Cli, tmp_path: Path, package: str, program: str, layers: Any
) -> None:
    (tmp_path / "train.py").write_text(program)
    words = ("uv", "run", "--no-project", "--with", package, "python", "train.py", "--lr", "0.5")
    done = cli("run", "--quiet", "--", *words)
    assert (done.returncode, done.stdout) == (0, "0.5\n"), done.stderr
    recorded = params(cli)
    source = "absl" if package == "absl-py" else "click"
    assert recorded["lr"] == (0.5, source)
    assert recorded["layers"] == (layers, source)


def test_program_without_argparse_has_the_parameters_of_its_command_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import sys; assert 'argparse' not in sys.modules")
    assert cli("run", "--quiet", "--", sys.executable, "train.py", "lr=0.1", "--augment").returncode == 0
    assert params(cli) == {"lr": (0.1, "command line"), "augment": (True, "command line")}


def test_more_parameters_than_a_program_has_are_cut_with_a_note(cli: Cli) -> None:
    words = [f"x{number}={number}" for number in range(600)]
    assert cli("run", "--quiet", "--", sys.executable, "-c", "pass", *words).returncode == 0
    assert len(params(cli)) == 500
    notes = [note["text"] for note in json.loads(cli("show", "@latest", "--json").stdout)["notes"]]
    assert "only 500 of 600 parameters from command line are recorded" in notes


def test_argparse_of_the_program_behaves_as_without_the_recorder(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import argparse, inspect, sys\n"
        "print(argparse.ArgumentParser.parse_known_args.__qualname__)\n"
        "print(argparse.__spec__.loader is argparse.__loader__)\n"
        "print(list(inspect.signature(argparse.ArgumentParser.parse_known_args).parameters))\n"
        "parser = argparse.ArgumentParser(prog='t')\n"
        "parser.add_subparsers(dest='command').add_parser('fit').add_argument('--lr', type=float)\n"
        "print(parser.parse_args(), [finder for finder in sys.meta_path if 'argparse' in repr(finder)])\n"
        "parser.parse_args(['--no-such-option'])\n"
    )
    bare = subprocess.run(
        [sys.executable, "train.py", "fit", "--lr", "0.1"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    done = cli("run", "--quiet", "--", sys.executable, "train.py", "fit", "--lr", "0.1")
    assert (done.returncode, done.stdout, done.stderr) == (bare.returncode, bare.stdout, bare.stderr)
    assert params(cli) == {"command": ("fit", "argparse"), "lr": (0.1, "argparse")}


def test_argparse_module_of_the_program_itself_is_left_alone(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "argparse.py").write_text("mine = True\n")
    (tmp_path / "train.py").write_text("import argparse; print(argparse.mine)")
    done = cli("run", "--quiet", "--", sys.executable, "train.py")
    assert (done.returncode, done.stdout) == (0, "True\n")


def test_arguments_of_a_worker_of_joblib_are_not_parameters(cli: Cli, tmp_path: Path) -> None:
    worker = tmp_path / "loky" / "backend" / "popen_loky_posix.py"
    worker.parent.mkdir(parents=True)
    worker.write_text(
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--pipe')\nparser.parse_args()\n"
    )
    (tmp_path / "train.py").write_text(
        "import argparse, subprocess, sys\n"
        "parser = argparse.ArgumentParser()\nparser.add_argument('--lr', type=float)\nparser.parse_args()\n"
        "subprocess.run([sys.executable, '-m', 'loky.backend.popen_loky_posix', '--pipe', '15'], check=True)\n"
    )
    cli("run", "--quiet", "--", sys.executable, "train.py", "--lr", "0.5")
    assert params(cli) == {"lr": (0.5, "argparse")}
