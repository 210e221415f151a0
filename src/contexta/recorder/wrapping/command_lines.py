"""Read command lines: the program of a Python process, and whether the recorder can load in it.

A command line is a list of words whose first one is the interpreter. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import re

from contexta.core.processes.interpreters import is_python

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence, Tuple

# Programs that prepare or start other programs and train nothing, recognised by name within microseconds.
_HELPERS = re.compile(
    r"(?:pip[\d.]*|pipx|pipenv|poetry|pdm|hatch|uv|uvx|rye|tox|nox|conda|mamba|virtualenv|venv|ensurepip|build|twine"
    r"|setuptools|wheel|compileall|py_compile|sysconfig|pre_commit|pre-commit|contexta(?:\.cli)?|tensorboard|wandb"
    r"|__pip-runner__\.py|_in_process\.py|get_interpreter_info\.py)(?:\.exe)?\Z"
)
# Workers take part in the run when they have something to record; they run in the environment of their parent.
_MULTIPROCESSING = re.compile(r"from multiprocessing\.(?:spawn|forkserver|resource_tracker|semaphore_tracker) import ")
_LOKY = "loky.backend.popen_loky_posix"  # the module of its workers, which parses arguments of its own
_INSTALLING = frozenset(
    "add build create develop download install lock restore sync update upgrade venv wheel bdist_wheel".split()
)
_SYSTEM = ("/usr/bin/", "/usr/sbin/", "/usr/lib/", "/usr/share/", "/bin/", "/sbin/")
_WITH_VALUE = ("-W", "-X", "--check-hash-based-pycs")


def program_of(words: "Sequence[str]") -> "Tuple[str, str]":
    """(kind, program) of a Python command line; kind is ``module``, ``code`` or ``script`` ("": interactive)."""
    position = 1
    while position < len(words):
        word = words[position]
        if not word.startswith("-") or word == "-":
            return "script", word
        for letter, kind in (("c", "code"), ("m", "module")):
            at = word.find(letter, 1)
            if at > 0 and not word.startswith(("--", "-W", "-X")) and word[1:at].isalpha() | (at == 1):
                return kind, word[at + 1 :] or "".join(words[position + 1 : position + 2])
        position += 2 if word in _WITH_VALUE else 1
    return "script", ""


def isolation(words: "Sequence[str]") -> str:
    """Those of the switches ``I``, ``E`` and ``S`` in a Python command line: it ignores its variables."""
    letters = ""
    for word in words[1:]:
        if not re.match(r"-[A-Za-z]", word):
            break
        cut = re.search(r"[cmWX]", word)
        letters += word[1 : cut.start()] if cut else word[1:]
        if cut and cut.group() in "cm":
            break
    return "".join(letter for letter in "IES" if letter in letters)


def is_multiprocessing(words: "Sequence[str]") -> bool:
    """Whether ``multiprocessing``, or loky of joblib, starts a Python with that command line."""
    kind, program = program_of(words)
    if kind == "module":
        return program.endswith(_LOKY)
    return kind == "code" and _MULTIPROCESSING.match(program) is not None


def is_recorded(words: "Sequence[str]") -> bool:
    """Whether a Python process of that command line is more than a helper."""
    kind, program = program_of(words)
    if kind == "code":
        return _MULTIPROCESSING.match(program) is None
    name = program.partition(".")[0] if kind == "module" and program != "contexta.cli" else os.path.basename(program)
    return _HELPERS.match(name) is None


def is_installer(words: "Sequence[str]") -> bool:
    """Whether a process of that command line, Python or not, builds or installs packages."""
    if not is_python(words[0]):
        return _HELPERS.match(os.path.basename(words[0])) is not None and not _INSTALLING.isdisjoint(words[1:])
    is_code = program_of(words)[0] == "code"
    return not is_code and not is_recorded(words) and not _INSTALLING.isdisjoint(words)


def is_query(words: "Sequence[str]") -> bool:
    """Whether a brief Python process of that command line queries its interpreter or its system: ``python -c``, or a
    program that came with the system (``lsb_release``)."""
    kind, program = program_of(words)
    return kind == "code" or program.startswith(_SYSTEM)


def find_program(name: str, environ: "Mapping[str, str]", directory: str) -> str:
    """The path of a program as the system finds it; its name where it is not found."""
    if os.path.dirname(name):
        return os.path.join(directory, name)
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(directory, folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return name
