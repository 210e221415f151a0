"""One rerun: a command, in an environment, with a seed; what came out of it, or why nothing did."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contexta import process
from contexta.errors import InvalidInput, shown
from contexta.reproduce.uv import python_in

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?i:nan|inf(?:inity)?)"
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_NOT_FOR_TRIALS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "__PYVENV_LAUNCHER__")
_NOT_COPIED = (".git", ".hg", ".venv", "venv", ".contexta", "__pycache__", "node_modules", ".tox", ".nox")
_LARGEST_COPY = 500 * 1024 * 1024
_MOST_FILES = 20_000
_LOG_KEPT = 20_000  # characters of output kept of each trial


@dataclass(frozen=True)
class Command:
    """What is rerun, the same in every trial.

    metric_from: None (a line ``name=0.87``, ``name: 0.87`` or of JSON; the last one counts), ``stdout:REGEX`` with one
    group, or ``json:FILE:PATH`` with dots between keys. timeout: seconds. memory: bytes of data, None for no limit.
    in_place: run in ``folder`` itself; else in a copy of it that is thrown away. seed_argument: appended to the
    command, ``{seed}`` replaced.
    """

    argv: tuple[str, ...]
    metric: str
    folder: str
    metric_from: str | None = None
    timeout: float = 600.0
    memory: int | None = None
    in_place: bool = False
    seed_argument: str | None = None


@dataclass(frozen=True)
class Order:
    """One trial to run: everything a worker needs, picklable. variables: None removes one."""

    command: Command
    environment: str
    seed: int
    variables: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What came out. value: as the program gave it, None with a reason. log: the end of what it said."""

    value: float | None
    reason: str
    seconds: float
    log: str = ""


def run_trial(order: Order) -> Report:
    """Run it to its end, or to its time limit, and end whatever it started. Never raises for what a program does."""
    command = order.command
    with _workplace(command) as folder:
        try:
            done = process.run(
                _argv(order),
                timeout=command.timeout,
                cwd=str(folder),
                env=_environment(order),
            )
        except process.TimedOut as late:
            log = _log(late.finished)
            return Report(None, f"did not end within {command.timeout:g} s", late.finished.seconds, log)
        except process.ProcessError as error:
            return Report(None, error.what, 0.0)
        log = _log(done)
        if done.exit_code != 0:
            return Report(None, _failure(done.exit_code, log), done.seconds, log)
        value, reason = read_metric(command, done.stdout.decode(errors="replace"), folder)
        if value is None and done.stdout_truncated:
            reason += " in the first 16 MB of its output"
        return Report(value, reason, done.seconds, log)


def read_metric(command: Command, output: str, folder: Path) -> tuple[float | None, str]:
    """(value, "") or (None, why there is none)."""
    source = command.metric_from
    if source is not None and source.startswith("json:"):
        found = _in_file(folder, source)
    elif source is not None:
        matches = list(re.finditer(source.partition(":")[2], output, re.MULTILINE))
        found = matches[-1].group(1) if matches else None
    else:
        found = _in_lines(command.metric, output)
    if found is None:
        return None, f"gives no {command.metric}"
    try:
        value = float(found)
    except ValueError:
        return None, f"{command.metric} is {shown(found)}, no number"
    return (value, "") if math.isfinite(value) else (None, f"{command.metric} is {value}")


def check_source(source: str | None) -> None:
    """Raises InvalidInput for a --metric-from that could never work."""
    if source is None:
        return
    kind, _, rest = source.partition(":")
    if kind == "json" and ":" in rest:
        return
    if kind == "stdout" and rest:
        try:
            if re.compile(rest).groups >= 1:
                return
        except re.error as error:
            raise InvalidInput(f"--metric-from: {shown(rest)} is no regular expression: {error}") from error
    raise InvalidInput(
        f"--metric-from cannot be {shown(source)}", hint="it is stdout:REGEX with one group, or json:FILE:PATH"
    )


