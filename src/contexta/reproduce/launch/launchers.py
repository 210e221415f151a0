"""Recognise launchers, which run a command in their own environment.

``uv run train.py`` creates an environment in the project and ignores the active one, so all trials of a study would run
in the same environment. A command is therefore rewritten to the command that the launcher would start (``python
train.py``) if that is certain, and refused otherwise.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contexta.core.errors import InvalidInput
from contexta.core.processes.interpreters import is_python
from contexta.reproduce.launch.programs import (
    clears_path,
    is_console_script,
    name_of,
    names_active_python,
    program_at,
    text_of,
    words_of,
)

ACTIVE = "uv run --active --no-sync"
"""The option with which uv uses the active environment unchanged."""


@dataclass(frozen=True)
class Runner:
    """A launcher ``NAME run [OPTIONS] COMMAND``.

    valued: options with a value that only choose or create the environment. flags: such options without a value.
    refused: options that change more than that. tasks: files that may define COMMAND as a task.
    """

    valued: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    tasks: tuple[str, ...] = ("pyproject.toml",)


RUNNERS = {
    "uv": Runner(
        words_of(
            "-p --python --extra --no-extra --group --no-group --only-group --package --index --default-index -i"
            " --index-url --extra-index-url -f --find-links --index-strategy --keyring-provider --resolution"
            " --prerelease --exclude-newer --link-mode --cache-dir --color --config-file --config-setting -C -P"
            " --upgrade-package --reinstall-package --refresh-package --no-build-package --no-binary-package"
            " --allow-insecure-host --python-platform"
        ),
        words_of(
            "--active --no-sync --frozen --locked --offline -q --quiet -v --verbose --no-progress --isolated"
            " --no-project --no-config --all-extras --dev --no-dev --only-dev --no-default-groups --all-groups --exact"
            " --no-editable --all-packages --managed-python --no-managed-python --no-python-downloads -n --no-cache"
            " --native-tls --system-certs -U --upgrade --refresh --reinstall --no-build --no-binary --no-index"
            " --compile-bytecode --no-env-file --no-sources --no-build-isolation"
        ),
        words_of("--with --with-requirements --with-editable -w --env-file --directory --project -g --gui-script"),
        tasks=(),
    ),
    "poetry": Runner(
        flags=words_of("-q --quiet -v -vv -vvv --ansi --no-ansi -n --no-interaction --no-plugins --no-cache"),
        refused=words_of("-C --directory -P --project"),
        tasks=(),  # its scripts are console scripts, which an environment may have
    ),
    "pdm": Runner(
        flags=words_of("-q --quiet -v --verbose -s --site-packages"), refused=words_of("-p --project --env-file")
    ),
    "hatch": Runner(
        words_of("-e --env"), words_of("-q --quiet -v --verbose --no-color --color"), words_of("-p --project")
    ),
    "pipenv": Runner(words_of("--python"), words_of("-q --quiet -v --verbose --system"), tasks=("Pipfile",)),
    "rye": Runner(flags=words_of("-l --list"), refused=words_of("--pyproject")),
    "pixi": Runner(
        words_of("-e --environment --concurrent-downloads --color"),
        words_of("--frozen --locked -q --quiet -v --verbose --no-progress --no-install --as-is -x --executable"),
        words_of("--manifest-path --clean-env"),
        tasks=("pixi.toml", "pyproject.toml"),
    ),
    **dict.fromkeys(
        ("conda", "mamba", "micromamba"),
        Runner(
            words_of("-n --name -p --prefix -r --root-prefix -a --attach"),
            words_of("--no-capture-output --live-stream -v --verbose -q --quiet --no-rc --no-env -d --detach --dev"),
            words_of("--cwd -e --env --clean-env"),
            tasks=(),
        ),
    ),
}
REFUSED = {
    "uvx": "runs it in its own environment",
    "pipx": "runs it in its own environment",
    "tox": "creates its own environments",
    "nox": "creates its own environments",
    **dict.fromkeys(("docker", "podman", "nerdctl", "apptainer", "singularity", "enroot"), "runs it in a container"),
    **dict.fromkeys(("ssh", "sbatch", "qsub", "bsub", "kubectl", "gcloud"), "runs it elsewhere"),
}


def starts_elsewhere(words: Sequence[str], directory: Path) -> str | None:
    """Why a command line of a script certainly does not run in the active environment; None if it may."""
    at = program_at(words)
    if at is None:
        return None
    word, name = words[at], name_of(words[at])
    if is_python(word):
        if clears_path(words) and "/" not in word:
            return "clears PATH, so another Python runs"
        return None if names_active_python(word) else f"names the interpreter {word}"
    if name in RUNNERS and (rest := arguments_of_run(words, at)) is not None:
        return None if name == "uv" and _takes_active(rest) else f"runs `{name} run`"
    if name in REFUSED:
        return f"runs {name}, which {REFUSED[name]}"
    if name in ("conda", "mamba", "micromamba", "pyenv") and words[at + 1 : at + 2] in (["activate"], ["shell"]):
        return f"runs `{name} {words[at + 1]}`, which activates another environment"
    if name in ("source", ".") and words[at + 1 :] and name_of(words[at + 1]).startswith("activate"):
        return f"activates another environment with {words[at + 1]}"
    if is_console_script(directory / word):
        return f"runs {word}, a script of another environment"
    return None


def arguments_of_run(words: Sequence[str], at: int) -> list[str] | None:
    """The words after ``run`` of the runner at a position, with the options before it; None for other subcommands."""
    runner = RUNNERS[name_of(words[at])]
    number = at + 1
    while number < len(words) and words[number].startswith("-"):
        number += 2 if words[number] in {*runner.valued, *runner.refused} else 1
    if words[number : number + 1] != ["run"]:
        return None
    return [*words[at + 1 : number], *words[number + 1 :]]


def target_of(name: str, words: list[str], directory: Path) -> list[str]:
    """The command that a runner would start. words: its options and its command.

    Raises InvalidInput if that is not certain.
    """
    runner, number, module_option, script_option = RUNNERS[name], 0, False, False
    while number < len(words) and words[number].startswith("-") and words[number] not in ("-", "--"):
        option, equals, _ = words[number].partition("=")
        if name == "uv" and option in ("-m", "--module"):
            module_option = True
        elif name == "uv" and option in ("-s", "--script"):
            script_option = True
        elif option in runner.valued:
            number += 0 if equals else 1
        elif option not in runner.flags:
            reason = "changes more than the environment" if option in runner.refused else "is not known here"
            raise InvalidInput(
                f"`{name} run {option}` {reason}: the command cannot be rewritten to run in each environment",
                hint="give the command itself, as in: -- python train.py; packages belong in OLD and NEW",
            )
        number += 1
    target = words[number + 1 :] if words[number : number + 1] == ["--"] else words[number:]
    if not target or target[0] == "-" or "://" in target[0]:
        raise InvalidInput(
            f"`{name} run` has no command that could run in each environment", hint="as in: -- python train.py"
        )
    if module_option:
        return ["python", "-m", *target]
    if script_option or target[0].endswith((".py", ".pyw")) or (name == "uv" and (directory / target[0]).is_dir()):
        return ["python", *target]
    if (name == "hatch" and ":" in target[0]) or _is_task(target[0], runner, directory):
        raise InvalidInput(
            f"{target[0]} is a task of {name}, which runs in its own environment",
            hint="give the command of the task, as in: -- python train.py",
        )
    return target


def without_runner(words: Sequence[str], at: int, directory: Path) -> tuple[list[str], str] | None:
    """(the command without the runner at a position, a note); None for any other program.

    Raises InvalidInput for a program that certainly runs the command elsewhere.
    """
    name, rest = name_of(words[at]), list(words[at + 1 :])
    if name in REFUSED and not (name == "gcloud" or (name == "pipx" and rest[:1] != ["run"])):
        raise InvalidInput(
            f"{name} {REFUSED[name]}: no trial would run in the environment intended for it",
            hint="give the command that it runs, as in: -- python train.py",
        )
    if name == "uv" and rest[:2] == ["tool", "run"]:
        raise InvalidInput("uv tool run creates its own environment", hint="give the command itself: -- python ...")
    if name not in RUNNERS or (arguments := arguments_of_run(words, at)) is None:
        return None
    target = target_of(name, arguments, directory)
    shortened = f"{shlex.join(target[:2])}{' ...' if len(target) > 2 else ''}"
    note = f"`{name} run` would use its own environment: the command runs as `{shortened}`, without it"
    return [*words[:at], *target], note


def _is_task(word: str, runner: Runner, directory: Path) -> bool:
    """Whether a word is defined in one of the files that a runner takes its tasks from."""
    if is_python(word):
        return False
    line = re.compile(rf"^\s*[\"']?{re.escape(word)}[\"']?\s*=|^\[.*\btasks\.{re.escape(word)}\]", re.MULTILINE)
    return any(line.search(text) for name in runner.tasks if (text := text_of(directory / name)) is not None)


def _takes_active(words: Sequence[str]) -> bool:
    return "--active" in words and "--no-sync" in words and not any(word.startswith("--with") for word in words)
