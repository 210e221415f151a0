"""Recognise a word that reads like a subcommand, where a command takes a file or a program."""

from __future__ import annotations

_LIKELY = {
    "run": {
        ("list", "ls", "all"): "contexta runs",
        ("show", "get", "info", "describe", "view"): "contexta show RUN",
        ("diff", "compare"): "contexta diff OLD NEW",
        ("log", "logs", "output"): "contexta log RUN",
        ("delete", "rm", "remove", "prune"): "contexta gc",
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


def likely_command(command: str, word: str) -> str | None:
    """The command line that a user probably means by this word after a command; None for any other word."""
    return next((line for words, line in _LIKELY.get(command, {}).items() if word in words), None)
