"""Search the shell scripts and Makefiles of a command for lines that run it in another environment.

This is not a shell. Words are split as in a shell, variables stay unchanged, and every line counts, even if it would
not run. Missed lines are detected after each trial (see ``confirmation``).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from contexta.core.errors import InvalidInput
from contexta.reproduce.launch.launchers import ACTIVE, starts_elsewhere
from contexta.reproduce.launch.programs import SHELLS, first_line, name_of, program_at, text_of

_MAX_NESTED = 4  # scripts that call scripts
_MAX_QUOTATION = 300  # lines
_SEPARATORS = frozenset(";&|(){}") | {"&&", "||", ";;", "|&"}
_KEYWORDS = frozenset({"if", "then", "else", "elif", "do", "while", "until", "!", "{", "}", "(", ")", "time", "export"})
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_INTERPRETER = re.compile(r"/(?:python|pypy)[\d.]*t?[}\"']*\Z")
_HERE_DOCUMENT = re.compile(r"<<-?\s*[\"']?(\w+)[\"']?")
_TARGET = re.compile(r"(?P<names>[^\s:=#][^:=#]*?)\s*::?(?!=)\s*(?P<needs>[^;#=]*)(?:;(?P<recipe>.*))?$")
_DEFINED = re.compile(r"\s*(?:export\s+|override\s+)*(?P<name>[\w.]+)\s*(?:\?|::?|\+)?=\s*(?P<value>.*)")


@dataclass(frozen=True)
class Line:
    """A command line inside a script. where: its file and line, as in ``train.sh line 3``."""

    words: tuple[str, ...]
    where: str


def require_harmless(words: Sequence[str], directory: Path) -> None:
    """Raises InvalidInput, with the line, where a script or Makefile of a command names another environment."""
    for line in _lines(words, directory, "the command", _MAX_NESTED):
        for problem in _problems(line.words, directory):
            raise InvalidInput(
                f"{line.where} {problem}: no trial would run in the environment intended for it",
                hint=f"write python there (or `{ACTIVE}`), or give the command itself, as in: -- python train.py",
            )


def _problems(words: Sequence[str], directory: Path) -> Iterator[str]:
    """Why a command line of a script certainly runs elsewhere."""
    command = _without_prefix(words)
    for word in words[: len(words) - len(command)]:
        assignment = _ASSIGNMENT.match(word)
        value = "" if assignment is None else assignment["value"]
        if assignment and _INTERPRETER.search(value) and not re.search(r"\$VIRTUAL_ENV|VIRTUAL_ENV\}", value):
            yield f"sets {assignment['name']} to the interpreter {value}"
    if (problem := starts_elsewhere(command, directory)) is not None:
        yield problem


def _lines(words: Sequence[str], directory: Path, where: str, depth: int) -> Iterator[Line]:
    """The command lines of all scripts that a command line runs."""
    at = program_at(words)
    if at is None or depth == 0:
        return
    word, rest = words[at], list(words[at + 1 :])
    name = name_of(word)
    if name in SHELLS:
        yield from _of_shell(rest, directory, where, depth)
    elif name in ("source", ".") and rest:
        yield from _of_file(directory / rest[0], directory, depth)
    elif name in ("make", "gmake"):
        yield from _of_make(rest, directory, depth)
    elif "/" in word and (first := first_line(directory / word)):
        interpreter = first[-1] if name_of(first[0]) == "env" else first[0]
        if name_of(interpreter) in SHELLS:
            yield from _of_file(directory / word, directory, depth)


def _of_shell(rest: Sequence[str], directory: Path, where: str, depth: int) -> Iterator[Line]:
    for number, word in enumerate(rest):
        if not word.startswith(("-", "+")):
            yield from _of_file(directory / word, directory, depth)
            return
        if "c" in word.lstrip("-+") and not word.startswith("--"):
            if number + 1 < len(rest):
                yield from _of_text(rest[number + 1], where, directory, depth)
            return


def _of_file(path: Path, directory: Path, depth: int) -> Iterator[Line]:
    text = text_of(path)
    if text is not None:
        yield from _of_text(text, path.name, directory, depth)


def _of_text(text: str, name: str, directory: Path, depth: int) -> Iterator[Line]:
    """name: of the file, or of a text with one line."""
    for number, line in _with_whole_quotes(list(_logical_lines(text))):
        for words in commands_of(line):
            where = f"{name} line {number}" if "\n" in text.strip() or "." in name else name
            yield Line(tuple(words), where)
            yield from _lines(_without_prefix(words), directory, where, depth - 1)


def _without_prefix(words: Sequence[str]) -> list[str]:
    """A command line without the keywords and assignments before its program."""
    rest = list(words)
    while rest and (rest[0] in _KEYWORDS or _ASSIGNMENT.match(rest[0])):
        rest.pop(0)
    return rest


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) with continued lines joined, without here-documents and comments."""
    until, joined, began = None, "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if until is not None:
            until = None if line.strip() == until else until
            continue
        began = began or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        whole, joined, start, began = joined + line, "", began, 0
        if (document := _HERE_DOCUMENT.search(whole)) is not None:
            until = document[1]
        yield start, whole


