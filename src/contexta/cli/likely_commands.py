"""Recognise what a user probably means: other names of commands, words in the wrong place, near names of programs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

ALIASES = {
    "list": "runs",
    "ls": "runs",
    "get": "show",
    "info": "show",
    "describe": "show",
    "view": "show",
    "inspect": "show",
    "logs": "log",
    "output": "log",
    "annotate": "note",
    "comment": "note",
    "label": "tag",
    "mv": "rename",
    "rm": "delete",
    "remove": "delete",
    "del": "delete",
    "prune": "gc",
    "clean": "gc",
}
"""Names from other tools that work here -> the command."""

_RECORD = "nothing has to be set up: `contexta run -- python train.py` records a run"
_PAGE = "`contexta ui` shows the workspace in a browser"
_FILTER = '`contexta runs --where "metrics.accuracy > 0.9"` finds runs'
_ELSEWHERE = {
    ("init", "setup", "new", "create", "start", "begin", "record", "exec", "train", "track"): _RECORD,
    ("status", "st"): "`contexta runs` lists the runs, and `contexta doctor` checks the workspace",
    ("gui", "web", "dashboard", "serve", "server", "open", "board"): _PAGE,
    ("search", "find", "query", "filter", "grep", "where", "select"): _FILTER,
    ("history", "projects"): "`contexta runs` lists the runs, and `contexta trend METRIC` shows a metric over them",
    ("chart", "graph", "curve", "curves"): "`contexta plot RUN` draws the learning curves of a run",
    ("params", "tags", "config"): "`contexta show RUN` shows metrics, parameters and tags",
    ("import", "load"): "`contexta restore FILE --into DIR` restores a backup",
    ("dump", "save"): "`contexta export FILE` writes runs, and `contexta backup FILE.zip` the whole workspace",
    ("untag",): "`contexta tag RUN --remove NAME` removes a tag",
    ("unnote",): "`contexta note RUN --remove` removes the note",
    ("push", "pull", "login", "upload"): "`contexta sync` delivers runs to the server of the workspace",
    ("replay", "repeat", "reproduce"): "`contexta rerun RUN` reruns a run in its rebuilt environment",
    ("install", "venv", "checkout"): "`contexta rebuild RUN --into DIR` rebuilds the environment of a run",
    ("freeze", "pip", "packages"): "`contexta env RUN --requirements` prints the packages of a run",
    ("blame", "explain", "cause"): "`contexta why OLD NEW` explains a change, and `contexta bisect` proves its cause",
}

_SUBCOMMANDS = {
    "run": {
        ("list", "ls", "all"): "contexta runs",
        ("show", "get", "info", "describe", "view"): "contexta show RUN",
        ("diff", "compare"): "contexta diff OLD NEW",
        ("log", "logs", "output"): "contexta log RUN",
        ("delete", "rm", "remove"): "contexta delete RUN",
        ("prune",): "contexta gc",
        ("export",): "contexta export FILE",
        ("create", "new", "start", "init", "begin"): "contexta run -- python train.py",
        ("help",): "contexta run --help",
    },
    "backup": {
        ("create", "new", "make", "start", "now", "run"): "contexta backup FILE.zip",
        ("restore",): "contexta restore FILE --into DIR",
        ("verify", "check"): "contexta verify",
        ("list", "ls", "show", "delete", "rm", "remove", "prune"): "ls *.zip",
        ("help",): "contexta backup --help",
    },
}


def suggestion(word: str, commands: Iterable[str]) -> str:
    """The hint for a word that is no command."""
    for words, hint in _ELSEWHERE.items():
        if word in words:
            return hint
    if close := get_close_matches(word, [*commands, *ALIASES], n=1):
        return f"did you mean `contexta {close[0]}`?"
    return "`contexta --help` lists the commands"


def likely_command(command: str, word: str) -> str | None:
    """The command line that a user probably means by this word after a command; None for any other word."""
    return next((line for words, line in _SUBCOMMANDS.get(command, {}).items() if word in words), None)


def program_hint(program: str) -> str:
    """The hint for a program that cannot be found: the nearest name on PATH, or in the directory that it names."""
    if program.endswith(".py") and Path(program).is_file():
        return f"a script needs its interpreter: contexta run -- python {program}"
    folder, slash, name = program.rpartition(os.sep)
    close = get_close_matches(name, _programs([folder + slash] if slash else os.get_exec_path()), n=1, cutoff=0.75)
    if close:
        return f"did you mean {folder}{slash}{close[0]}?"
    return "give the path of a program, or one that is on PATH: contexta run -- python train.py"


def _programs(folders: Iterable[str]) -> set[str]:
    programs: set[str] = set()
    for folder in folders:
        try:
            paths = list(Path(folder).iterdir())
        except OSError:
            continue  # PATH names directories that do not exist
        programs.update(path.name if os.name == "posix" else path.stem for path in paths)
    return programs
