"""Record metrics, events and spans of a run or of a part of it.

``metric`` is the hot path of a training loop. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from time import time_ns

from contexta.core.errors import InvalidInput, shown
from contexta.core.validation import text
from contexta.recorder.parts import numbers, vocabularies
from contexta.recorder.parts.failure import status_of
from contexta.recorder.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Dict, List, Optional, Type

    from contexta.core.references import StableRef
    from contexta.recorder.journal.writer import Journal
_INT64 = 2**63
_MAX_MESSAGE = 100_000  # characters, as in the contract
MOST_NAMES = 100_000  # metric names remembered; a program with more generates them


class Measured:
    """The common methods of a run and its parts: a reference, metrics, events and spans."""

    ref: StableRef
    _journal: Journal
    _ended: bool  # whether the run has ended
    _stage: Optional[str] = None  # the reference component of a stage
    _heads: Dict[str, str]  # by name of the metric: the beginning of the records of its measurements

    @property
    def _salt(self) -> bytes:
        """The salt for the hashes of secrets."""
        raise NotImplementedError

    @property
    def _scope(self) -> Dict[str, str]:
        """The fields of a record that name the stage, batch, sample and operation it belongs to."""
        return {} if self._stage is None else {"g": self._stage}

    def metric(self, key: str, value: float, step: Optional[int] = None, *, unit: Optional[str] = None) -> None:
        """Record one measurement.

        key: printable, up to 250 characters. value: any int or float; NaN and infinities are kept. unit: such as
        ``ms``; a metric with a unit costs several times as much to ingest.
        Raises InvalidInput for anything else. Costs one ``write``, a few microseconds.
        """
        if unit is not None:
            self._measure(key, value, step, unit)
            return
        try:
            head = self._heads[key]
        except (KeyError, TypeError):
            head = self._head(key)
        if type(value) is not float:
            value = numbers.strict_number(key, value)
        if step is not None and (type(step) is not int or not -_INT64 <= step < _INT64):
            step = numbers.strict_step(key, step)
        if self._ended:
            self._require_open()
        self._journal.metric(head, value, step)

    def metrics(self, values: Mapping[str, float], step: Optional[int] = None) -> None:
        """Record several measurements."""
        for key, value in values.items():
            self.metric(key, value, step)

    def event(
        self, key: str, message: str = "", level: str = "info", *, attributes: Optional[Mapping[str, Any]] = None
    ) -> None:
        """Record an event.

        level: ``debug``, ``info``, ``warning``, ``error`` or ``critical``. attributes: JSON values; other values are
        recorded as text. Raises InvalidInput for another level.
        """
        fields = {
            "k": redact.name(text(key, printable=True), self._salt),
            "level": vocabularies.one_of(level, vocabularies.EVENT_LEVELS, "level"),
            "message": redact.inside(text(message, limit=_MAX_MESSAGE, blank=True), self._salt),
            "attributes": self._attributes(attributes),
        }
        self._write("event", **fields, **self._scope)

    def span(self, name: str, kind: str = "operation", *, attributes: Optional[Mapping[str, Any]] = None) -> LiveSpan:
        """Measure a block: ``with run.span("retrieve", "retriever") as span: span.set("documents", 5)``.

        The record is written when the block ends; an exception gives it the status ``error``. A span inside another one
        is its child. Raises InvalidInput for an unknown kind.
        """
        vocabularies.one_of(kind, vocabularies.SPAN_KINDS, "kind")
        name = redact.name(text(name, printable=True), self._salt)
        return LiveSpan(self, name, kind, dict(attributes or {}))

    def _measure(self, key: str, value: Any, step: Optional[int], unit: Optional[str] = None) -> None:
        """Record a measurement with more than a stage, key, value and step."""
        fields: Dict[str, Any] = {
            "k": redact.name(text(key, printable=True), self._salt),
            "x": numbers.strict_number(key, value),
        }
        if step is not None:
            fields["i"] = numbers.strict_step(key, step)
        if unit is not None:
            fields["u"] = redact.name(text(unit, printable=True), self._salt)
        if self._journal.rank:
            fields["r"] = self._journal.rank
        self._write("point", **fields, **self._scope)

    def _attributes(self, attributes: Optional[Mapping[str, Any]]) -> Dict[str, Any]:
        """The attributes of an event or span without secrets. Changes and shortenings are noted."""
        if attributes is None:
            return {}
        if not isinstance(attributes, Mapping):
            raise InvalidInput(f"attributes {shown(attributes)} are not a mapping", hint="give a dict")
        short = {}
        for name, value in numbers.plain(attributes).items():
            short[name], cut = numbers.bounded(value)
            if cut:
                self._write("note", topic="attributes", text=f"{redact.inside(name, self._salt)}: {cut}")
        cleaned: Dict[str, Any]
        cleaned, notes = redact.parameters(short, self._salt)
        self._write_notes(notes)
        return cleaned

    def _head(self, key: Any) -> str:
        """The beginning of each record of a metric; ``key`` is checked once."""
        head = self._journal.metric_head(redact.name(text(key, printable=True), self._salt), self._stage)
        if len(self._heads) < MOST_NAMES:
            self._heads[key] = head
        return head

    def _write_notes(self, notes: List[Dict[str, str]]) -> None:
        for note in notes:
            self._write("note", **note)

    def _write(self, type_: str, **fields: Any) -> None:
        self._require_open()
        self._journal.write(type_, **fields)

    def _require_open(self) -> None:
        if self._ended:
            raise InvalidInput(f"{self.ref} has ended", hint="record before the end of its with block")


_STATUSES = {"completed": "ok", "failed": "error", "cancelled": "cancelled"}  # by how a block ended

_current: ContextVar[Optional[LiveSpan]] = ContextVar("contexta_span", default=None)


class LiveSpan:
    """A span of time. It starts when it is created, and is recorded when it ends."""

    def __init__(self, owner: Measured, name: str, kind: str, attributes: Dict[str, Any]) -> None:
        self._owner = owner
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.span_id = os.urandom(8).hex()
        parent = _current.get()
        if parent is not None and parent._owner._journal is not owner._journal:
            parent = None  # a span of another run, or of the process before a fork
        self.parent_span_id = parent.span_id if parent is not None else None
        self.trace_id: str = parent.trace_id if parent is not None else os.urandom(16).hex()
        self._started_at = time_ns() // 1000
        self._is_finished = False
        self._before: Optional[Any] = None  # resets the current span

    def set(self, name: str, value: Any) -> None:
        """Set an attribute."""
        self.attributes[name] = value

    def finish(self, status: str = "ok") -> None:
        """End the span and record it. Ending it again does nothing. Raises InvalidInput for an unknown status."""
        vocabularies.one_of(status, vocabularies.SPAN_STATUSES, "status")
        if self._is_finished:
            return
        self._is_finished = True
        self._owner._write(
            "span",
            name=self.name,
            kind=self.kind,
            status=status,
            span_id=self.span_id,
            trace_id=self.trace_id,
            parent=self.parent_span_id,
            started=self._started_at,
            attributes=self._owner._attributes(self.attributes),
            **self._owner._scope,
        )

    def __enter__(self) -> LiveSpan:
        self._before = _current.set(self)
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self._before is not None:
            _current.reset(self._before)
            self._before = None
        if not self._owner._ended:
            self.finish(_STATUSES[status_of(error)])