def _in_lines(metric: str, output: str) -> str | None:
    pattern = re.compile(rf"(?<![\w./-])[\"']?{re.escape(metric)}[\"']?\s*[=:]\s*({_NUMBER})(?![\w.])")
    found = None
    for line in output.splitlines():
        stripped = line.strip()
        if stripped.startswith("{"):
            try:
                found = _at_path(json.loads(stripped), metric) or found
                continue
            except ValueError:
                pass  # a line of text that happens to start with a brace
        for match in pattern.finditer(line):
            found = match.group(1)
    return found


def _in_file(folder: Path, source: str) -> str | None:
    _, name, path = source.split(":", 2)
    try:
        return _at_path(json.loads((folder / name).read_text()), path)
    except (OSError, ValueError):
        return None


def _at_path(value: object, path: str) -> str | None:
    """A number in parsed JSON, by its key or by keys joined with dots."""
    if isinstance(value, dict) and path in value:
        value = value[path]
    else:
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _argv(order: Order) -> list[str]:
    argv = list(order.command.argv)
    if re.fullmatch(r"python(3(\.\d+)?)?(\.exe)?", argv[0]):
        argv[0] = str(python_in(Path(order.environment)))
    if order.command.seed_argument:
        argv += order.command.seed_argument.replace("{seed}", str(order.seed)).split()
    if order.command.memory is not None and os.name != "nt":
        # the limit is set in the child itself: it binds the program and everything it starts
        limit = f"import os,resource,sys;resource.setrlimit(resource.RLIMIT_DATA,({order.command.memory},)*2);"
        return [sys.executable, "-I", "-S", "-c", limit + "os.execvp(sys.argv[1],sys.argv[1:])", *argv]
    return argv


def _environment(order: Order) -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_TRIALS}
    bin_folder = str(python_in(Path(order.environment)).parent)
    environment["PATH"] = os.pathsep.join([bin_folder, environment.get("PATH", os.defpath)])
    environment["VIRTUAL_ENV"] = order.environment
    for name in _THREADS:
        environment.setdefault(name, str(os.cpu_count() or 1))  # how sums are split over threads moves last digits
    environment.update(SEED=str(order.seed), CONTEXTA_SEED=str(order.seed), PYTHONHASHSEED=str(order.seed))
    for key, value in order.variables.items():
        if value is None:
            environment.pop(key, None)
        else:
            environment[key] = value
    return environment


@contextmanager
def _workplace(command: Command) -> Iterator[Path]:
    """Where the command runs: a throw-away copy of its folder, so that what it leaves behind is never met again."""
    if command.in_place:
        yield Path(command.folder)
        return
    parent = Path(tempfile.mkdtemp(prefix="contexta-trial-"))
    try:
        folder = parent / Path(command.folder).name
        shutil.copytree(command.folder, folder, symlinks=True, ignore=_left_out)
        yield folder
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def _left_out(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in _NOT_COPIED or Path(folder, name, "pyvenv.cfg").exists()]


def too_large_to_copy(folder: Path) -> str | None:
    """Why a folder is not copied for every trial; None when it is small enough."""
    size = files = 0
    for root, folders, names in os.walk(folder):
        folders[:] = sorted({*folders} - {*_left_out(root, folders)})
        for name in names:
            try:
                size += Path(root, name).lstat().st_size
            except OSError:
                continue  # it went away while we looked
        files += len(names)
        if size > _LARGEST_COPY or files > _MOST_FILES:
            return f"{folder} holds more than {_LARGEST_COPY // 2**20} MB or {_MOST_FILES} files"
    return None


def _failure(code: int, log: str) -> str:
    lines = [line for line in log.strip().splitlines() if line.strip()]
    said = f": {lines[-1].strip()[:300]}" if lines else ""
    return f"was ended by signal {-code}{said}" if code < 0 else f"exit code {code}{said}"


def _log(done: process.Finished) -> str:
    parts = [part.decode(errors="replace") for part in (done.stdout, done.stderr)]
    return "\n".join(part for part in parts if part)[-_LOG_KEPT:]
