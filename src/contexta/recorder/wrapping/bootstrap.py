"""What happens in a Python process below `contexta run` before its program begins.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import re
import sys

from contexta.recorder.wrapping import shadowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Sequence

# Programs that prepare or start something and train nothing: seen by name, at the cost of microseconds.
_HELPERS = re.compile(
    r"(?:pip[\d.]*|pipx|pipenv|poetry|pdm|hatch|uv|uvx|rye|tox|nox|conda|mamba|virtualenv|venv|ensurepip|build|twine"
    r"|setuptools|wheel|compileall|py_compile|sysconfig|pre_commit|pre-commit|contexta(?:\.cli)?|tensorboard"
    r"|__pip-runner__\.py|_in_process\.py|get_interpreter_info\.py)(?:\.exe)?\Z"
)
# Workers take part in the run when they have something to say; what they run in is their parent's.
_MULTIPROCESSING = re.compile(r"from multiprocessing\.(?:spawn|forkserver|resource_tracker|semaphore_tracker) import ")
_PREFIX = "CONTEXTA_PREFIX"  # sys.prefix of the process that was recorded last, for those below it
_INSTALLING = frozenset(
    "add build create develop download install lock restore sync update upgrade venv wheel bdist_wheel".split()
)
PYTHON = re.compile(r"(?:python|pypy)[\d.]*t?(?:\.exe)?\Z", re.IGNORECASE)
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")


def enter() -> None:
    """Take part in the run that the variables name, with the environment of this process. A program that has its own
    contexta imports that."""
    arguments = _arguments()
    recorded = is_recorded(arguments) or _is_worker_of_another(arguments)
    try:
        _take_part(arguments, recorded)
    finally:
        path = shadowed.path_of_programs_own(*program_of(arguments)) if recorded else ""
        if path:
            shadowed.hide(path)
        elif not recorded:
            shadowed.forget()


def _take_part(arguments: List[str], recorded: bool) -> None:
    if os.environ.get("CONTEXTA_TRIAL"):
        from contexta.recorder.wrapping import trial_process

        trial_process.begin(*program_of(arguments), recorded=recorded)
    if not recorded:
        return
    from contexta.recorder.session import active_run, start

    run = active_run.handed_down()
    if run is not None:
        if run._before_end is None:
            start.record_environment(run)  # a worker of another interpreter
        os.environ[_PREFIX] = sys.prefix


def _is_worker_of_another(arguments: List[str]) -> bool:
    """Whether ``multiprocessing`` started this process on another interpreter than that of its parent
    (``set_executable``): then it does not run in what was recorded of its parent."""
    kind, program = program_of(arguments)
    theirs = os.environ.get(_PREFIX, sys.prefix)
    return kind == "code" and _MULTIPROCESSING.match(program) is not None and theirs != sys.prefix


def is_recorded(arguments: List[str]) -> bool:
    """Whether a Python process of that command line is more than a helper. arguments: the interpreter first."""
    kind, program = program_of(arguments)
    if kind == "code":
        return _MULTIPROCESSING.match(program) is None
    name = program.partition(".")[0] if kind == "module" and program != "contexta.cli" else os.path.basename(program)
    return _HELPERS.match(name) is None


def is_installer(arguments: List[str]) -> bool:
    """Whether a process of that command line, Python or not, builds or installs packages."""
    name = os.path.basename(arguments[0])
    if PYTHON.match(name) is None:
        return _HELPERS.match(name) is not None and not _INSTALLING.isdisjoint(arguments[1:])
    is_code = program_of(arguments)[0] == "code"
    return not is_code and not is_recorded(arguments) and not _INSTALLING.isdisjoint(arguments)


def is_question(arguments: List[str]) -> bool:
    """Whether a Python process of that command line asks something of its interpreter or its system, if it is brief:
    ``python -c``, or a program that came with the system (``lsb_release``)."""
    kind, program = program_of(arguments)
    return kind == "code" or program.startswith(
        ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/share/", "/bin/", "/sbin/")
    )


def isolation(arguments: Sequence[str]) -> str:
    """Of the switches of a Python command line (without the interpreter) those by which it takes nothing from its
    variables: ``I``, ``E`` and ``S``."""
    letters = ""
    for argument in arguments:
        if not re.match(r"-[A-Za-z]", argument):
            break
        cut = re.search(r"[cmWX]", argument)
        letters += argument[1 : cut.start()] if cut else argument[1:]
        if cut and cut.group() in "cm":
            break
    return "".join(letter for letter in "IES" if letter in letters)


def program_of(arguments: List[str]) -> tuple[str, str]:
    """(kind, program) of a Python command line; kind is ``module``, ``code`` or ``script`` ("": interactive)."""
    position = 1
    while position < len(arguments):
        argument = arguments[position]
        if not argument.startswith("-") or argument == "-":
            return "script", argument
        for letter, kind in (("c", "code"), ("m", "module")):
            at = argument.find(letter, 1)
            if at > 0 and not argument.startswith(("--", "-W", "-X")) and argument[1:at].isalpha() | (at == 1):
                rest = argument[at + 1 :]
                return kind, rest or "".join(arguments[position + 1 : position + 2])
        position += 2 if argument in _WITH_VALUE else 1
    return "script", ""


def _arguments() -> List[str]:
    """How this interpreter was called."""
    known = getattr(sys, "orig_argv", None)
    if known:
        return list(known)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return [os.fsdecode(part) for part in file.read().split(b"\0")[:-1]]
    except OSError:
        return [sys.executable, *getattr(sys, "argv", [])]
