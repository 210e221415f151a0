"""The field types of the contract: references, times, texts, numbers and frozen mappings."""

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
MAX_ENTRY = 200_000  # of a key or value of a mapping: longer than any environment variable
MAX_JSON_TEXT = 1_000_000
_MAX_DEPTH = 64
_INT64 = 2**63

# ---------------------------------------------------------------------------------------------- references


class _Reference:
    """The annotation of a StableRef field with its kinds."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^({'|'.join(self.kinds)}):"}

    def _read(self, value: Any) -> StableRef:
        ref = StableRef.parse(value)
        if ref.kind not in self.kinds:
            raise InvalidReference(
                f"{shown(str(ref))} is a {ref.kind} reference", hint=f"this field takes {' or '.join(self.kinds)}:..."
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
    """Refuse a child whose reference does not start with the components of its parent."""
    if not child.starts_with(parent):
        raise InvalidReference(
            f"{child_field} {child} does not belong to {parent_field} {parent}",
            hint=f"it starts with {child.kind}:{parent.value}.",
        )


# ---------------------------------------------------------------------------------------------- text


def _text(limit: int, *, blank: bool = False, printable: bool = False) -> Callable[[Any], str]:
    return lambda value: text(value, limit=limit, blank=blank, printable=printable)


Name = Annotated[str, BeforeValidator(_text(MAX_NAME, printable=True))]
"""A display name or key: printable, not blank, at most 250 characters."""
Text = Annotated[str, BeforeValidator(_text(MAX_DESCRIPTION, blank=True))]
"""Prose: any storable text up to 100 000 characters."""
Location = Annotated[str, BeforeValidator(_text(4_096))]
"""A path, URL or name of a producer, which is not interpreted."""

# ---------------------------------------------------------------------------------------------- time

Timestamp = Annotated[str, BeforeValidator(timestamp)]


def require_order(earlier: str, later: str, earlier_field: str, later_field: str) -> None:
    """Refuse two canonical timestamps in the wrong order."""
    if to_microseconds(later) < to_microseconds(earlier):
        raise InvalidInput(f"{later_field} {later} is before {earlier_field} {earlier}", hint="correct one of them")


# ---------------------------------------------------------------------------------------------- numbers


def _integer(low: int, high: int) -> Callable[[Any], Any]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise InvalidInput(f"{shown(value)} is not an integer", hint="write int(value)")
        if not low <= int(value) < high:
            raise InvalidInput(f"{shown(value)} is outside {low} to {high - 1}", hint="give a number in that range")
        return int(value)

    return read


_NOT_IN_JSON = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _number(value: Any, info: ValidationInfo) -> int | float:
    """A number. JSON has no NaN and no infinities, so that only JSON may have them as texts."""
    if info.mode == "json" and isinstance(value, str) and value in _NOT_IN_JSON:
        return _NOT_IN_JSON[value]
    return number(value)


Number = Annotated[int | float, BeforeValidator(_number)]
Step = Annotated[int, BeforeValidator(_integer(-_INT64, _INT64))]
Count = Annotated[int, BeforeValidator(_integer(0, _INT64))]

# ---------------------------------------------------------------------------------------------- mappings


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed, for frozen values."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a frozen value cannot be changed: build a new one")

    __setitem__ = __delitem__ = update = setdefault = pop = popitem = clear = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # a dict is not hashable because it can change
        return hash(frozenset(self))  # only the keys: 1 and 1.0 are equal values

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[str, Any]]]:
        return (FrozenDict, (dict(self),))


class _Mapping:
    """The annotation of a mapping field, with the function that reads a value into a dict."""

    def __init__(self, read: Callable[[Any], dict[str, Any]]) -> None:
        self.read = read

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: FrozenDict(self.read(value)),
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


def _items(mapping: Any) -> list[tuple[str, Any]]:
    _require_mapping(mapping)
    return [(text(key, blank=True, limit=MAX_ENTRY), value) for key, value in mapping.items()]


def _require_mapping(mapping: Any) -> None:
    if not isinstance(mapping, Mapping):
        raise InvalidInput(f"{shown(mapping)} is not a mapping", hint="give a dict")


def _text_map(mapping: Any) -> dict[str, Any]:
    _require_mapping(mapping)
    if _are_plain([*mapping.keys(), *mapping.values()]):
        return dict(mapping)
    return {key: _entry(key, value) for key, value in _items(mapping)}


def _are_plain(texts: list[Any]) -> bool:
    """Whether all are plain ASCII texts: one check for hundreds of packages."""
    if not set(map(type, texts)) <= {str}:
        return False
    joined = "".join(texts)
    return joined.isascii() and "\0" not in joined and len(joined) <= MAX_ENTRY


def _entry(key: str, value: Any) -> str:
    try:
        return text(value, blank=True, limit=MAX_ENTRY)
    except InvalidInput as error:
        raise InvalidInput(f"{shown(key)}: {error.what}", hint=error.hint) from None


def _tag_map(tags: Any) -> dict[str, Any]:
    if isinstance(tags, (list, tuple, set, frozenset)):
        return dict(sorted((text(tag), "") for tag in tags))
    return _text_map(tags)


def _json_map(mapping: Any) -> dict[str, Any]:
    return {key: json_value(value, 1) for key, value in _items(mapping)}


def json_value(value: Any, depth: int = 1) -> Any:
    """A JSON value with frozen mappings. Raises InvalidInput for values that JSON or a database cannot store."""
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"the value is nested more than {_MAX_DEPTH} deep", hint="flatten it")
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return number(value)
    if isinstance(value, str):
        return text(value, blank=True, limit=MAX_JSON_TEXT)
    if isinstance(value, (list, tuple)):
        return tuple(json_value(inner, depth + 1) for inner in value)
    if isinstance(value, Mapping):
        return FrozenDict({key: json_value(inner, depth + 1) for key, inner in _items(value)})
    raise InvalidInput(f"{shown(value)} is a {type(value).__name__}, which JSON cannot store", hint="write str(value)")


def frozen(value: Any) -> Any:
    """A stored JSON value with frozen mappings, without validation."""
    if type(value) is dict:
        return FrozenDict({key: frozen(inner) for key, inner in value.items()})
    return tuple(map(frozen, value)) if type(value) is list else value


TextMap: TypeAlias = Annotated[Mapping[str, str], _Mapping(_text_map)]
Tags: TypeAlias = Annotated[Mapping[str, str], _Mapping(_tag_map)]
"""Text -> text. A list of words gives tags without a value."""
JsonMap: TypeAlias = Annotated[Mapping[str, Any], _Mapping(_json_map)]

Status = Literal["open", "completed", "failed", "cancelled", "crashed"]
RecordType = Literal["metric", "event", "span", "degraded"]
Completeness = Literal["complete", "partial", "sampled", "absent", "unknown"]
Degradation = Literal["none", "partial_failure", "capture_gap", "import_loss", "compatibility_upgrade"]
