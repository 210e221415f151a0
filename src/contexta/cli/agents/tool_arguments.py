"""The arguments of a tool: their JSON schema, and the command line that they stand for.

Both are read from the parameters of the click command, so that a tool and its command cannot differ.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import click

from contexta.core.errors import InvalidInput, shown

_NOT_OF_A_TOOL = frozenset(
    ("workspace", "as_json", "as_markdown", "html", "everything", "exit_code", "fail_on", "requirements", "junit")
)
"""Parameters that name the workspace, or choose how an answer is printed."""

Parameters = Mapping[str, click.Parameter]


def parameters_of(
    command: click.Command, *, only: Container[str] | None = None, without: Container[str] = ()
) -> Parameters:
    """Name of an argument of the tool -> parameter of the command, in the command's order."""
    return {
        _name(parameter): parameter
        for parameter in command.params
        if parameter.name not in _NOT_OF_A_TOOL
        and parameter.name not in without
        and (only is None or parameter.name in only)
    }


def schema_of(parameters: Parameters) -> dict[str, Any]:
    """The JSON schema of the arguments."""
    return {
        "type": "object",
        "properties": {name: _schema(parameter) for name, parameter in parameters.items()},
        "required": [name for name, parameter in parameters.items() if parameter.required],
        "additionalProperties": False,
    }


def words_of(parameters: Parameters, values: Mapping[str, Any]) -> list[str]:
    """The arguments as words of a command line, positional ones behind ``--``.

    Raises InvalidInput for an argument that the tool does not have, and for a value of another type.
    """
    for name in values:
        if name not in parameters:
            close = get_close_matches(name, parameters, n=1)
            hint = f"did you mean {close[0]}?" if close else f"the arguments are {', '.join(parameters) or 'none'}"
            raise InvalidInput(f"there is no argument {shown(name)}", hint=hint)
    options: list[str] = []
    positional: list[str] = []
    missing: list[str] = []
    for name, parameter in parameters.items():
        value = values.get(name)
        if isinstance(parameter, click.Option):
            options += [] if value is None else _option_words(name, parameter, value)
        elif value is None:
            missing.append(name)
        elif missing:
            raise InvalidInput(
                f"{name} was given without {', '.join(missing)}", hint=f"give {' and '.join(missing)} too"
            )
        else:
            positional += _texts(name, value, is_list=parameter.nargs == -1)
    return [*options, "--", *positional]


def _name(parameter: click.Parameter) -> str:
    """The name that the command line shows: ``max_drop`` of ``--max-drop``."""
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len).lstrip("-").replace("-", "_")
    return str(parameter.name)


def _schema(parameter: click.Parameter) -> dict[str, Any]:
    schema = _type_schema(parameter)
    if isinstance(parameter, click.Option):
        if parameter.multiple:
            schema = {"type": "array", "items": schema}
        if parameter.help:
            schema["description"] = parameter.help
        if parameter.show_default:
            schema["default"] = parameter.default
        return schema
    return {"type": "array", "items": schema} if parameter.nargs == -1 else schema


def _type_schema(parameter: click.Parameter) -> dict[str, Any]:
    kind = parameter.type
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return {"type": "boolean"}
    if isinstance(kind, click.Choice):
        return {"type": "string", "enum": list(kind.choices)}
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        limits = {"minimum": kind.min, "maximum": kind.max}
        name = "integer" if isinstance(kind, click.IntRange) else "number"
        return {"type": name, **{key: limit for key, limit in limits.items() if limit is not None}}
    if kind in (click.INT, click.FLOAT):
        return {"type": "integer" if kind is click.INT else "number"}
    return {"type": "string"}


def _option_words(name: str, option: click.Option, value: object) -> Iterator[str]:
    word = max(option.opts, key=len)
    if not option.is_flag:
        for text in _texts(name, value, is_list=option.multiple):
            yield f"{word}={text}"
    elif not isinstance(value, bool):
        raise InvalidInput(f"{name} is {shown(value)}", hint="it is true or false")
    elif value:
        yield word
    elif option.secondary_opts:
        yield max(option.secondary_opts, key=len)


def _texts(name: str, value: object, *, is_list: bool) -> Sequence[str]:
    """The words of a value. A single value is a list of one."""
    items = value if is_list and isinstance(value, list) else [value]
    for item in items:
        if isinstance(item, bool) or not isinstance(item, (str, int, float)):
            kind = "a list of texts" if is_list else "a text or a number"
            raise InvalidInput(f"{name} is {shown(value)}", hint=f"it is {kind}")
    return [str(item) for item in items]
