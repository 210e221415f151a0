"""Record the metrics in the output of a program while it passes through, within a share of the processor's time.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re
import time

from contexta.core.errors import InvalidInput
from contexta.core.validation import text
from contexta.recorder.printed.disagreements import UNCERTAIN_METRICS, uncertain
from contexta.recorder.printed.parser import OutputParser, pieces
from contexta.recorder.printed.user_pattern import PatternParser
from contexta.recorder.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping, Optional, Pattern, Tuple, Union

    from contexta.recorder.printed.disagreements import Disagreement
    from contexta.recorder.printed.parser import Measurement
    from contexta.recorder.session.run import LiveRun

_SHARE = 0.2  # share of the elapsed time that the search for metrics may take
_BURST = 2.0  # seconds of search that a program may use up at once
_LONGEST = 64 * 1024  # bytes of a line; the rest of a longer one is not searched
_LINE_END = re.compile(rb"[\n\r\x08](?!\Z)|\n\Z")
_MOST_KEYS = 2_000  # names of metrics: a program with more generates them
_MOST_NOTES = 10  # about metrics of which processes print different values
_EVERY = 100_000  # points of one metric after which only each tenth is recorded


class PrintedMetrics:
    """Writes measurements that were printed to the journal of a run, marked as such."""

    def __init__(self, run: LiveRun) -> None:
        self._run = run
        self._heads: "Dict[Tuple[str, int], str]" = {}
        self._counts: "Dict[Tuple[str, int], int]" = {}
        self._held: "Dict[Tuple[str, int], Measurement]" = {}

    def record(self, measurements: "List[Measurement]") -> None:
        for measurement in measurements:
            series = measurement.key, measurement.rank
            count = self._counts[series] = self._counts.get(series, 0) + 1
            if count > _EVERY and count % 10:
                self._held[series] = measurement
            else:
                self._held.pop(series, None)
                self._write(measurement)

    def finish(self) -> None:
        """Record the last value of each metric that was downsampled."""
        for measurement in self._held.values():
            self._write(measurement)
        if self._held:
            names = ", ".join(sorted({key for key, _ in self._held})[:5])
            self._run.note("metrics", f"of {names} every tenth point after {_EVERY} is recorded, and the last one")
        self._held.clear()

    def doubt(self, disagreements: "Mapping[str, Disagreement]") -> None:
        """Leave out metrics of which several processes printed different values for one step."""
        salt = self._run._salt
        names = {key: redact.name(key, salt) for key in sorted(disagreements) if (key, 0) in self._heads}
        if not names:
            return
        self._run._journal.write("fact", name=UNCERTAIN_METRICS, value=list(names.values()))
        for key in list(names)[:_MOST_NOTES]:
            self._run.note("metrics", uncertain(names[key], disagreements[key]))

    def _write(self, measurement: "Measurement") -> None:
        series = measurement.key, measurement.rank
        head = self._heads.get(series)
        if head is None:
            if len(self._heads) >= _MOST_KEYS:
                return
            try:
                name = redact.name(text(measurement.key, printable=True), self._run._salt)
            except InvalidInput:
                return  # a line that matches by chance
            journal = self._run._journal
            head = self._heads[series] = journal.metric_head(name, None, is_printed=True, rank=measurement.rank)
        self._run._journal.metric(head, measurement.value, measurement.step)


class OutputSearch:
    """The search for metrics in one stream."""

    def __init__(self, record: PrintedMetrics, pattern: "Optional[Pattern[str]]") -> None:
        self._parser: "Union[OutputParser, PatternParser]" = (
            OutputParser() if pattern is None else PatternParser(pattern)
        )
        self._record = record
        self._line = b""
        self._is_long = False  # whether the current line is longer than what is searched
        self._credit = _BURST
        self._at = time.monotonic()
        self._unsearched = b""  # the last bytes that came too fast
        self.skipped = 0  # bytes
        self.failure = ""  # the error that ended the search; the output still passes

    @property
    def fault(self) -> str:
        """Why the pattern of the user has matched no metric; empty if it has matched one."""
        return self._parser.fault

    @property
    def disagreements(self) -> "Mapping[str, Disagreement]":
        """The metrics that lines of the same form print with different values for the same step."""
        return self._parser.disagreements.by_name()

    def take(self, data: bytes) -> None:
        """Search the next bytes of the stream. Skip them if the search has used up its time."""
        if self.failure:
            return
        now = time.monotonic()
        self._credit = min(_BURST, self._credit + (now - self._at) * _SHARE)
        self._at = now
        if self._credit < 0:
            self.skipped += len(data)
            self._unsearched = (self._unsearched + data)[-_LONGEST:]
            self._line, self._is_long = b"", True
            return
        self._unsearched = b""
        self._search(data)
        self._credit -= time.monotonic() - now

    def finish(self) -> None:
        """Search the last line, and the last lines that came too fast."""
        if self._unsearched:
            self.skipped -= len(self._unsearched)
            self._search(self._unsearched)
        self._search(b"\n")
        try:
            self._record.record(self._parser.finish())
        except Exception as error:  # noqa: BLE001  # as in ``_search``
            self.failure = repr(error)

    def _search(self, data: bytes) -> None:
        try:
            self._search_lines(data)
        except Exception as error:  # noqa: BLE001  # a fault of the search may not stop the output of the program
            self.failure = repr(error)

    def _search_lines(self, data: bytes) -> None:
        ends = [match.end() for match in _LINE_END.finditer(data)]
        if not ends:
            self._line += b"" if self._is_long else data
            if len(self._line) > _LONGEST:
                self._line, self._is_long = b"", True
            return
        if self._is_long:
            start = ends[0]
            self._is_long = False
        else:
            start = 0
        whole = self._line + data[start : ends[-1]]
        self._line = data[ends[-1] :]
        for piece, is_redrawn in pieces(whole.decode("utf-8", "replace")):
            if piece:
                self._record.record(self._parser.feed(piece, is_redrawn=is_redrawn))
