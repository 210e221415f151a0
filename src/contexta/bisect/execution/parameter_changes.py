"""Parameters as changes: options of recorded command lines, applied to the command of a trial. Pure.

A parameter can be changed where it is an option on the command line of a recorded run (``--lr 0.1``, ``--lr=0.1``,
``lr=0.1``, ``--augment``), or where the user gives a template for options. A side with the option keeps its recorded
words, because the recorded value may be derived from them. A side without it gets its recorded value, written as on the
other side.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from contexta.analysis.metrics.repeats import is_seed
from contexta.recorder.parameters.command_options import option_names, plain, spans_of, start_of_arguments
from contexta.recorder.redaction.redact import HIDDEN

if TYPE_CHECKING:
    from contexta.recorder.parameters.command_options import Takes


_NOT_FILES = {"program", "argparse", "click", "absl", "command line"}
"""The sources of parameters that are not configuration files."""


@dataclass(frozen=True)
class Setting:
    """How one side sets a parameter."""

    words: tuple[str, ...] = ()
    """On a command line; none where nothing sets it."""
    value: Any = None
    """As it was recorded; None where it was not."""
    shown: str | None = None
    """In a few words; None where that side does not have it."""
    takes: Takes = "one"


@dataclass(frozen=True)
class RunParameters:
    """The parameters of a recorded run."""

    params: Mapping[str, Any] = field(default_factory=dict)
    """As the run recorded them."""
    line: tuple[str, ...] = ()
    """The arguments of its command."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Parameter -> the configuration file, or the other place, that it was read from."""


def parameters_of(params: Mapping[str, Any], metadata: Mapping[str, Any]) -> RunParameters:
    """The arguments of the program if it recorded them, else those of the command around it."""
    invocation, command = metadata.get("invocation"), metadata.get("command")
    sources = metadata.get("param_sources") or {}
    if isinstance(invocation, Mapping) and invocation.get("entry_point") not in ("notebook", "interactive"):
        return RunParameters(params, tuple(map(str, invocation.get("argv", ())))[1:], sources)
    words = tuple(map(str, command)) if isinstance(command, (list, tuple)) else ()
    return RunParameters(params, words[start_of_arguments(words) :], sources)


@dataclass(frozen=True)
class ChangedParameters:
    """The parameters that differ and can be set, with the same names on both sides; notes on the others."""

    old: Mapping[str, Setting]
    new: Mapping[str, Setting]
    notes: tuple[str, ...]


def changed_parameters(old: RunParameters, new: RunParameters, template: str | None = None) -> ChangedParameters:
    """template: how an option is written that is on no command line, with ``{name}`` and ``{value}``."""
    ours, theirs, notes = dict[str, Setting](), dict[str, Setting](), list[str]()
    for name in sorted({*old.params, *new.params}):
        values = old.params.get(name), new.params.get(name)
        if same(*values) or is_seed(name):
            continue
        places = {run.sources.get(name, "program") for run in (old, new)}
        file = min(places - _NOT_FILES, default=None)
        settings = _settings(name, values, (old.line, new.line), template, file)
        if isinstance(settings, str):
            notes.append(f"parameter {name} differs and is no change: {settings}")
        elif settings is not None:
            ours[name], theirs[name] = settings
    for name, pair in _unrecorded(old, new):
        if any(HIDDEN in word for setting in pair for word in setting.words):
            notes.append(f"option {name} differs and is no change: it holds a secret that was not stored")
        else:
            ours[name], theirs[name] = pair
    lines = _rest(old, ours), _rest(new, theirs)
    if lines[0] != lines[1]:
        shown = [shlex.join(line) or "nothing" for line in lines]
        notes.append(f"other words of the command differ (OLD: {shown[0]}, NEW: {shown[1]}); the given command is used")
    return ChangedParameters(ours, theirs, tuple(notes))


