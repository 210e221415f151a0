"""One text in which values are looked for, and the values that were found to be secrets."""

from __future__ import annotations

import re

from contexta.recorder.redaction import grammar as g
from contexta.recorder.redaction.names import CERTAIN, LIKELY
from contexta.recorder.redaction.values import is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Match, Optional, Tuple

    from contexta.recorder.redaction.names import Sensitivity
    from contexta.recorder.redaction.spans import Span

    Part = Tuple[int, int]  # start, end

_LONGEST_JUDGED, LONGEST_QUOTED = 200, 20_000


class Reader:
    """Reads the value at a place, and remembers it where it is a secret.

    is_code: a program, in which a value without quotes is an expression. settings: a file of settings, where a value
    goes to the end of its line.
    """

    def __init__(self, text: str, *, is_code: bool = False, settings: bool = False) -> None:
        self.text = text
        self.found: List[Span] = []
        self.is_code = is_code
        self.grouped = self.within = 0  # where the last group ends, and how many were opened before that
        self._settings = settings
        self._unclosed: Dict[str, int] = {}  # quote -> up to where its other half is missing

    def value(self, at: int, kind: Sensitivity, *, line: bool = False, start: int = -1) -> int:
        """Hide the value at a place, quoted or not, if it is a secret; 0 if nothing was hidden."""
        text = self.text
        opens = g.OPENS.match(text, at)
        if opens is not None:
            part = self.quoted(opens)
            if part is not None:
                return self.hide_quoted(part, opens.group("quote"), kind)
            at = opens.end()
        elif self.is_code and not (start >= 0 and self.in_literal(start)):
            return 0
        plain = (g.RUN if opens is not None or at == 0 else g.PLAIN).match(text, at)
        if plain is None:
            return 0
        first, last = plain.span()
        if (
            (line or (self._settings and kind[0] >= LIKELY))
            and opens is None
            and start >= 0
            and self.begins_line(start)
        ):
            rest = g.LINE.match(text, at)
            if rest is not None and kind[0] == CERTAIN and not self._other_pairs(text[last : rest.end()]):
                last = re.split(r"[ \t]#", text[first : rest.end()], maxsplit=1)[0].rstrip("\"',; \t").__len__() + first
        last = first + len(text[first:last].rstrip(",;:)]}.")) if last - first < _LONGEST_JUDGED else last
        if is_secret_under(kind, text[first:last]):
            self.found.append((first, last, None))
            return last
        return 0

    def _other_pairs(self, rest: str) -> bool:
        return len(rest) > 300 or re.search(r"[=:│|]|, ", rest) is not None

    def begins_line(self, start: int) -> bool:
        """Whether nothing but marks and indentation is before a name on its line."""
        line = self.text.rfind("\n", max(0, start - 60), start) + 1
        lead = self.text[line:start] if line or start <= 60 else "x"
        return re.match(r"[ \t\"'+>-]*(?:export |ENV |ARG |set )?[ \t\"']*\Z", lead) is not None

    def in_literal(self, start: int) -> bool:
        """Whether a place in a program is inside a text: print("password=x")."""
        line = self.text.rfind("\n", max(0, start - 2_000), start) + 1
        before = self.text[max(line, start - 2_000) : start]
        return before.count('"') % 2 == 1 or before.count("'") % 2 == 1

    def quoted(self, opens: Match[str]) -> Optional[Part]:
        """What is between a quote and its other half; None where that is missing."""
        text, quote, start = self.text, opens.group("quote"), opens.end()
        if self._unclosed.get(quote, -1) >= start:
            return None
        stop = len(text) if len(quote) >= 3 and quote[-3:] in ('"""', "'''") else text.find("\n", start)
        stop = min(len(text) if stop < 0 else stop, start + LONGEST_QUOTED)
        at = start
        while True:
            at = text.find(quote, at, stop)
            if at < 0:
                self._unclosed[quote] = stop
                return None
            if quote[0] in "\"'`" and text[at - 1] == "\\" and at > start and self._is_escaped(at, start):
                at += 1
                continue
            return start, at

    def _is_escaped(self, at: int, start: int) -> bool:
        count = 0
        while at - 1 - count >= start and self.text[at - 1 - count] == "\\":
            count += 1
        return count % 2 == 1

    def hide_quoted(self, part: Part, quote: str, kind: Sensitivity) -> int:
        start, end = part
        if start == end:
            return 0
        value = self.text[start:end]
        scheme = g.SCHEME.match(value)
        inner = value[scheme.end() :] if scheme else value
        if not is_secret_under(kind, inner):
            return 0
        self.found.append((start, end, None))
        more = g.NEXT_LITERAL.match(self.text, end + len(quote))
        opens = g.OPENS.match(self.text, more.end()) if more else None
        if opens is not None and more is not None and self.is_code and more.end() > end + len(quote):
            following = self.quoted(opens)
            if following is not None and not g.COLON.match(self.text, following[1] + 1):
                self.found.append((*following, None))  # "one" "two"
                return following[1] + 1
        return end + len(quote)
