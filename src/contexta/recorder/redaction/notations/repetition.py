"""Skip the parts of a text that repeat the part before them.

Output and generated files repeat one line or word up to millions of times. The search reads at most REACH characters
around a name. So where the text repeats over more than that, the result repeats too and is copied.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    from contexta.recorder.redaction.notations.scanner import Scanner

REACH = 25_000  # characters; the longest literal, with its name and what precedes it
_LONGEST_PERIOD = 1_000  # characters, and so at most as many spans


class Repetition:
    """Copies results from one period to the next ones."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._places: Dict[str, int] = {}  # name -> where it was last
        self._next_attempt = REACH

    def skip(self, name: str, start: int, position: int) -> int:
        """Copy the result of the period that ends at ``start`` as often as the text repeats it.

        position: where the search is. Returns where to continue, or 0 if the text does not repeat.
        """
        previous = self._places.get(name, -_LONGEST_PERIOD)
        self._places[name] = start
        scanner, text, period = self._scanner, self._scanner.text, start - previous
        if start < self._next_attempt or period >= _LONGEST_PERIOD or position > start:
            return 0
        if max(scanner.group_end, scanner.rows_end, scanner.table_end) > start:
            return 0
        if not text.startswith(text[previous:start], start):
            return 0
        if scanner.is_code and sum(text.count(quotes, previous, start) for quotes in ('"""', "'''")) % 2:
            return 0  # every second period is inside a literal
        self._next_attempt = start + REACH
        if text[start - REACH : start] != text[previous - REACH : previous]:
            return 0
        length = REACH
        while start + length <= len(text) and text[start : start + length] == text[previous : previous + length]:
            length *= 2
        count = (length // 2 - REACH) // period
        if count <= 0:
            return 0
        spans = [span for span in scanner.spans[-_LONGEST_PERIOD:] if previous <= span[0] < start]
        for number in range(1, count + 1 if spans else 1):
            shift = number * period
            scanner.spans += [(first + shift, last + shift, replacement) for first, last, replacement in spans]
        return start + count * period
