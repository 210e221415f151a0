"""The field types the contract is made of: references, times, text, numbers, frozen mappings."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

from pydantic import BeforeValidator, GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from contexta.core.errors import InvalidInput, InvalidReference, shown
from contexta.core.references import KINDS, StableRef
from contexta.core.validation import (
    MAX_NAME,
    number,
    text,
    timestamp,
    to_microseconds,
)

MAX_DESCRIPTION = 100_000
MAX_ENTRY = 200_000  # one key or value of a mapping: more than any system lets a variable hold
MAX_JSON_TEXT = 1_000_000
_MAX_DEPTH = 64
_INT64 = 2**63

# ---------------------------------------------------------------------------------------------- references


class _Reference:
    """Annotation of a StableRef field: which kinds it takes."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^({'|'.join(self.kinds)}):"}

    def _read(self, given: Any) -> StableRef:
        ref = StableRef.parse(given)
        if ref.kind not in self.kinds:
            raise InvalidReference(
                f"{shown(str(ref))} is a {ref.kind} reference", hint=f"this takes {' or '.join(self.kinds)}:..."
            )
        return ref


ProjectRef = Annotated[StableRef, _Reference("project")]
RunRef = Annotated[StableRef, _Reference("run")]
StageRef = Annotated[StableRef, _Reference("stage")]
BatchRef = Annotated[StableRef, _Reference("batch")]
SampleRef = Annotated[StableRef, _Reference("sample")]
OperationRef = Annotated[StableRef, _Reference("op")]
RecordRef = Annotated[StableRef, _Reference("record")]
ArtifactRef = Annotated[StableRef, _Reference("artifact")]
EnvironmentRef = Annotated[StableRef, _Reference("environment")]
DeploymentRef = Annotated[StableRef, _Reference("deployment")]
RelationRef = Annotated[StableRef, _Reference("relation")]
ProvenanceRef = Annotated[StableRef, _Reference("provenance")]
AnyRef = Annotated[StableRef, _Reference(*KINDS)]


def require_below(child: StableRef, parent: StableRef, child_field: str, parent_field: str) -> None:
    """Refuse a child whose reference does not start with its parent's components."""
    if not child.starts_with(parent):
        raise InvalidReference(
            f"{child_field} {child} does not belong to {parent_field} {parent}",
            hint=f"it starts with {child.kind}:{parent.value}.",
        )


# ---------------------------------------------------------------------------------------------- text


def _text(limit: int, *, blank: bool = False, printable: bool = False) -> Callable[[Any], str]:
    return lambda given: text(given, limit=limit, blank=blank, printable=printable)


Name = Annotated[str, BeforeValidator(_text(MAX_NAME, printable=True))]
"""A display name or key: printable, not blank, at most 250 characters."""
Text = Annotated[str, BeforeValidator(_text(MAX_DESCRIPTION, blank=True))]
"""Prose: any storable text up to 100 000 characters."""
Location = Annotated[str, BeforeValidator(_text(4_096))]
"""A path, URL or producer name; not interpreted."""

# ---------------------------------------------------------------------------------------------- time

Timestamp = Annotated[str, BeforeValidator(timestamp)]


def require_order(earlier: str, later: str, earlier_field: str, later_field: str) -> None:
    """Refuse two moments in the wrong order. Both are canonical timestamps."""
    if to_microseconds(later) < to_microseconds(earlier):
        raise InvalidInput(
            f"{later_field} {later} is before {earlier_field} {earlier}", hint="check which of the two is wrong"
        )


# ---------------------------------------------------------------------------------------------- numbers


def _integer(low: int, high: int) -> Callable[[Any], Any]:
    def read(given: Any) -> int:
        if isinstance(given, bool) or not isinstance(given, numbers.Integral):
            raise InvalidInput(f"{shown(given)} is no integer", hint="write int(value)")
        if not low <= int(given) < high:
            raise InvalidInput(f"{shown(given)} is outside {low} to {high - 1}", hint="give a number in that range")
        return int(given)

    return read


_WRITTEN = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _number(given: Any, info: ValidationInfo) -> int | float:
    """JSON has no NaN and no infinities: there they are texts, and only there texts are taken."""
    if info.mode == "json" and isinstance(given, str) and given in _WRITTEN:
        return _WRITTEN[given]
    return number(given)


