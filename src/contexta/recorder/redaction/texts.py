"""Secrets in a text by the names before them: assignments, options, JSON, YAML, XML, SQL, code, tables, headers.

A trigger finds the words that sensitive names are made of; only around those is the text looked at. Everything looked
at is either short or passed over afterwards, so the cost grows with the length alone.
"""

from __future__ import annotations

import re

from contexta.recorder.redaction import grammar as g
from contexta.recorder.redaction.code import hide_argument, hide_in_expression
from contexta.recorder.redaction.names import (
    CERTAIN,
    LIKELY,
    NONE,
    UNSAID,
    below,
    name_around,
    of_option,
    sensitivity,
)
from contexta.recorder.redaction.reader import Reader
from contexta.recorder.redaction.structures import (
    hide_cell,
    hide_element,
    hide_group,
    hide_inserted,
    hide_lines_below,
    hide_sibling,
)
from contexta.recorder.redaction.values import HIDDEN, REMOVED, is_ordinary, is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Match, Optional, Tuple

    from contexta.recorder.redaction.names import Sensitivity
    from contexta.recorder.redaction.spans import Span

    Part = Tuple[int, int]  # start, end


_FALLBACKS = (" or ", " else ", "||", "??", " ? ")
_COMMANDS = ("ENV", "ARG", "%env", "set", "export", "config", "secret", "var", "login", "machine", "putenv")
_JOINING = ("is ", "was ", "set to", "for ", "as ", "to ", "or ", "if ")
_LOGINS = ("auth", "credential", "credentials")  # of these calls any argument may be the secret


