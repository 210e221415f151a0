"""``Value``: the frozen model that settings, contract and findings are made of.

It refuses unknown fields, and every refusal is an ``InvalidInput`` that names the field, the value and the next
step. Text that no database could hold (NUL, lone surrogates) is refused wherever text is taken.
"""

from __future__ import annotations

import contexta.core.check_requirements  # noqa: F401  # the gate: before what may be too old

# isort: split
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import Self

from contexta.core.errors import ContextaError, InvalidInput, shown

_hold = object.__setattr__  # past the freezing; what pydantic keeps beside the fields goes straight into its slots
_hold_set, _hold_extra, _hold_private = (
    getattr(BaseModel, f"__pydantic_{slot}__").__set__ for slot in ("fields_set", "extra", "private")
)
_building = RLock()


@cache
def _all_fields(model: type[BaseModel]) -> set[str]:
    return set(model.model_fields)


class Value(BaseModel):
    """A frozen value. Raises InvalidInput when a field is unknown, missing or breaks a rule."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings", defer_build=True)

    @classmethod
    def trusted(cls, **fields: Any) -> Self:
        """A value of fields that were checked before they were stored, without checking them again: ten times faster.
        All fields must be given, as the checked value holds them."""
        made = object.__new__(cls)
        _hold(made, "__dict__", fields)
        _hold_set(made, _all_fields(cls))
        _hold_extra(made, None)
        _hold_private(made, None)
        return made

    @classmethod
    def model_rebuild(cls, **options: Any) -> bool | None:
        """What pydantic does when the first value is checked; not in two threads at once."""
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

        # What pydantic marks its own __init__ with: without it every nested value would be validated by itself, slower,
        # and without knowing whether it comes from JSON.
        __init__.__pydantic_base_init__ = True

        def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002  # frozen: no copy need be deep
            """A copy with other fields, checked like a new value: what is stored must be valid."""
            fields = {name: getattr(self, name) for name in type(self).model_fields}
            return type(self)(**{**fields, **(update or {})})

        @classmethod
        def model_validate(cls, obj: Any, **options: Any) -> Self:
            try:
                return super().model_validate(obj, **options)
            except TypeError as error:  # a mapping whose keys are no texts
                raise InvalidInput(f"{cls.__name__} cannot be made of {shown(obj)}", hint="give a mapping") from error
            except ValidationError as error:
                _refuse(cls, error)

        @classmethod
        def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
            try:
                return super().model_validate_json(json_data, **options)
            except ValidationError as error:
                _refuse(cls, error)


def _refuse(model: type[BaseModel], error: ValidationError) -> NoReturn:
    found = error.errors(include_url=False)
    faults = [_fault(model, fault) for fault in found]
    what = "; ".join(what for what, _ in faults[:5]) + (f"; and {len(faults) - 5} more faults" if faults[5:] else "")
    own = found[0].get("ctx", {}).get("error")
    kind = type(own) if len(found) == 1 and isinstance(own, InvalidInput) else InvalidInput
    raise kind(what, hint=next((hint for _, hint in faults if hint), None)) from None


def _fault(model: type[BaseModel], fault: Any) -> tuple[str, str | None]:
    """One pydantic fault in our words: what, hint."""
    # Union members and custom validators leave their own names in the path; only fields and keys are of use here.
    path = ".".join(str(part) for part in fault["loc"] if "[" not in str(part))
    where = f"{model.__name__}.{path}" if path else model.__name__
    given = fault["input"]
    own = fault.get("ctx", {}).get("error")
    if isinstance(own, ContextaError):
        return f"{where}: {own.what}" if path else own.what, own.hint
    kind = fault["type"]
    if kind == "extra_forbidden":
        *parents, name = fault["loc"]
        return f"{model.__name__} has no field {shown(path)}", nearest(str(name), _fields_below(model, parents))
    if kind == "missing":
        return f"{where} is missing", f"{model.__name__} needs {fault['loc'][-1]}=..."
    if kind == "literal_error":
        expected = fault["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return f"{where} is {shown(given)}", f"it is one of {expected}"
    return f"{where} cannot be {shown(given)}: {fault['msg']}", None


def _fields_below(model: type[BaseModel], path: list[Any]) -> list[str]:
    """The field names of the model that lies at that path."""
    for part in path:
        field = model.model_fields.get(part)
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return []
        model = field.annotation
    return list(model.model_fields)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the one that was probably meant, else all of them."""
    names = list(known)
    if not names:
        return "leave it out"
    close = get_close_matches(name[:100], names, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"it knows {', '.join(names)}"
