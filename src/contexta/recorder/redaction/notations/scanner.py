"""Read values in one text, quoted or not, and collect those that are secrets."""

from __future__ import annotations

import re
from bisect import bisect_left

from contexta.recorder.redaction.rules.names import CERTAIN, LIKELY
from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.values import is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Match, Optional, Tuple

    from contexta.recorder.redaction.rules.names import Sensitivity
    from contexta.recorder.redaction.rules.spans import Span

    Literal = Tuple[int, int, int, int]  # start of the literal, start and end of its content, end of the literal

QUOTE = r"(?:\\*[\"'`]|&quot;|&\#3[49];|&apos;|%22|%27)"
TYPE_BEHIND = r"(?:[ ]?\((?:string|str|text|secret|required|optional)\))?"
LONGEST_LITERAL = 20_000
_LONGEST_TRIMMED = 200
_OPENING = r"(?:[rbfuRBFU@$]{0,2}|N)(?P<quote>\\*(?:\"\"\"|'''|[\"'`])|&quot;|&\#3[49];|&apos;|%22|%27)"
_OPENS = Pattern(_OPENING)
BRACKET_OR_QUOTE = Pattern(r"[\[\](){}]|" + _OPENING)
_PLAIN = Pattern(r"[^\s\"'`;&|<>(){}\[\],\\│┃║]+(?:[,;&<>(){}\[\]|\\]+[^\s\"'`;&|<>(){}\[\],\\│┃║]+)*")
_RUN = Pattern(r"[^\s\"'`│┃║]+")
_LINE = Pattern(r"[^\r\n│┃║]*[^\s│┃║]")
_OTHER_PAIRS = Pattern(r"[=:│|]|, ")
_COMMENT_BEGINS = Pattern(r"(?:^|[ \t;])(?:\#|//)|\A\#")
_TRIPLE_QUOTE = Pattern(r"\"\"\"|\'\'\'")
_COMMENT = Pattern(r"[ \t]#")
_BEGINS_LINE = Pattern(r"[ \t\"'+>-]*(?:export |ENV |ARG |set )?[ \t\"']*\Z")
_CONTINUES = Pattern(r"\?[^\n?]{0,120}:\s*$|\?\s*$|\s*\+?\s*\\?\s*(?=[rbfuRBFU]{0,2}[\"'])")
COLON = Pattern(r"\s*:\s*")
SCHEME = Pattern(r"(?:(?:bearer|basic|token|digest|negotiate|apikey|aws4-hmac-sha256)[ \t]+)", re.IGNORECASE)


