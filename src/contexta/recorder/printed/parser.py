"""Read metrics from the output of a program, line by line, without a pattern.

A line counts when it names its epoch or step and a metric. Any other line counts when its names were printed before, or
when it is one of the last lines. Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

# isort: split
from contexta.recorder.printed import metric_words, number_forms, splits, steps
from contexta.recorder.printed.disagreements import Disagreements
from contexta.recorder.printed.printed_lines import PrintedLine, is_rich_progress, plain, read, rich_progress
from contexta.recorder.printed.rank_prefixes import RankPrefixes, glued_lines
from contexta.recorder.printed.tables import Tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

    class Measurement(NamedTuple):
        key: str
        value: float
        step: Optional[int]
        rank: int = 0  # of a distributed job

    _Template = Tuple[bool, Tuple[str, ...]]  # whether a line names its step, and its names
else:
    from collections import namedtuple

    Measurement = namedtuple("Measurement", "key value step rank", defaults=(0,))

_FINAL = 100  # last lines that count although their names were not printed before
_MOST_RANKS = 1_024  # of which lines are read
_MOST_TEMPLATES = 2_000  # sets of names that are remembered
_LAST_PAIR = re.compile(
    rf"\s*(?P<key>{number_forms.WORD}(?: {number_forms.WORD})?)\s*(?:=|:\s)\s*"
    rf"(?P<value>{number_forms.NUMBER})\s*%?\s*\Z"
)
_INDENT = " " * 12  # at least, of the rest of a wrapped row
_ANY_PAIR = re.compile(r"\s*[\w .-]{1,60}[=:]\s*\S")


class _Pending:
    """A line that was printed once so far."""

    __slots__ = ("line", "number", "step")

    def __init__(self, line: PrintedLine, number: int, step: "Optional[int]") -> None:
        self.line = line
        self.number = number
        self.step = step


class OutputParser:
    """The metrics in one stream of output. Feed it the pieces between line ends and carriage returns.

    Lines with the prefix of a rank are read apart from those of other ranks, and their measurements have that rank.
    """

    fault = ""  # of the pattern of a user

    def __init__(self) -> None:
        self.disagreements = Disagreements()
        """Values that lines without the prefix of a rank give for the same name and step."""
        self._prefixes = RankPrefixes()
        self._parsers: "Dict[Optional[int], _LineParser]" = {None: _LineParser(self.disagreements)}

    def feed(self, text: str, *, is_redrawn: bool = False) -> "List[Measurement]":
        """The measurements that a piece of output completes.

        is_redrawn: whether a carriage return follows, so that the program may write over the piece.
        """
        if "[" in text:  # lines of two ranks may be glued together, as Python writes the end of a line later
            *before, text = glued_lines(text)
            return [*(m for part in before for m in self._feed(part, False)), *self._feed(text, is_redrawn)]
        return self._feed(text, is_redrawn)

    def _feed(self, text: str, is_redrawn: bool) -> "List[Measurement]":
        rank, text = self._prefixes.split(text, is_redrawn=is_redrawn)
        parser = self._parsers.get(rank)
        if parser is None:
            if len(self._parsers) > _MOST_RANKS:
                return []
            parser = self._parsers[rank] = _LineParser()
        return _of_rank(rank, parser.feed(text, is_redrawn=is_redrawn))

    def finish(self) -> "List[Measurement]":
        """The measurements of the last lines."""
        return [value for rank, parser in self._parsers.items() for value in _of_rank(rank, parser.finish())]


def _of_rank(rank: "Optional[int]", measurements: "List[Measurement]") -> "List[Measurement]":
    return [measurement._replace(rank=rank) for measurement in measurements] if rank else measurements


class _LineParser:
    """The metrics in the lines of one rank, or of a program without ranks."""

    def __init__(self, disagreements: "Optional[Disagreements]" = None) -> None:
        self._disagreements = disagreements
        self._tables = Tables()
        self._epoch: "Optional[int]" = None  # the epoch of the latest line with one
        self._bar: "Optional[PrintedLine]" = None  # progress that the next piece may redraw
        self._splits = splits.Splits()
        self._completed: "Optional[int]" = None  # the epoch whose bar was full last
        self._latest_steps: "Dict[str, int]" = {}  # of each metric
        self._step: "Optional[int]" = None  # of the latest line with one, of a program that names no epochs
        self._pending: "Dict[_Template, _Pending]" = {}
        self._repeated: "Dict[_Template, bool]" = {}
        self._number = 0
        self._last = self._before_last = ""
        self._wrapped = ""  # progress of Lightning, whose metrics may go on in the next lines

    def feed(self, text: str, *, is_redrawn: bool = False) -> "List[Measurement]":
        """As ``OutputParser.feed``, for a piece without the prefix of a rank."""
        text = plain(text)
        if not text:
            return []
        if self._wrapped and text.startswith(_INDENT):
            self._wrapped += " " + text.strip()
            return []
        measurements = self._end_wrapped()
        if is_rich_progress(text):
            self._wrapped = text
            return measurements
        return measurements + self._feed(text, is_redrawn)

    def _feed(self, text: str, is_redrawn: bool) -> "List[Measurement]":
        self._number += 1
        if not is_redrawn:
            self._before_last, self._last = self._last, text
        in_table, line = self._tables.read(text)
        if not in_table:
            line = read(text)
            epoch = steps.epoch_of(text)
            if epoch is not None and (line is None or not line.is_bar):
                self._epoch = epoch
        if line is None or not line.values:
            self._splits.see(text)
            return self._draw(None)
        if in_table and line.step is not None:
            self._epoch = line.step
        is_step_bar = line.is_bar and text.lstrip().startswith("step")
        line.values = self._splits.renamed(line.values, line.splits, is_step_bar=is_step_bar)
        if line.is_bar:
            if not is_redrawn:
                self._compare(text, line)
            return self._draw(line, is_final=not is_redrawn)
        self._compare(text, line)
        return [*self._draw(None), *self._take(line, in_table)]

    def finish(self) -> "List[Measurement]":
        """The measurements of the last lines."""
        measurements = [*self._end_wrapped(), *self._draw(None)]
        rest = self._tables.finish()
        if rest is not None:
            measurements += self._take(rest, True)
        for pending in list(self._pending.values()):
            if pending.number > self._number - _FINAL and pending.line.has_metric:
                measurements += self._final(pending.line)
        match = _LAST_PAIR.match(self._last)
        if match is not None and not _ANY_PAIR.match(self._before_last):
            key, value = match["key"], match["value"]
            if not metric_words.is_metric(key) and metric_words.is_possible(key) and not number_forms.is_integer(value):
                measurements.append(Measurement(key, float(value), None))
        self._pending.clear()
        return measurements

    def _compare(self, text: str, line: PrintedLine) -> None:
        """Compare the values of a line with those of the same step."""
        if self._disagreements is not None:
            step = line.step if line.step is not None else self._epoch
            self._disagreements.add(text, line.values, step, is_own=line.step is not None)

    def _end_wrapped(self) -> "List[Measurement]":
        """Take the progress of Lightning that ended with the previous line."""
        text, self._wrapped = self._wrapped, ""
        line = rich_progress(text) if text else None
        return [] if line is None or not line.values else self._draw(line)

    def _draw(self, bar: "Optional[PrintedLine]", *, is_final: bool = False) -> "List[Measurement]":
        """Hold the state of a progress bar until it moves on to another step, or other output follows."""
        held, self._bar = self._bar, bar
        if bar is not None:
            bar.step = self._step_of_bar(bar)
        measurements = []
        if held is not None and not (bar is not None and bar.step == held.step and set(held.values) <= set(bar.values)):
            measurements += self._measurements(held, held.step)
        if bar is not None and is_final:
            measurements += self._measurements(bar, bar.step)
            self._bar = None
            if bar.is_complete:
                self._completed, self._epoch = self._epoch, None
        return measurements

    def _step_of_bar(self, bar: PrintedLine) -> "Optional[int]":
        """The epoch in the text of the bar, that of the lines above it, or the position of the bar."""
        for step in (bar.step, self._epoch, self._completed if self._splits.begun else None):
            if step is not None:
                return step
        return bar.count

    def _take(self, line: PrintedLine, in_table: bool) -> "List[Measurement]":
        """Count a line now, or once its names are printed again."""
        if line.step is not None:
            self._step = line.step
        if line.step is not None and line.has_metric:
            return self._measurements(line, line.step)
        if in_table and self._epoch is not None:
            return self._measurements(line, self._epoch)
        step = next((step for step in (line.step, self._epoch, self._step) if step is not None), None)
        template = line.step is not None, tuple(line.values)
        if template in self._repeated:
            return self._measurements(line, step)
        first = self._pending.pop(template, None)
        if first is None or (line.step is not None and first.line.step == line.step):
            if len(self._pending) >= _MOST_TEMPLATES:
                del self._pending[next(iter(self._pending))]
            self._pending[template] = _Pending(line, self._number, step)
            return []
        if len(self._repeated) < _MOST_TEMPLATES:
            self._repeated[template] = True
        return [*self._measurements(first.line, first.step), *self._measurements(line, step)]

    def _measurements(self, line: PrintedLine, step: "Optional[int]") -> "List[Measurement]":
        if step is not None:
            self._latest_steps.update(dict.fromkeys(line.values, step))
        return [Measurement(key, value, step) for key, value in line.values.items()]

    def _final(self, line: PrintedLine) -> "List[Measurement]":
        """The values of a last line. One of a metric with steps belongs to its latest: ``Final loss: 0.2``."""
        if line.step is not None:
            return self._measurements(line, line.step)
        return [Measurement(key, value, self._latest_steps.get(key)) for key, value in line.values.items()]


def measurements_of(text: str) -> "Iterator[Measurement]":
    """The measurements of a whole output."""
    parser = OutputParser()
    for piece, is_redrawn in pieces(text):
        yield from parser.feed(piece, is_redrawn=is_redrawn)
    yield from parser.finish()


_END = re.compile(r"(\r\n|\n|\r|\x08+|\x1b\[[0-9]*[AFG]|\x1b\[[0-9]*K\r)")


def pieces(text: str) -> "Iterator[Tuple[str, bool]]":
    """(piece, whether it is redrawn) between the ends of lines and returns of the cursor."""
    parts = _END.split(text)
    for at in range(0, len(parts) - 1, 2):
        yield parts[at], parts[at + 1] not in ("\n", "\r\n")
    if parts[-1]:
        yield parts[-1], False
