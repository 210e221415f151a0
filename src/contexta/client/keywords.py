"""Second names of keyword arguments: ``metric_key=`` is ``metric=``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from contexta.core.errors import InvalidInput

_ALIASES = {
    "metric_key": "metric",
    "project_name": "project",
    "project_ref": "project",
    "run_id": "run",
    "run_ref": "run",
    "run_ids": "runs",
    "run_refs": "runs",
    "subject_ref": "ref",
    "left_run_id": "left",
    "left_run_ref": "left",
    "right_run_id": "right",
    "right_run_ref": "right",
}

F = TypeVar("F", bound="Callable[..., Any]")  # as text: Python 3.8 imports this module to say that it is too old


def with_aliases(method: F) -> F:
    """The method, which also accepts its arguments by their second names. Raises InvalidInput for both names."""
    code = method.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    accepted = {alias: name for alias, name in _ALIASES.items() if name in names and alias not in names}

    @wraps(method)
    def call(*arguments: Any, **keywords: Any) -> Any:
        for alias in accepted.keys() & keywords.keys():
            name = accepted[alias]
            if name in keywords:
                raise InvalidInput(f"{method.__name__} got {name} and {alias}, which are the same", hint="give one")
            keywords[name] = keywords.pop(alias)
        return method(*arguments, **keywords)

    return cast("F", call)
