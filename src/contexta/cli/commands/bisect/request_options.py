"""The options of `contexta bisect` that are fields of a ``BisectRequest``: names, types, defaults and help texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import click
from pydantic.fields import FieldInfo

from contexta.bisect.inputs.request import ARGUMENTS, NOT_TYPED, BisectRequest, Placeholder
from contexta.bisect.option_names import NEGATIVE

_FLAGS = (bool, bool | None)


class _NumberOrAuto(click.IntRange):
    """A number from 1, or the word auto."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "auto":
            return value
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(f"{error.message.rstrip('.')}, nor auto", param, ctx)


def request_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a request to a command."""
    for name, field in reversed(BisectRequest.model_fields.items()):
        if name not in (*ARGUMENTS, *NOT_TYPED):
            command = click.option(*_declaration(name, field), help=_help(field), **_attributes(field))(command)
    return command


def _declaration(name: str, field: FieldInfo) -> list[str]:
    positive = f"--{name.replace('_', '-')}"
    if field.annotation in _FLAGS and field.default is not False:
        return [f"{positive}/{NEGATIVE[name]}", name]
    return [positive, name]


def _help(field: FieldInfo) -> str:
    return f"{field.description}{' May be repeated.' if _is_repeatable(field) else ''}"


def _attributes(field: FieldInfo) -> dict[str, Any]:
    if field.annotation in _FLAGS:
        return {"default": field.default, "is_flag": True}
    least = next((limit.ge for limit in field.metadata if hasattr(limit, "ge")), None)
    attributes: dict[str, Any] = {
        "metavar": next(str(item) for item in field.metadata if isinstance(item, Placeholder)),
        "multiple": _is_repeatable(field),
    }
    if field.annotation in (int, int | None):
        attributes["type"] = click.IntRange(min=least)
    elif field.annotation == int | Literal["auto"] | None:
        attributes["type"] = _NumberOrAuto(min=1)
    elif field.annotation == float | None:
        attributes["type"] = click.FloatRange(min=least)
    elif field.annotation == Path | None:
        attributes["type"] = click.Path(path_type=Path)
    if isinstance(field.default, int):
        attributes |= {"default": field.default, "show_default": True}
    return attributes


def _is_repeatable(field: FieldInfo) -> bool:
    is_list = field.annotation == tuple[str, ...] and Placeholder("KINDS") not in field.metadata  # those are one text
    return is_list or field.annotation == Mapping[str, str]
