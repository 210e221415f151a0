"""Every contract value and every finding survives ``to_dict``, ``to_json`` and ``from_dict``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

import contexta.contract
import contexta.findings
from contexta.contract import MetricPayload
from contexta.contract.fields import JsonMap, Number, Tags, TextMap, Timestamp
from contexta.core.errors import InvalidInput
from contexta.core.model import Value

REFERENCES = {
    "project": "project:p",
    "stage": "stage:p.r.s",
    "batch": "batch:p.r.s.b",
    "sample": "sample:p.r.s.x",
    "op": "op:p.r.s.o",
    "run": "run:p.r",
    "deployment": "deployment:p.d",
}
ODD: dict[str, dict[str, Any]] = {  # fields whose rules a value of the right type alone does not meet
    "StructuredEventRecord": {"envelope": {"record_type": "event"}},
    "TraceSpanRecord": {"envelope": {"record_type": "span"}},
    "DegradedRecord": {"envelope": {"record_type": "degraded", "degradation_marker": "capture_gap"}},
    "LineageEdge": {"target_ref": "run:p.r"},
    "EnvironmentSnapshot": {"packages": {"text": "text"}},
}


def subclasses(cls: type[Value]) -> Iterator[type[Value]]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


for package in (contexta.contract, contexta.findings):
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
VALUES = sorted(
    {
        cls
        for cls in subclasses(Value)
        if cls.__module__.startswith(("contexta.contract.", "contexta.findings.")) and not cls.__name__.startswith("_")
    },
    key=lambda cls: cls.__name__,
)


def example(annotation: Any) -> Any:
    """A value of a type, as JSON; the most unusual one where a type has several."""
    if annotation is Number:
        return "NaN"
    if annotation is Timestamp:
        return "2025-01-01T00:00:00Z"
    if annotation in (Tags, TextMap):
        return {"text": "text"}
    if annotation is JsonMap:
        return {"key": [1, {"inner": None}]}
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        kind = next((rule.kinds[0] for rule in arguments[1:] if hasattr(rule, "kinds")), None)
        return example(arguments[0]) if kind is None else REFERENCES.get(kind, f"{kind}:p.r.x")
    if origin in (Union, UnionType):
        return example(next(argument for argument in arguments if argument is not NoneType))
    if origin is Literal:
        return "completed" if "completed" in arguments else arguments[0]
    if origin is tuple:
        return [example(arguments[0])] if len(arguments) == 2 and arguments[1] is ... else list(map(example, arguments))
    if origin is dict:
        return {"key": example(arguments[1])}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return fields_of(annotation)
    return {str: "text", int: 3, float: 0.1, bool: True}.get(annotation, "text")


def fields_of(cls: type[BaseModel], **changes: Any) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    fields = {name: example(hints[name]) for name in cls.model_fields}
    for name, value in {**ODD.get(cls.__name__, {}), **changes}.items():
        fields[name] = {**fields[name], **value} if isinstance(value, dict) and name == "envelope" else value
    return fields


@pytest.mark.parametrize("cls", VALUES, ids=lambda cls: cls.__name__)
def test_every_value_reads_back_from_its_dict_and_its_json(cls: type[Value]) -> None:
    value = cls.from_dict(fields_of(cls))
    assert set(fields_of(cls)) <= set(value.to_dict())
    assert json.loads(value.to_json()) == value.to_dict()
    assert cls.from_dict(value.to_dict()).to_dict() == value.to_dict()
    assert cls.model_validate_json(value.to_json()).to_dict() == value.to_dict()
    assert type(value.to_dict()) is dict


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 2**70, 0.1, -0.0])
def test_a_number_survives_the_dict_exactly(number: float) -> None:
    payload = MetricPayload(metric_key="a", value=number, value_type="float64")
    value = MetricPayload.from_dict(payload.to_dict()).value
    assert (repr(value), type(value)) == (repr(number), type(number))


@pytest.mark.parametrize("fields", [{"metric_key": object()}, {"metric_key": "a", "colour": 1}, ["metric_key"], 3])
def test_a_dict_that_describes_no_value_is_refused(fields: Any) -> None:
    with pytest.raises(InvalidInput, match="MetricPayload"):
        MetricPayload.from_dict(fields)
