"""Recognise programs that run a command in an environment of their own, and rewrite or refuse such commands.

``uv run train.py`` makes and fills an environment beside the project, whatever environment is active: all trials of a
study would run in the same one. So a command is rewritten to what the launcher would have started (``python
train.py``), where that is certain, and refused otherwise. What cannot be recognised here is seen after each trial (see
``confirmation``).
"""

from __future__ import annotations

import re
import shlex
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contexta.core.errors import InvalidInput
from contexta.core.interpreters import is_python

ACTIVE = "uv run --active --no-sync"
"""How uv takes the active environment as it is."""
_SHEBANG = 512  # bytes of a file's first line that the system reads
_DEPTH = 8  # launchers inside launchers


@dataclass(frozen=True)
class Prepared:
    """A command as it is run in each environment. notes: what was rewritten, and why."""

    command: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wrapper:
    """A program that only starts another one. valued: options that take a value. operands: words before the program."""

    valued: frozenset[str] = frozenset()
    operands: int = 0


@dataclass(frozen=True)
class Runner:
    """A launcher ``NAME run [OPTIONS] COMMAND``. valued: options with a value that only choose the environment, or say
    how it is made; flags: those without. refused: those that change more than that. tasks: files that may define
    COMMAND as a task."""

    valued: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    tasks: tuple[str, ...] = ("pyproject.toml",)
    subcommands: frozenset[str] = field(default_factory=lambda: frozenset({"run"}))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WRAPPERS = {
    "env": Wrapper(_words("-u --unset -C --chdir")),
    "nohup": Wrapper(),
    "time": Wrapper(_words("-f --format -o --output")),
    "nice": Wrapper(_words("-n --adjustment")),
    "ionice": Wrapper(_words("-c --class -n --classdata")),
    "timeout": Wrapper(_words("-s --signal -k --kill-after"), operands=1),
    "taskset": Wrapper(operands=1),
    "stdbuf": Wrapper(_words("-i -o -e --input --output --error")),
    "setsid": Wrapper(),
    "chrt": Wrapper(operands=1),
    "numactl": Wrapper(_words("-N -m -C -i -p -l")),
    "xvfb-run": Wrapper(_words("-n -s -e -f -w")),
    "caffeinate": Wrapper(_words("-t -w")),
    "exec": Wrapper(_words("-a")),
    "command": Wrapper(),
}
_MANY = _words("mpirun mpiexec mpiexec.hydra srun horovodrun jsrun aprun")
"""Programs that start another one many times, with options of too many kinds: the first Python behind them is it."""
RUNNERS = {
    "uv": Runner(
        _words(
            "-p --python --extra --no-extra --group --no-group --only-group --package --index --default-index -i"
            " --index-url --extra-index-url -f --find-links --index-strategy --keyring-provider --resolution"
            " --prerelease --exclude-newer --link-mode --cache-dir --color --config-file --config-setting -C -P"
            " --upgrade-package --reinstall-package --refresh-package --no-build-package --no-binary-package"
            " --allow-insecure-host --python-platform"
        ),
        _words(
            "--active --no-sync --frozen --locked --offline -q --quiet -v --verbose --no-progress --isolated"
            " --no-project --no-config --all-extras --dev --no-dev --only-dev --no-default-groups --all-groups --exact"
            " --no-editable --all-packages --managed-python --no-managed-python --no-python-downloads -n --no-cache"
            " --native-tls --system-certs -U --upgrade --refresh --reinstall --no-build --no-binary --no-index"
            " --compile-bytecode --no-env-file --no-sources --no-build-isolation"
        ),
        _words("--with --with-requirements --with-editable -w --env-file --directory --project -g --gui-script"),
        tasks=(),
    ),
    "poetry": Runner(
        flags=_words("-q --quiet -v -vv -vvv --ansi --no-ansi -n --no-interaction --no-plugins --no-cache"),
        refused=_words("-C --directory -P --project"),
        tasks=(),  # its scripts are console scripts, that an environment may have
    ),
    "pdm": Runner(
        flags=_words("-q --quiet -v --verbose -s --site-packages"), refused=_words("-p --project --env-file")
    ),
    "hatch": Runner(_words("-e --env"), _words("-q --quiet -v --verbose --no-color --color"), _words("-p --project")),
    "pipenv": Runner(_words("--python"), _words("-q --quiet -v --verbose --system"), tasks=("Pipfile",)),
    "rye": Runner(flags=_words("-l --list"), refused=_words("--pyproject")),
    "pixi": Runner(
        _words("-e --environment --concurrent-downloads --color"),
        _words("--frozen --locked -q --quiet -v --verbose --no-progress --no-install --as-is -x --executable"),
        _words("--manifest-path --clean-env"),
        tasks=("pixi.toml", "pyproject.toml"),
    ),
    **dict.fromkeys(
        ("conda", "mamba", "micromamba"),
        Runner(
            _words("-n --name -p --prefix -r --root-prefix -a --attach"),
            _words("--no-capture-output --live-stream -v --verbose -q --quiet --no-rc --no-env -d --detach --dev"),
            _words("--cwd -e --env --clean-env"),
            tasks=(),
        ),
    ),
}
_REFUSED = {
    "uvx": "runs it in an environment of its own",
    "pipx": "runs it in an environment of its own",
    "tox": "makes environments of its own",
    "nox": "makes environments of its own",
    **dict.fromkeys(("docker", "podman", "nerdctl", "apptainer", "singularity", "enroot"), "runs it in a container"),
    **dict.fromkeys(("ssh", "sbatch", "qsub", "bsub", "kubectl", "gcloud"), "runs it elsewhere"),
}
SHELLS = _words("sh bash zsh dash ksh ash")


