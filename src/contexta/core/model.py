"""``Value``: the frozen model of settings, contract values and findings.

A value refuses unknown fields. Every refusal is an ``InvalidInput`` that names the field, the value and the next step.
"""

from __future__ import annotations

import contexta.core.check_requirements  # noqa: F401  # checks the version of pydantic before it is imported

# isort: split
import json
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import Self

from contexta.core.errors import ContextaError, InvalidInput, shown

V = TypeVar("V", bound="Value")

_building = RLock()
_MOST_FAULTS = 5  # in one message


class Value(BaseModel):
    """A frozen value. Raises InvalidInput when a field is unknown, missing or invalid."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", defer_build=True)

    def to_json(self, *, indent: int | None = None) -> str:
        """The value as JSON, as ``--json`` prints it. NaN and infinities become texts: JSON has no such numbers."""
        return self.model_dump_json(indent=indent)

    def to_dict(self) -> dict[str, Any]:
        """The value as a dict of JSON types: the content of ``to_json``."""
        fields: dict[str, Any] = json.loads(self.to_json())
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """The value that ``to_dict`` described. Raises InvalidInput."""
        try:
            text = json.dumps(fields)
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"{cls.__name__}.from_dict: {error}", hint="give a dict of JSON types") from error
        return cls.model_validate_json(text)

    @classmethod
    def model_rebuild(cls, **options: Any) -> bool | None:
        """Build the validator at the first use, in one thread at a time: pydantic does not lock."""
        with _building:
            return super().model_rebuild(**options)

    if not TYPE_CHECKING:  # type checkers see the fields as keyword arguments instead

        def __init__(self, /, *args: Any, **fields: Any) -> None:
            if args:
                raise InvalidInput(
                    f"{type(self).__name__} takes keyword arguments, not {shown(args[0])}",
                    hint=f"its fields are {', '.join(type(self).model_fields)}",
                )
            try:
                super().__init__(**fields)
            except ValidationError as error:
                _refuse(type(self), error)

        # pydantic's own mark for an __init__ that only validates. Without it pydantic would call __init__ for each
        # nested value, which is slower and loses the information that the input is JSON.
        __init__.__pydantic_base_init__ = True

        def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002  # a frozen value needs no deep copy
            """A copy with some fields replaced, validated like a new value."""
            fields = {name: getattr(self, name) for name in type(self).model_fields}
            return type(self)(**{**fields, **(update or {})})

        @classmethod
        def model_validate(cls, obj: Any, **options: Any) -> Self:
            try:
                return super().model_validate(obj, **options)
            except TypeError as error:  # a mapping with keys that are not text
                raise InvalidInput(f"{cls.__name__} cannot be made of {shown(obj)}", hint="give a mapping") from error
            except ValidationError as error:
                _refuse(cls, error)

        @classmethod
        def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
            try:
                return super().model_validate_json(json_data, **options)
            except ValidationError as error:
                _refuse(cls, error)


@cache
def trusted(model: type[V]) -> Callable[[dict[str, Any]], V]:
    """A function that builds values from fields that were validated before they were stored.

    It restores a value as pickle does, in half the time of ``model_construct``, which looks at each field.
    """
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    state = model.model_construct(set(model.model_fields), **dict.fromkeys(required)).__getstate__()
    template = state["__dict__"]  # defaults, in the order of the fields

    def build(fields: dict[str, Any]) -> V:
        value = model.__new__(model)
        value.__setstate__({**state, "__dict__": {**template, **fields}})
        return value

    return build


def _refuse(model: type[BaseModel], error: ValidationError) -> NoReturn:
    """Raise an InvalidInput for the faults that pydantic reports."""
    errors = error.errors(include_url=False)
    faults = [_fault(model, details) for details in errors]
    rest = len(faults) - _MOST_FAULTS
    message = "; ".join(message for message, _ in faults[:_MOST_FAULTS]) + (
        f"; and {rest} more faults" if rest > 0 else ""
    )
    cause = errors[0].get("ctx", {}).get("error")
    kind = type(cause) if len(errors) == 1 and isinstance(cause, InvalidInput) else InvalidInput
    raise kind(message, hint=next((hint for _, hint in faults if hint), None)) from None


def _fault(model: type[BaseModel], details: Any) -> tuple[str, str | None]:
    """(fault, hint) for one error of pydantic."""
    # pydantic adds the names of union members and validators to the path; only fields and keys help a user.
    path = ".".join(str(part) for part in details["loc"] if "[" not in str(part))
    where = f"{model.__name__}.{path}" if path else model.__name__
    value = details["input"]
    cause = details.get("ctx", {}).get("error")
    if isinstance(cause, ContextaError):
        return f"{where}: {cause.what}" if path else cause.what, cause.hint
    kind = details["type"]
    if kind == "extra_forbidden":
        *parents, name = details["loc"]
        return f"{model.__name__} has no field {shown(path)}", nearest(str(name), _fields_below(model, parents))
    if kind == "missing":
        return f"{where} is missing", f"{model.__name__} needs {details['loc'][-1]}=..."
    if kind == "literal_error":
        expected = details["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return f"{where} is {shown(value)}", f"it is one of {expected}"
    return f"{where} cannot be {shown(value)}: {details['msg']}", None


def _fields_below(model: type[BaseModel], path: list[Any]) -> list[str]:
    """The field names of the model at a path."""
    for part in path:
        field = model.model_fields.get(part)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest name, or all names."""
    names = list(names)
    if not names:
        return "leave it out"
    close = get_close_matches(name[:100], names, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"valid names: {', '.join(names)}"