class Scanner:
    """The text, and the secrets in it so far.

    is_code: the text is a program, in which a value without quotes is an expression.
    is_settings: the text is a file of settings, in which a value ends with its line.
    """

    def __init__(self, text: str, *, is_code: bool = False, is_settings: bool = False) -> None:
        self.text = text
        self.spans: List[Span] = []
        self.is_code = is_code
        self.group_end = self.group_depth = self.rows_end = self.table_end = 0
        self._is_settings = is_settings
        self._triple_quotes: Optional[List[int]] = None
        self._unclosed: Dict[str, int] = {}  # quote -> place up to which no second one follows

    def hide(self, start: int, end: int, kind: Sensitivity) -> int:
        """Collect a part of the text if it is a secret. Return its end, or 0 if it is none."""
        if start >= end or not is_secret_under(kind, self.text[start:end]):
            return 0
        self.spans.append((start, end, None))
        return end

    def value(
        self, at: int, kind: Sensitivity, *, name_start: int = -1, to_line_end: bool = False, is_text: bool = False
    ) -> int:
        """Hide the value at a place, quoted or not, if it is a secret. Return its end, or 0.

        to_line_end: the value may contain spaces. name_start: where its name begins. is_text: also in a program.
        """
        text = self.text
        literal = self.literal(at)
        if literal is not None:
            return self.hide_literal(literal, kind)
        opens = _OPENS.match(text, at)
        if opens is not None:
            at = opens.end()
        elif self.is_code and not is_text and not (name_start >= 0 and self.is_in_literal(name_start)):
            if name_start < 0 or not self._is_in_comment(name_start):
                return 0
            kind = with_level(kind, LIKELY)
        plain = (_RUN if opens is not None or at == 0 else _PLAIN).match(text, at)
        if plain is None:
            return 0
        first, last = plain.span()
        is_setting = (to_line_end or self._is_settings) and kind[0] == CERTAIN and opens is None
        if is_setting and text[first] != "$" and self.begins_line(name_start):
            last = self._line_end(first, last)
        if last - first < _LONGEST_TRIMMED:
            last = first + len(text[first:last].rstrip(",;:)]}."))
        return self.hide(first, last, kind)

    def _line_end(self, first: int, last: int) -> int:
        """Where a value ends that goes to the end of its line; ``last`` if other names and values follow it."""
        line = _LINE.match(self.text, first)
        if line is None or line.end() - last > 300 or _OTHER_PAIRS.search(self.text, last, line.end()):
            return last
        comment = _COMMENT.search(self.text, first, line.end())
        return first + len(self.text[first : comment.start() if comment else line.end()].rstrip("\"',; \t"))

    def begins_line(self, start: int) -> bool:
        """Whether only marks and indentation precede a name on its line."""
        if start < 0:
            return False
        line = self.text.rfind("\n", max(0, start - 60), start) + 1
        return (line > 0 or start <= 60) and _BEGINS_LINE.match(self.text[line:start]) is not None

    def is_in_literal(self, start: int) -> bool:
        """Whether a place in a program is inside a literal: ``print("password=x")``."""
        line = self.text.rfind("\n", max(0, start - 2_000), start) + 1
        before = self.text[max(line, start - 2_000) : start]
        return before.count('"') % 2 == 1 or before.count("'") % 2 == 1

    def _is_in_comment(self, start: int) -> bool:
        """Whether a place in a program is in a comment or in a text of several lines, as documentation is."""
        line = self.text.rfind("\n", max(0, start - 2_000), start) + 1
        if _COMMENT_BEGINS.search(self.text, max(line, start - 2_000), start):
            return True
        if self._triple_quotes is None:
            self._triple_quotes = [match.start() for match in _TRIPLE_QUOTE.finditer(self.text)]
        return bisect_left(self._triple_quotes, start) % 2 == 1

    def opens_literal(self, at: int) -> bool:
        """Whether a literal begins at a place."""
        return _OPENS.match(self.text, at) is not None

    def literal(self, at: int) -> Optional[Literal]:
        """The quoted text that begins at a place."""
        opens = _OPENS.match(self.text, at)
        return self._closed(opens) if opens else None

    def next_literal(self, at: int, stop: int) -> Optional[Literal]:
        """The first quoted text behind a place."""
        opens = _OPENS.search(self.text, at, stop)
        return self._closed(opens) if opens else None

    def _closed(self, opens: Match[str]) -> Optional[Literal]:
        text, quote, start = self.text, opens.group("quote"), opens.end()
        if self._unclosed.get(quote, -1) >= start:
            return None
        stop = len(text) if quote[-3:] in ('"""', "'''") else text.find("\n", start)
        stop = min(len(text) if stop < 0 else stop, start + LONGEST_LITERAL)
        at = text.find(quote, start, stop)
        while at >= 0 and quote[0] in "\"'`" and self._is_escaped(at, start):
            at = text.find(quote, at + 1, stop)
        if at < 0:
            self._unclosed[quote] = stop
            return None
        return opens.start(), start, at, at + len(quote)

    def _is_escaped(self, at: int, start: int) -> bool:
        first = at
        while first > start and self.text[first - 1] == "\\":
            first -= 1
        return (at - first) % 2 == 1

    def hide_literal(self, literal: Literal, kind: Sensitivity) -> int:
        """Hide a quoted text if it is a secret, and in a program the literal that continues it: ``"one" "two"``."""
        _, start, end, after = literal
        scheme = SCHEME.match(self.text, start, end)
        if not self.hide(scheme.end() if scheme else start, end, kind):
            return 0
        self.spans[-1] = (start, end, None)
        more = _CONTINUES.match(self.text, after) if self.is_code else None
        following = self.literal(more.end()) if more and more.end() > after else None
        if following is not None and not COLON.match(self.text, following[3]):
            self.spans.append((following[1], following[2], None))
            return following[3]
        return after


def with_level(kind: Sensitivity, level: int) -> Sensitivity:
    """The same word, decided with another certainty."""
    return level, kind[1]


def at_least_likely(kind: Sensitivity) -> Sensitivity:
    return max(kind[0], LIKELY), kind[1]
