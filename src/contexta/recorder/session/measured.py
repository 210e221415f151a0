"""Record measurements of a run or of a stage of it: the hot path of a training loop.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.core.errors import InvalidInput
from contexta.core.validation import text
from contexta.recorder.redaction import redact
from contexta.recorder.session import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional

    from contexta.core.references import StableRef
    from contexta.recorder.journal.writer import Journal

_INT64 = 2**63
MOST_NAMES = 100_000  # metric names remembered; a program with more makes them up


class Measured:
    """What both a run and a stage have: a reference, and metrics."""

    ref: StableRef
    _journal: Journal
    _ended: bool  # whether the run has ended
    _stage: Optional[str] = None  # the reference component of a stage
    _heads: Dict[str, str]  # by name of the metric: the beginning of the records of its measurements

    @property
    def _salt(self) -> bytes:
        """The salt for the hashes of secrets."""
        raise NotImplementedError

    def metric(self, key: str, value: float, step: Optional[int] = None) -> None:
        """Record one measurement.

        key: printable, up to 250 characters. value: any int or float; NaN and infinities are kept.
        Raises InvalidInput for anything else. Costs one ``write``, a few microseconds.
        """
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

    def _head(self, key: Any) -> str:
        """The beginning of each record of a metric; ``key`` is checked once."""
        head = self._journal.metric_head(redact.name(text(key, printable=True), self._salt), self._stage)
        if len(self._heads) < MOST_NAMES:
            self._heads[key] = head
        return head

    def _require_open(self) -> None:
        if self._ended:
            raise InvalidInput(f"{self.ref} has ended", hint="record before the end of its with block")