Number = Annotated[int | float, BeforeValidator(_number)]
Step = Annotated[int, BeforeValidator(_integer(-_INT64, _INT64))]
Count = Annotated[int, BeforeValidator(_integer(0, _INT64))]

# ---------------------------------------------------------------------------------------------- mappings


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed, so that a frozen value is frozen all the way down."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this mapping belongs to a frozen value; build a new value instead")

    __setitem__ = __delitem__ = update = setdefault = pop = popitem = clear = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # dict is unhashable because it can change; this cannot
        return hash(frozenset(self))  # of the keys: equal mappings may write equal values differently

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return (FrozenDict, (dict(self),))


class _Mapping:
    """Annotation of a mapping field: how a given value is read into a FrozenDict."""

    def __init__(self, read: Callable[[Any], dict[str, Any]]) -> None:
        self.read = read

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda given: FrozenDict(self.read(given)),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _thawed, return_schema=core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema())
            ),
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "object"}


def _thawed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _thawed(inner) for key, inner in value.items()}
    return [_thawed(inner) for inner in value] if isinstance(value, tuple) else value


def _mapping_items(given: Any) -> list[tuple[str, Any]]:
    _require_mapping(given)
    return [(text(key, blank=True, limit=MAX_ENTRY), value) for key, value in given.items()]


def _require_mapping(given: Any) -> None:
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{shown(given)} is no mapping", hint="give a dict")


def _text_map(given: Any) -> dict[str, Any]:
    _require_mapping(given)
    if _are_plain([*given.keys(), *given.values()]):
        return dict(given)
    return {key: _entry(key, value) for key, value in _mapping_items(given)}


def _are_plain(texts: list[Any]) -> bool:
    """Whether these are texts that need no look at each: hundreds of packages are checked at once."""
    if not set(map(type, texts)) <= {str}:
        return False
    joined = "".join(texts)
    return joined.isascii() and "\0" not in joined and len(joined) <= MAX_ENTRY


def _entry(key: str, value: Any) -> str:
    try:
        return text(value, blank=True, limit=MAX_ENTRY)
    except InvalidInput as error:
        raise InvalidInput(f"{shown(key)}: {error.what}", hint=error.hint) from None


def _tag_map(given: Any) -> dict[str, Any]:
    if isinstance(given, (list, tuple, set, frozenset)):
        return dict(sorted((text(tag), "") for tag in given))
    return _text_map(given)


def _json_map(given: Any) -> dict[str, Any]:
    return {key: json_value(value, 1) for key, value in _mapping_items(given)}


def json_value(given: Any, depth: int = 1) -> Any:
    """A JSON value, frozen all the way down. Raises InvalidInput for what JSON or a database cannot hold."""
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"it is nested more than {_MAX_DEPTH} deep", hint="flatten it")
    if given is None or isinstance(given, (bool, float)):
        return given
    if isinstance(given, int):
        return number(given)
    if isinstance(given, str):
        return text(given, blank=True, limit=MAX_JSON_TEXT)
    if isinstance(given, (list, tuple)):
        return tuple(json_value(inner, depth + 1) for inner in given)
    if isinstance(given, Mapping):
        return FrozenDict({key: json_value(value, depth + 1) for key, value in _mapping_items(given)})
    raise InvalidInput(f"{shown(given)} is a {type(given).__name__}, which JSON cannot hold", hint="write str(value)")


def frozen(value: Any) -> Any:
    """What was checked before it was stored, as ``json_value`` made it, without checking it again."""
    if type(value) is dict:
        return FrozenDict({key: frozen(inner) for key, inner in value.items()})
    return tuple(map(frozen, value)) if type(value) is list else value


TextMap: TypeAlias = Annotated[Mapping[str, str], _Mapping(_text_map)]
Tags: TypeAlias = Annotated[Mapping[str, str], _Mapping(_tag_map)]
"""Text to text; a list of words is taken as tags without a value."""
JsonMap: TypeAlias = Annotated[Mapping[str, Any], _Mapping(_json_map)]

Status = Literal["open", "completed", "failed", "cancelled", "crashed"]
