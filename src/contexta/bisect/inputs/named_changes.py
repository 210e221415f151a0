"""Changes that the user names: two values of an argument, a file or an environment variable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from contexta.bisect.execution.parameter_changes import Setting, place_for
from contexta.bisect.inputs.both_sides import BothSides
from contexta.bisect.option_names import option
from contexta.core.errors import InvalidInput, shown
from contexta.recorder.parameters.command_options import spans_of, start_of_arguments

_AXIS = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)=(?P<old>.*?)::(?P<new>.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_]\w*\Z")


def with_axes(both: BothSides, axes: Sequence[str], command: Sequence[str]) -> BothSides:
    """The sides with these changes, each ``NAME=OLD::NEW``.

    The value takes the place of ``{NAME}`` in the command, else that of its option NAME; without both it is the
    environment variable NAME. Raises InvalidInput.
    """
    for text in axes:
        match = _AXIS.match(text)
        if match is None or "\0" in text:
            raise InvalidInput(
                f"{option('axis')} cannot be {shown(text)}", hint="write NAME=OLD::NEW, as in lr=0.1::0.01"
            )
        name, values = match["name"], (match["old"], match["new"])
        if values[0] == values[1]:
            raise InvalidInput(f"{option('axis')} {name} is {shown(values[0])} on both sides", hint="leave it out")
        if name in both.old.parameters or name in both.old.variables.keys() & both.new.variables.keys():
            raise InvalidInput(f"{name} is a change already", hint=f"leave out {option('axis')} {name}")
        both = _with_axis(both, name, values, command)
    return both


def _with_axis(both: BothSides, name: str, values: tuple[str, str], command: Sequence[str]) -> BothSides:
    ends = both.old, both.new
    settings = list(_settings(name, values, command))
    if settings:
        old, new = (
            replace(end, parameters={**end.parameters, name: setting})
            for end, setting in zip(ends, settings, strict=True)
        )
        return replace(both, old=old, new=new)
    if not _VARIABLE.match(name):
        raise InvalidInput(
            f"{option('axis')} {name} is nowhere in the command, and no name of a variable",
            hint=f"write {place_for(name)} in the command where the value belongs",
        )
    old, new = (replace(end, variables={**end.variables, name: value}) for end, value in zip(ends, values, strict=True))
    note = f"{name} is set as an environment variable: the command has neither {place_for(name)} nor an option {name}"
    return replace(both, old=old, new=new, notes=(*both.notes, note))


def _settings(name: str, values: Sequence[str], command: Sequence[str]) -> Iterator[Setting]:
    if any(place_for(name) in word for word in command):
        yield from (Setting((value,), shown=value) for value in values)
        return
    spans = spans_of(command, name, "one", start_of_arguments(command))
    if not spans:
        return
    start, stop = spans[0]
    option_word = command[start].partition("=")[0]
    for value in values:
        words = (f"{option_word}={value}",) if stop - start == 1 else (command[start], value)
        yield Setting(words, shown=value)
