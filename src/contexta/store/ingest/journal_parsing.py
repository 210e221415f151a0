"""Parse the lines of a journal and validate their fields.

The recorder writes only valid lines. A damaged file may contain anything, and an invalid line must not prevent that
other lines and runs are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from contexta.contract.fields import Status, json_value
from contexta.core.errors import InvalidInput, shown
from contexta.core.validation import MAX_NAME, text, to_microseconds
from contexta.recorder.journal.decoding import record_of

LATEST = to_microseconds("9999-12-31T23:59:59.999999Z")
LARGEST = 2**63 - 1
_MOST_CHARACTERS = 10_000  # characters of a note or a failure
_STATUSES = frozenset(get_args(Status)) - {"open"}


def records(data: bytes, report: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """The records of complete lines. A line that is no record is reported and skipped."""
    for line in data.split(b"\n")[:-1]:
        record = record_of(line)
        if record is not None and isinstance(record.get("t"), str) and is_moment(record.get("at")):
            yield record
        else:
            report(f"a line of the journal is no record and was skipped: {line[:80]!r}")


def is_moment(at: object) -> bool:
    """Whether a value is a valid time of a record: microseconds since 1970, up to the year 9999."""
    return type(at) is int and 0 <= at <= LATEST


def is_step(step: object) -> bool:
    return step is None or (type(step) is int and -LARGEST - 1 <= step <= LARGEST)


def checked(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with validated fields. Raises InvalidInput for a field that the contract does not allow."""
    rules = _RULES.get(record["t"], {})
    return {name: rules[name](value) if name in rules else value for name, value in record.items()}


def name(value: Any) -> str:
    return text(value, printable=True)


def _words(value: Any) -> str:
    return text(value, limit=_MOST_CHARACTERS)


def _status(value: Any) -> str:
    if value not in _STATUSES:
        raise InvalidInput(f"{shown(value)} is not a final status")
    return str(value)


def _count(value: Any) -> int | None:
    if value is not None and not (type(value) is int and 0 <= value <= LARGEST):
        raise InvalidInput(f"{shown(value)} is not a count")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{shown(value)} is not a mapping")
    return dict(json_value(value))


def _facts(value: Any) -> dict[str, Any]:
    return {name(key): fact for key, fact in _mapping(value).items()}


def _failure(failure: Any) -> dict[str, str]:
    if not isinstance(failure, dict) or not {"type", "message"} <= set(failure):
        raise InvalidInput(f"{shown(failure)} is not a failure")
    return {
        key: text(value, blank=True, limit=20 * _MOST_CHARACTERS)
        for key, value in failure.items()
        if len(key) <= MAX_NAME
    }


_RULES: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    "run": {"name": name, "project_name": name, "number": _count, "description": _words},
    "name": {"name": name},
    "stage": {"name": name, "order": _count},
    "stage-end": {"status": _status},
    "param": {"k": name, "x": json_value},
    "tag": {"k": name, "x": lambda value: text(value, blank=True, limit=_MOST_CHARACTERS)},
    "fact": {"name": name, "value": json_value, "facts": _facts},
    "note": {"topic": name, "text": _words},
    "lost": {"count": _count, "why": _words, "first": _words},
    "end": {"status": _status, "failure": _failure},
    "close": {"status": _status, "failure": _failure},
    "artifact": {"name": name, "kind": name, "location": _words, "size": _count, "attributes": _mapping},
    "metric": {"k": name},
    "batch": {"name": name, "order": _count},
    "batch-end": {"status": _status},
    "sample": {"name": name, "retention_class": name, "redaction_profile": name},
    "operation": {"name": name},
    "deployment": {"name": name},
}