def with_settings(command: Sequence[str], settings: Mapping[str, Setting]) -> tuple[str, ...]:
    """A command with these settings in place of its own. Missing settings are appended."""
    words = list(command)
    for name, setting in sorted(settings.items()):
        if any(place_for(name) in word for word in words):
            words = [word.replace(place_for(name), " ".join(setting.words)) for word in words]
            continue
        spans = spans_of(words, name, setting.takes, start_of_arguments(words))
        at = spans[0][0] if spans else len(words)
        for start, stop in reversed(spans):
            del words[start:stop]
        words[at:at] = setting.words
    return tuple(words)


def place_for(name: str) -> str:
    """What the value of a parameter replaces, if a command contains it."""
    return f"{{{name}}}"


def not_in(command: Sequence[str], settings: Mapping[str, Setting]) -> list[str]:
    """The parameters that a command does not have."""
    start = start_of_arguments(command)
    return [name for name, setting in settings.items() if not spans_of(command, name, setting.takes, start)]


def contradiction(settings: Mapping[str, Setting], recorded: Mapping[str, Any]) -> str | None:
    """Why a run with these recorded parameters did not use its settings; None without a contradiction."""
    wrong = [
        f"{name}={text(recorded[name])}, not with {text(setting.value)}"
        for name, setting in sorted(settings.items())
        if setting.value is not None and name in recorded and not same(setting.value, recorded[name])
    ]
    return f"it ran with {'; '.join(wrong)} as requested" if wrong else None


def same(first: Any, second: Any) -> bool:
    """Whether two recorded values are equal, however they are written: ``0.1`` and ``"1e-1"``."""
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if first is None or second is None:
        return first is second
    if isinstance(first, bool) or isinstance(second, bool):
        return text(first).lower() == text(second).lower()
    try:
        return float(text(first)) == float(text(second)) or text(first) == text(second)
    except ValueError:
        return text(first) == text(second)


def text(value: Any) -> str:
    """A recorded value as it is written on a command line."""
    if isinstance(value, (str, bool, int, float)):
        return str(value)
    return json.dumps(value, sort_keys=True, default=str)


# ------------------------------------------------------------------------------- recorded parameters


def _settings(
    name: str,
    values: tuple[Any, Any],
    lines: tuple[Sequence[str], Sequence[str]],
    template: str | None,
    file: str | None,
) -> tuple[Setting, Setting] | str | None:
    """The settings of both sides, or why the parameter cannot be set; None where both sides have it, and only one
    recorded it. file: the configuration file that it was read from."""
    if any(HIDDEN in text(value) for value in values):
        return "it holds a secret that was not stored"
    takes = _followed_by(values)
    words = [_words(line, name, takes) for line in lines]
    on_lines = [_value_on(line, name, takes) for line in lines]
    if same(*on_lines) and on_lines[0] is not None and None in values:
        return None
    reason = _completed(words, values) if not same(*on_lines) else _elsewhere(words[0], file)
    if reason is not None and template is not None:
        words, reason = [_by_template(template, name, value) for value in values], None
    if reason is not None:
        return f"{reason}; --param-arg says how to set it"
    shown = [on_line if value is None else text(value) for value, on_line in zip(values, on_lines, strict=True)]
    return Setting(words[0], values[0], shown[0], takes), Setting(words[1], values[1], shown[1], takes)


def _followed_by(values: tuple[Any, Any]) -> Takes:
    if any(isinstance(value, (list, tuple)) for value in values):
        return "many"
    return "truth" if any(isinstance(value, bool) for value in values) else "one"


def _completed(words: list[tuple[str, ...]], values: tuple[Any, Any]) -> str | None:
    """Give a side without the option its recorded value, written as on the other side; or the reason if it cannot."""
    for side, other in ((0, 1), (1, 0)):
        if not words[side] and values[side] is not None:
            completed = _like(words[other], values[other], values[side])
            if completed is None:
                return f"it was recorded as {text(values[other])} where the command says {shlex.join(words[other])}"
            words[side] = completed
    return None


