"""`contexta demo`: record, compare and bisect a real regression of pandas 3."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from importlib.resources import files
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from contexta.cli import main
from contexta.core.errors import InvalidInput, shown
from contexta.reports.document.formatting import span
from contexta.reproduce.uv.commands import Uv, find_uv, python_in
from contexta.reproduce.uv.error_messages import IndexUnreachable, UvError
from contexta.reproduce.uv.interpreters import Interpreter

MONTHS = ("march", "april")
_OLDEST = (3, 11)  # pandas 3 needs it
_ELSEWHERE = "contexta-demo"
_METRIC = r"accuracy=(?P<accuracy>\S+)"


@click.command(epilog="Example: contexta demo")
@click.argument("directory", required=False, type=click.Path(path_type=Path), metavar="[DIRECTORY]")
@click.option("--python", metavar="VERSION|PATH", help="The interpreter to use; 3.11 or newer.")
def demo(directory: Path | None, python: str | None) -> int:
    """Watch it work: an upgrade, a drop, and the proof of the cause.

    Builds two small environments from the package index (about 150 MB, once), trains in both, and bisects. Everything
    stays in DIRECTORY; default: this directory if it is empty, else ./contexta-demo. It takes a minute or two.
    """
    began = time.monotonic()
    uv = find_uv()
    interpreter = _interpreter(uv, python)
    folder = _folder(directory)
    for name, target in (("train", "train.py"), *((month, f"{month}.txt") for month in MONTHS)):
        (folder / target).write_text(files(__package__).joinpath(f"{name}.txt").read_text())
    before = Path.cwd()
    os.chdir(folder)
    try:
        return _run(uv, interpreter, began)
    except UvError:
        for path in folder.iterdir():  # it was empty, and must be empty for the next attempt
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    finally:
        os.chdir(before)


def _run(uv: Uv, interpreter: Interpreter, began: float) -> int:
    _say(f"Everything happens in {Path.cwd()}, on Python {interpreter.version}.")
    _chapter(1, "A training, with the environments of March and of April")
    _say("train.py separates malignant from benign tumours. The packages were upgraded in April.")
    for month in MONTHS:
        _environment(uv, interpreter, month)
    _chapter(2, "Record both trainings, without a change to train.py")
    for month in MONTHS:
        code = _command("run", "--name", month, "--metrics-from-stdout", _METRIC, "--", _python(month), "train.py")
        if code != 0:
            return code
    _chapter(3, "The accuracy dropped. What changed?")
    _command("diff", *MONTHS)
    _chapter(4, "Which change can explain it? This is a suspicion, not a proof")
    _command("why", *MONTHS)
    _chapter(5, "Rerun the training in mixes of both environments")
    code = _command("bisect", *MONTHS, "--metric", "accuracy", "--python", interpreter.path, "--", "python", "train.py")
    _chapter(6, f"Done in {span(time.monotonic() - began)}")
    if code == 0:
        _say(
            "Nothing failed: the line `table[name][...] = ...` of train.py fills missing values in pandas 2. In pandas "
            "3 it writes to a copy, and the values stay missing."
        )
    _say("Record your own training:  contexta run --name this-month -- python train.py")
    return code


def _environment(uv: Uv, interpreter: Interpreter, month: str) -> None:
    """Make an ordinary virtual environment from a file of pins."""
    began = time.monotonic()
    _shell(f"uv venv {month} && uv pip install --python {month} -r {month}.txt")
    lines = (line.partition("==") for line in Path(f"{month}.txt").read_text().splitlines())
    pins = {name: version for name, _, version in lines}
    uv.create(interpreter.path, Path(month))
    try:
        uv.install(Path(month), pins, compile_bytecode=False)
    except IndexUnreachable as error:
        raise IndexUnreachable(
            f"the demo needs the package index, which does not answer: {error.what[:300]}",
            hint="check the network, then run it again; what was downloaded is kept by uv",
        ) from None
    _say(f"{len(pins)} packages, {span(time.monotonic() - began)}", "dim")


def _python(month: str) -> str:
    return python_in(Path(month)).as_posix()


def _interpreter(uv: Uv, requested: str | None) -> Interpreter:
    """The Python of both environments: the requested one, else the running one, else any that is new enough."""
    from contexta.bisect.inputs.both_sides import this_python

    interpreter: Interpreter | None = None
    for request in [requested] if requested is not None else [this_python(), "3.13", "3.12", "3.14", "3.11"]:
        try:
            interpreter = uv.interpreter(request)
        except InvalidInput:
            if requested is not None:
                raise
            continue
        if tuple(int(part) for part in interpreter.markers["python_version"].split(".")) >= _OLDEST:
            return interpreter
    version = interpreter.version if interpreter else "no Python"
    message = f"the demo needs Python 3.11 or newer (found {version})"
    raise InvalidInput(message, hint="`uv python install 3.13` installs one; then `contexta demo --python 3.13`")


def _folder(directory: Path | None) -> Path:
    folder = directory or (Path() if not any(Path().iterdir()) else Path(_ELSEWHERE))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInput(
            f"{shown(str(folder))} is not empty", hint="remove it, or name another: contexta demo DIRECTORY"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder.absolute()


# ---------------------------------------------------------------------------------------------- output


def _command(*arguments: str) -> int:
    """Print a command, and run it through the same entry point as a user."""
    _shell(shlex.join(["contexta", *arguments]))
    return main(arguments)


def _shell(line: str) -> None:
    _console().print(Text(f"$ {line}", "bold cyan"), soft_wrap=True)


def _chapter(number: int, title: str) -> None:
    _console().print(Text(f"\n{number}. {title}\n", "bold"))


def _say(line: str, style: str = "") -> None:
    _console().print(Text(line, style), soft_wrap=not sys.stdout.isatty())


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)


__all__ = ["demo"]