def _with_whole_quotes(lines: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """The lines, joined if a quotation continues in the next line. An endless quotation stays unchanged."""
    at = 0
    while at < len(lines):
        number, line = lines[at]
        after = at + 1
        while _is_open(line) and after < min(len(lines), at + _MAX_QUOTATION):
            line += "\n" + lines[after][1]
            after += 1
        if _is_open(line):
            after, line = at + 1, lines[at][1]
        yield number, line
        at = after


def _is_open(line: str) -> bool:
    """Whether a quotation in the line has no end."""
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return True
    return False


def commands_of(line: str) -> Iterator[list[str]]:
    """The simple commands of a line of a shell script, each as its words."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|(){}")
    lexer.whitespace_split = True
    lexer.wordchars += "{}$"
    words: list[str] = []
    try:
        for word in lexer:
            if word in _SEPARATORS or (word and set(word) <= set(";&|()")):
                if words:
                    yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # a quotation that continues in the next line
        words = line.split()
    if words:
        yield words


# ---------------------------------------------------------------------------------------------- make


def _of_make(rest: Sequence[str], directory: Path, depth: int) -> Iterator[Line]:
    """The recipes of the named targets, and of those that they need."""
    folder, files, targets, overrides = directory, list[str](), list[str](), dict[str, str]()
    words = iter(rest)
    for word in words:
        if word in ("-C", "--directory"):
            folder = directory / next(words, ".")
        elif word in ("-f", "--file", "--makefile"):
            files.append(next(words, ""))
        elif (assignment := _ASSIGNMENT.match(word)) is not None:
            overrides[assignment["name"]] = assignment["value"]
        elif not word.startswith("-"):
            targets.append(word)
    for name in files or ["GNUmakefile", "makefile", "Makefile"]:
        text = text_of(folder / name)
        if text is not None:
            yield from _of_makefile(text, name, targets, overrides, folder, depth)
            return


def _of_makefile(
    text: str, name: str, targets: Sequence[str], overrides: dict[str, str], folder: Path, depth: int
) -> Iterator[Line]:
    variables: dict[str, str] = {}
    rules: dict[str, tuple[list[str], list[tuple[int, str]]]] = {}
    current: list[str] = []
    for number, line in _logical_lines(text):
        if line.startswith("\t"):
            for target in current:
                rules[target][1].append((number, line.strip()))
            continue
        if (defined := _DEFINED.match(line)) is not None:
            variables[defined["name"]] = defined["value"].strip()
            continue
        if (rule := _TARGET.match(line)) is not None:
            current = rule["names"].split()
            for target in current:
                needs, recipe = rules.setdefault(target, ([], []))
                needs += rule["needs"].split()
                recipe += [(number, rule["recipe"].strip())] if rule["recipe"] else []
    variables.update(overrides)
    first = next((target for target in rules if not target.startswith(".")), None)
    queue, done = list(targets or ([first] if first else [])), set[str]()
    while queue:
        target = queue.pop(0)
        if target in done or target not in rules:
            continue
        done.add(target)
        needs, recipe = rules[target]
        queue += needs
        for number, line in recipe:
            for words in commands_of(_expanded(line.lstrip("@-+"), variables)):
                yield Line(tuple(words), f"{name} line {number}")
                yield from _lines(_without_prefix(words), folder, f"{name} line {number}", depth - 1)


def _expanded(line: str, variables: dict[str, str]) -> str:
    """A recipe with the variables of the Makefile replaced; others stay."""
    for _ in range(_MAX_NESTED):
        line, count = re.subn(
            r"\$[({](\w+)[)}]", lambda match: variables.get(match[1], f"${{{match[1]}}}"), line.replace("$$", "$")
        )
        if count == 0:
            break
    return line