def _elsewhere(words: Sequence[str], file: str | None) -> str:
    """What sets a parameter whose words are the same on both command lines."""
    if file is not None and not words:
        return f"{file} sets it, and that file comes with the source"
    reason = f"both were given {shlex.join(words)}" if words else "it is on neither command line"
    return f"{reason}, so the code sets it, and it comes with the source"


def _by_template(template: str, name: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(word.replace("{name}", name).replace("{value}", text(value)) for word in shlex.split(template))


def _like(words: Sequence[str], recorded: Any, new: Any) -> tuple[str, ...] | None:
    """A new value, written as the words are; None where the recorded value is not in these words."""
    option, equals, value = words[0].partition("=")
    if isinstance(new, bool) and len(words) == 1 and not equals:
        return ()  # a flag: it is there or it is not
    current = [value] if equals else list(words[1:])
    if isinstance(new, bool) and current[0].islower():
        new = text(new).lower()
    if (
        isinstance(recorded, (list, tuple))
        and not equals
        and len(current) == len(recorded)
        and isinstance(new, (list, tuple))
    ):
        return (option, *map(text, new)) if all(map(same, recorded, current)) else None
    if len(current) != 1 or not (recorded is None or same(recorded, current[0])):
        return None
    return (f"{option}={text(new)}",) if equals else (option, text(new))


# ------------------------------------------------------------------------------- options that no run recorded


def _unrecorded(old: RunParameters, new: RunParameters) -> Iterator[tuple[str, tuple[Setting, Setting]]]:
    """Options that differ and that no run recorded as a parameter."""
    recorded = {plain(name) for name in (*old.params, *new.params)}
    for name in sorted({*option_names(old.line), *option_names(new.line)}):
        if name in recorded or name.removeprefix("no_") in recorded or is_seed(name):
            continue
        takes = _taken(name, old.line, new.line)
        words = [_words(line, name, takes) for line in (old.line, new.line)]
        on_lines = [_value_on(line, name, takes) for line in (old.line, new.line)]
        if not same(*on_lines):
            yield name, (Setting(words[0], None, on_lines[0], takes), Setting(words[1], None, on_lines[1], takes))


def _taken(name: str, old: Sequence[str], new: Sequence[str]) -> Takes:
    """The arity of an option: several values if several words lie between it and the next option. An option of one side
    only takes no value if the next word is on both sides."""
    words = [_words(line, name, "one") for line in (old, new)]
    for side, other in ((0, new), (1, old)):
        if not words[1 - side] and len(words[side]) == 2 and words[side][1] in other:
            return "none"
    between = [
        stop - start for line in (old, new) for start, stop in spans_of(line, name, "many", 0) if stop < len(line)
    ]
    return "many" if any(count > 2 for count in between) else "one"


def _rest(run: RunParameters, settings: Mapping[str, Setting]) -> list[str]:
    """The words of a line that belong to no option."""
    line = list(run.line)
    recorded = {plain(name): value for name, value in run.params.items()}
    taken = {plain(name): setting.takes for name, setting in settings.items()}
    for name in sorted({*option_names(line), *taken}):
        takes = taken.get(name) or (
            _followed_by((recorded[name], None)) if name in recorded else _taken(name, line, ())
        )
        for start, stop in reversed(spans_of(line, name, takes, 0)):
            del line[start:stop]
    return line


# ------------------------------------------------------------------------------- options of a command line


def _words(line: Sequence[str], name: str, takes: Takes) -> tuple[str, ...]:
    return tuple(word for start, stop in spans_of(line, name, takes, 0) for word in line[start:stop])


def _value_on(line: Sequence[str], name: str, takes: Takes) -> str | None:
    """The values of an option on a command line, in any notation; ``given`` for a flag."""
    values_on_line: list[str] = []
    for start, stop in spans_of(line, name, takes, 0):
        option, equals, value = line[start].partition("=")
        values = [value] if equals else line[start + 1 : stop]
        values_on_line += values or ["given" if plain(option.lstrip("-")) == plain(name) else "not given"]
    return " ".join(values_on_line) if values_on_line else None