def prepared(command: Sequence[str], directory: Path) -> Prepared:
    """A command without launchers that would take it elsewhere.

    Raises InvalidInput, with a hint, for one that is certain to run elsewhere and cannot be rewritten safely: also
    where a shell script or a Makefile of it says so.
    """
    from contexta.reproduce.launch.scripts import require_harmless

    words, notes = list(command), list[str]()
    for _ in range(_DEPTH):
        again = _rewritten(words, directory, notes)
        if again is None:
            break
        words = again
    require_harmless(words, directory)
    return Prepared(tuple(words), tuple(notes))


def with_python(command: Sequence[str], python: str) -> list[str]:
    """The command, where it is a Python (behind programs that only start it) with that interpreter."""
    words = list(command)
    at = _python_at(words)
    if at is not None:
        words[at] = python
    return words


def program_at(words: Sequence[str]) -> int | None:
    """Where in a command line the program stands, behind assignments and wrappers; None where there is none."""
    at = 0
    while at < len(words):
        wrapper = WRAPPERS.get(name_of(words[at]))
        if wrapper is None:
            return at
        at = _behind(words, at + 1, wrapper)
    return None


def name_of(word: str) -> str:
    """The name of a program by its path."""
    return re.split(r"[/\\]", word)[-1].removesuffix(".exe")


def clears_path(words: Sequence[str]) -> bool:
    """Whether a command line starts its program without a PATH (``env -i``)."""
    at = program_at(words) or 0
    before = list(words[:at])
    cleared = any(
        name_of(word) == "env" and {"-i", "-", "--ignore-environment"} & {*before[number + 1 :]}
        for number, word in enumerate(before)
    )
    return cleared and not any(word.startswith("PATH=") for word in before)


def starts_elsewhere(words: Sequence[str], directory: Path) -> str | None:
    """Why a command line of a script is certain not to run in the active environment; None where it may."""
    at = program_at(words)
    if at is None:
        return None
    word, name = words[at], name_of(words[at])
    if is_python(word):
        if clears_path(words) and "/" not in word:
            return "clears PATH, so that Python is another one"
        return None if _is_active(word) else f"names the interpreter {word}"
    if name in RUNNERS and (rest := _run_of(words, at)) is not None:
        return None if name == "uv" and _takes_active(rest) else f"runs `{name} run`"
    if name in _REFUSED:
        return f"runs {name}, which {_REFUSED[name]}"
    if name in ("conda", "mamba", "micromamba", "pyenv") and words[at + 1 : at + 2] in (["activate"], ["shell"]):
        return f"runs `{name} {words[at + 1]}`, which activates another environment"
    if name in ("source", ".") and words[at + 1 :] and name_of(words[at + 1]).startswith("activate"):
        return f"activates another environment with {words[at + 1]}"
    if _environment_of(directory / word) is not None:
        return f"runs {word}, a script of another environment"
    return None