class Search:
    """One search of one text."""

    def __init__(self, text: str, *, code: bool = False, settings: bool = False) -> None:
        """code: a program, in which a value without quotes is an expression. settings: a file of settings, where a
        value goes to the end of its line."""
        self._text = text
        self._reader = Reader(text, is_code=code, settings=settings)

    def run(self, places: List[Part]) -> List[Span]:
        """places: where parts of sensitive names are, in order."""
        text, position = self._text, 0
        for first, last in places:
            if last <= position or first < position:
                continue
            start, end = name_around(text, first, last, position)
            position = end
            while start < end and text[start] in ".-":
                start += 1
            while end > start and text[end - 1] in ".-":
                end -= 1
            name = text[start:end]
            kind = sensitivity(name)
            if kind[0] < LIKELY and name.rpartition(".")[2].lower() in UNSAID:
                if name.lower() == "identified":
                    by = g.IDENTIFIED.match(text, start)
                    position = max(position, self._reader.value(by.end(), (CERTAIN, "password")) if by else 0)
                    continue
                if name.rpartition(".")[2].lower() in ("login", "fernet"):
                    call = g.LOGIN_CALL.match(text, end)
                    hidden = hide_group(self._reader, call.start(), (LIKELY, "login")) if call else 0
                    position = max(position, hidden)
                    continue
                if g.KEY_SIGN.match(text, end):
                    kind = self._by_parent(name, start) or self._by_word_before(name, start) or kind
            if kind[0] != NONE and not (g.FILE_NAME.search(name) or self._in_prose(start, end)):
                position = max(position, self._named(start, end, kind))
        hide_inserted(self._reader)
        return self._reader.found

    def _in_prose(self, start: int, end: int) -> bool:
        """Whether words are around a name and nothing that could make the next one its value."""
        text = self._text
        after = text[end : end + 24]
        if after[:1] not in (" ", "\t") or text[start - 1 : start] not in (" ", "\t") or start == 0:
            return False
        rest = after.lstrip(" \t")
        if self._is_issued(start, end):
            return False
        if not rest[:1].isalnum() or rest.lower().startswith(_JOINING):
            return False
        before = text[max(0, start - 160) : start]
        return not (before.rstrip(" \t").endswith("\n") or any(word in before for word in _COMMANDS))

    def _by_word_before(self, name: str, start: int) -> Optional[Sensitivity]:
        """What ``key`` is by the word before it: ``API key: X``."""
        word = g.WORD_BEFORE.search(self._text, max(0, start - 24), start)
        level, decides = sensitivity(f"{word.group(1)}_{name}") if word else (NONE, "")
        return (LIKELY, decides) if level >= LIKELY else None

    def _by_parent(self, name: str, start: int) -> Optional[Sensitivity]:
        """What ``key`` is by what it lies under: ``{"openai": {"key":``, or the line above that is indented less."""
        before = self._text[max(0, start - 240) : start]
        if not any(mark in before for mark in "{[(\n"):
            return None
        match = re.search(r"([\w.-]{1,60})[\"']?\s*[:=]\s*\{[^{}]{0,200}\Z", before)
        if match is None:
            if g.LOGGING_IN.search(before):
                return LIKELY, "key"
            match = re.search(r"([\w.-]{1,60})\[[\"']\Z|([\w.-]{1,60})[\"']\]\[[\"']\Z", before)
        if match is not None:
            return below(match.group(1) or match.group(2) or "", name)
        indent = re.search(r"\n([ \t]+)[\"']?\Z", before)
        if indent is None:
            return None
        for line in reversed(before[: indent.start()].split("\n")):
            parent = re.match(r"([ \t]*)[\"']?([\w.-]{1,60})[\"']?:[ \t]*\Z", line)
            if parent and len(parent.group(1)) < len(indent.group(1)):
                return below(parent.group(2), name)
            if line.strip() and len(line) - len(line.lstrip()) < len(indent.group(1)):
                return None
        return None

    def _named(self, start: int, end: int, kind: Sensitivity) -> int:
        """Hide what that name names. Returns where to go on."""
        text = self._text
        if text.startswith(HIDDEN, start):
            return start + len(HIDDEN) + 16
        if text.startswith((HIDDEN, REMOVED), end):
            return end
        before = text[max(0, start - 160) : start]
        closed = g.AFTER_NAME.match(text, end)
        after = closed.end() if closed else end
        if g.HEADERS.match(text, start, end):
            value = self._header(after)
            if value:
                return value
        sign = g.SIGN.match(text, after)
        if sign is not None and not self._is_comparison(sign.group("sign"), kind):
            done = self._assigned(sign, start, kind)
            if done:
                return done
        if closed is not None and self._is_argument(before):
            done = hide_argument(self._reader, after, before, kind)
            if done:
                return done
        if g.NAMING.search(before) or (
            closed is not None and before.rstrip("\"'`\\ ").endswith(("name=", "key=", "name:", "key:"))
        ):
            hide_sibling(self._reader, start, after, kind)
        if g.OPTION.search(before):
            gap = g.OPTION_VALUE.match(text, end)
            if gap is not None and kind[0] >= LIKELY:
                return self._option_values(gap.end(), of_option(text[start:end]))
        done = self._spaced(start, end, after, before, kind, bool(closed))
        return done or end

    def _is_issued(self, start: int, end: int) -> bool:
        """Whether the word behind a name is none of a language: ``api_key a1b2c3d4 is invalid``."""
        value = g.ISSUED_NEXT.match(self._text, end)
        return value is not None and sensitivity(self._text[start:end])[0] == CERTAIN

    @staticmethod
    def _is_argument(before: str) -> bool:
        """Whether a name in quotes is one of several arguments or items, and no value of a key."""
        return before.rstrip("\"'`\\ \t\nrbfu-")[-1:] in ("(", "[", ",", "")

    def _is_comparison(self, sign: str, kind: Sensitivity) -> bool:
        return sign in ("==", "!=", "===", "!==") and kind[0] < CERTAIN

    def _assigned(self, sign: Match[str], start: int, kind: Sensitivity) -> int:
        text, at = self._text, sign.end()
        if sign.group("sign") == ":-" and not g.SHELL_DEFAULT.search(text, max(0, start - 90), sign.start()):
            at = sign.start("sign") + 1
        if sign.group("sign") == ":" and text.startswith("//", at):
            return 0  # the scheme of a URL
        next_line = g.NEXT_LINE.match(text, at)
        if next_line is not None:
            return hide_lines_below(self._reader, start, next_line.end(), kind, block=text[at : at + 1] in ("|", ">"))
        if text.startswith(("{{", "${{", "$("), at):
            return 0  # a template's variable, a shell's command
        if text.startswith(("[", "{", "("), at):
            return hide_group(self._reader, at, kind)
        if g.CALLED.match(text, at) or g.EXPRESSION.match(text, at):
            return hide_in_expression(self._reader, at, kind)
        whole_line = sign.group("sign") in (":", "=", ":=") and self._reader.begins_line(start)
        done = self._reader.value(at, kind, line=whole_line and kind[0] == CERTAIN, start=start)
        if not done and not g.OPENS.match(text, at) and any(mark in text[at : at + 200] for mark in _FALLBACKS):
            return hide_in_expression(self._reader, at, kind)
        return done

    def _option_values(self, at: int, kind: Sensitivity) -> int:
        """The value of an option; of a plural one (--api-keys) all that follow."""
        done = self._reader.value(at, kind)
        while done and kind[1].endswith("s"):
            more = g.NEXT_VALUE.match(self._text, done)
            following = self._reader.value(more.end(), kind) if more else 0
            if not following:
                break
            done = following
        return done

    def _header(self, at: int) -> int:
        """The value of an HTTP header, to the end of its text or line."""
        sign = g.HEADER_SIGN.match(self._text, at)
        value = g.HEADER_VALUE.match(self._text, sign.end()) if sign else None
        if value is None or sign is None:
            return 0
        text = value.group()
        scheme = g.SCHEME.match(text)
        inner = text[scheme.end() :] if scheme else text
        if self._reader.is_code and sign.group("quote") is None and not self._reader.in_literal(at):
            return 0
        if inner.startswith((HIDDEN, REMOVED)) or not is_secret_under((LIKELY, "authorization"), inner):
            return value.end() if inner.startswith((HIDDEN, REMOVED)) else 0
        self._reader.found.append((value.start(), value.start() + len(text.rstrip()), None))
        return value.end()

    def _spaced(self, start: int, end: int, after: int, before: str, kind: Sensitivity, closed: bool) -> int:
        """A value that only space, a bar or a tag parts from its name."""
        text = self._text
        if before.endswith("<") and kind[0] >= LIKELY:
            tag = g.TAG.match(text, end)
            return hide_element(self._reader, tag.end(), kind) if tag else 0
        bar = g.BAR.match(text, after)
        if bar is not None and kind[0] >= LIKELY and "\n" not in bar.group():
            return hide_cell(self._reader, bar, start, kind)
        if kind[0] < LIKELY:
            return 0
        called = g.CALL.match(text, after)
        if called is not None and not closed and not g.ASKING.match(text[start:end].rpartition(".")[2].lower()):
            return (
                hide_group(self._reader, called.start(), kind)
                if kind[1] in _LOGINS
                else self._reader.value(called.end(), kind)
            )
        fallback = g.FALLBACK.match(text, after)
        if fallback is not None:
            return self._reader.value(fallback.end(), kind)
        spaced = g.SPACED.match(text, after)
        if spaced is None:
            return 0
        if self._is_issued(start, end):
            return self._reader.value(spaced.end(), kind)
        sql = g.SQL.match(text, end)
        if sql is not None and kind[1] in ("password", "passwd", "secret", "key"):
            return self._reader.value(sql.end(), kind)
        if g.COMMAND_BEFORE.search(before):
            return self._reader.value(spaced.end(), kind)
        said = g.SAID.match(text, after)
        if said is not None and kind[0] >= LIKELY:
            return self._reader.value(said.end(), (LIKELY, kind[1]))
        if not self._reader.is_code:
            alone = g.WORD_AND_END.match(text, end) if g.ALONE.search(before) else None
            if alone is not None and not is_ordinary(alone.group("value")):
                return self._reader.value(alone.start("value"), (LIKELY, kind[1]))
        quoted = g.QUOTED_NEXT.match(text, after)
        return self._reader.value(quoted.end(), kind) if quoted is not None and kind[0] == CERTAIN else 0
