"""Write the options of a command as a command line that can be pasted."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import click


def typed(command: click.Command, options: Mapping[str, Any], without: Collection[str] = ()) -> str:
    """``contexta NAME ...`` with everything that is not left to its default. without: options to leave out."""
    words = ["contexta", str(command.name)]
    arguments = []
    for parameter in command.params:
        value = options.get(parameter.name or "")
        if parameter.name in without or value is None:
            continue
        if isinstance(parameter, click.Option):
            words += _option(parameter, value)
        elif isinstance(value, tuple | list):  # what stands behind --
            arguments += [*(["--"] if value else []), *map(str, value)]
        else:
            words.append(str(value))
    return shlex.join([*words, *arguments])


_PAIRS = (("old", "new"), ("old_python", "new_python"), ("old_env", "new_env"))
_NOT_OF_A_STUDY = ("show", "resume", "study", "as_json", "as_markdown", "html", "json_stream")


def swapped_line(command: click.Command, options: Mapping[str, Any], workspace: str | None) -> str:
    """The command line of a bisect with OLD and NEW swapped."""
    changed = {**options, "workspace": workspace}
    for one, other in _PAIRS:
        changed[one], changed[other] = options[other], options[one]
    return typed(command, changed, _NOT_OF_A_STUDY)


def _option(option: click.Option, value: Any) -> Iterator[str]:
    if option.is_flag:
        if value and not (value is True and option.default is True):
            yield option.opts[0]
        elif value is False and option.secondary_opts and option.default is not False:
            yield option.secondary_opts[0]
    elif option.multiple:
        for each in value:
            yield from (option.opts[0], str(each))
    elif value != option.default:
        yield from (option.opts[0], str(value))