# ---------------------------------------------------------------------------------------------- one command line


def _rewritten(words: list[str], directory: Path, notes: list[str]) -> list[str] | None:
    """The command without its outermost launcher, if it has one. notes: what was done, appended."""
    at = _python_at(words)
    if at is not None:
        if words[at + 1 : at + 2] == ["-m"] and words[at + 2 : at + 3] and words[at + 2] in {*RUNNERS, *_REFUSED}:
            return [*words[:at], *words[at + 2 :]]
        for script in words[at + 1 : at + 2]:
            _require_no_packages(script, directory)
        if words[at] in ("python", "python3"):
            return None
        notes.append(f"{words[at]} of the command is taken for the Python of each environment")
        return [*words[:at], "python", *words[at + 1 :]]
    at = program_at(words)
    if at is None:
        return None
    before, word, rest = words[:at], words[at], words[at + 1 :]
    name = name_of(word)
    if name in _REFUSED and not (name == "gcloud" or (name == "pipx" and rest[:1] != ["run"])):
        raise InvalidInput(
            f"{name} {_REFUSED[name]}: no trial would run in the environment that is meant for it",
            hint="give the command that it runs, as in: -- python train.py",
        )
    if name == "uv" and rest[:2] == ["tool", "run"]:
        raise InvalidInput("uv tool run makes an environment of its own", hint="give the command itself: -- python ...")
    if name in RUNNERS and (options := _run_of(words, at)) is not None:
        target = _target(name, options, directory)
        what = f"{shlex.join(target[:2])}{' ...' if len(target) > 2 else ''}"
        notes.append(f"`{name} run` would take an environment of its own: the command runs as `{what}`, without it")
        return [*before, *target]
    return _without_shebang(before, word, rest, directory, notes)


def _run_of(words: Sequence[str], at: int) -> list[str] | None:
    """What stands behind ``run`` of a runner, options before it included; None where it is another subcommand."""
    runner = RUNNERS[name_of(words[at])]
    number = at + 1
    while number < len(words) and words[number].startswith("-"):
        number += 2 if words[number] in {*runner.valued, *runner.refused} else 1
    if number >= len(words) or words[number] not in runner.subcommands:
        return None
    return [*words[at + 1 : number], *words[number + 1 :]]


def _target(name: str, words: list[str], directory: Path) -> list[str]:
    """What a runner would start. words: its options and its command."""
    runner, number, as_module = RUNNERS[name], 0, False
    as_script = False
    while number < len(words) and words[number].startswith("-") and words[number] not in ("-", "--"):
        option, equals, _ = words[number].partition("=")
        if name == "uv" and option in ("-m", "--module"):
            as_module = True
        elif name == "uv" and option in ("-s", "--script"):
            as_script = True
        elif option in runner.valued:
            number += 0 if equals else 1
        elif option not in runner.flags:
            more = "changes more than the environment" if option in runner.refused else "is not known here"
            raise InvalidInput(
                f"`{name} run {option}` {more}: the command cannot be rewritten to run in each environment",
                hint="give the command itself, as in: -- python train.py; packages belong into OLD and NEW",
            )
        number += 1
    target = words[number + 1 :] if words[number : number + 1] == ["--"] else words[number:]
    if not target or target[0] == "-" or "://" in target[0]:
        raise InvalidInput(
            f"`{name} run` has no command that could run in each environment", hint="as in: -- python train.py"
        )
    if as_module:
        return ["python", "-m", *target]
    if as_script or target[0].endswith((".py", ".pyw")) or (name == "uv" and (directory / target[0]).is_dir()):
        return ["python", *target]
    if (name == "hatch" and ":" in target[0]) or _is_task(target[0], runner, directory):
        raise InvalidInput(
            f"{target[0]} is a task of {name}, which runs in an environment of its own",
            hint="give the command of the task, as in: -- python train.py",
        )
    return target


def _is_task(word: str, runner: Runner, directory: Path) -> bool:
    """Whether a word is defined in one of the files that a runner takes its tasks from."""
    if is_python(word):
        return False
    line = re.compile(rf"^\s*[\"']?{re.escape(word)}[\"']?\s*=|^\[.*\btasks\.{re.escape(word)}\]", re.MULTILINE)
    return any(line.search(text) for name in runner.tasks if (text := text_of(directory / name)) is not None)


def _without_shebang(
    before: list[str], word: str, rest: list[str], directory: Path, notes: list[str]
) -> list[str] | None:
    """A script whose first line names an interpreter of one environment, run by that of each environment."""
    path = directory / word
    if "/" not in word and "\\" not in word:
        return None  # found on PATH, where the environment of the trial comes first
    _require_no_packages(word, directory)
    if _environment_of(path) is not None:
        notes.append(f"{word} is a script of one environment: {path.name} of each environment runs instead")
        return [*before, path.name, *rest]
    interpreter = shebang(path)
    if interpreter[:1] and name_of(interpreter[0]) == "env":
        inner = [each for each in interpreter[1:] if each != "-S"]
        return [*before, *inner, word, *rest] if inner and name_of(inner[0]) in RUNNERS else None
    if interpreter and is_python(interpreter[0]):
        notes.append(f"{word} names {interpreter[0]}: the Python of each environment runs it instead")
        return [*before, "python", *interpreter[1:], word, *rest]
    return None


# ---------------------------------------------------------------------------------------------- parts of it


def _python_at(words: Sequence[str]) -> int | None:
    """Where the Python stands that a command line starts."""
    at = program_at(words)
    if at is None:
        return None
    if is_python(words[at]):
        return at
    if name_of(words[at]) in _MANY:
        return next((number for number in range(at + 1, len(words)) if is_python(words[number])), None)
    return None


def _behind(words: Sequence[str], at: int, wrapper: Wrapper) -> int:
    """Where the command of a wrapper begins."""
    while at < len(words) and (words[at].startswith("-") or re.match(r"[A-Za-z_]\w*=", words[at])):
        at += 2 if words[at] in wrapper.valued else 1
    return at + wrapper.operands


def _takes_active(words: Sequence[str]) -> bool:
    return "--active" in words and "--no-sync" in words and not any(word.startswith("--with") for word in words)


def _is_active(word: str) -> bool:
    """Whether a Python is found on PATH, or below the variable that every trial sets to its own environment."""
    return "/" not in word or re.match(r"\$(?:VIRTUAL_ENV|\{VIRTUAL_ENV\})/", word) is not None


def _environment_of(path: Path) -> Path | None:
    """The virtual environment that a console script belongs to; None for any other file."""
    interpreter = shebang(path)
    if not interpreter or not (is_python(interpreter[0]) or name_of(interpreter[0]) == "sh"):
        return None
    folder = path.absolute().parent.parent
    return folder if (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir() else None


def _require_no_packages(word: str, directory: Path) -> None:
    """Raises InvalidInput for a zip archive with installed packages in it, as PEX and shiv make them."""
    path = directory / word
    try:
        if not path.is_file() or not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return
    if any(name == "PEX-INFO" or ".dist-info/" in name for name in names):
        raise InvalidInput(
            f"{word} carries its own packages: no trial would run with those of its environment",
            hint="give the command that it was made of, as in: -- python train.py",
        )


def shebang(path: Path) -> list[str]:
    """The words of the first line of a script, without ``#!``; [] for what is none."""
    try:
        with path.open("rb") as file:
            line = file.readline(_SHEBANG)
    except (OSError, ValueError):
        return []
    return line[2:].decode(errors="replace").split() if line.startswith(b"#!") else []


def text_of(path: Path) -> str | None:
    """The text of a file that somebody wrote; None for anything else."""
    try:
        if not path.is_file() or path.stat().st_size > 1_000_000:
            return None
        content = path.read_bytes()
    except (OSError, ValueError):
        return None
    return None if b"\0" in content else content.decode(errors="replace")
