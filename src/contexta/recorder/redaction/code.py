"""Values in programs: arguments behind a name, defaults, fallbacks, and what is wrapped in a call."""

from __future__ import annotations

from contexta.recorder.redaction import grammar as g
from contexta.recorder.redaction.values import is_ordinary, is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contexta.recorder.redaction.names import Sensitivity
    from contexta.recorder.redaction.reader import Reader


def hide_argument(reader: Reader, after: int, before: str, kind: Sensitivity) -> int:
    """A name in quotes among arguments: ("name", "X"), setdefault("NAME", "X"), add_argument("--name", default="X"),
    get("NAME") or "X"."""
    text = reader.text
    fallback = g.FALLBACK.match(text, after)
    if fallback is not None:
        return reader.value(fallback.end(), kind)
    comma = g.COMMA.match(text, after)
    if comma is None:
        return 0
    opening = before.rstrip("\"'`\\ \t\nbrfu")[-1:]
    opens = g.OPENS.match(text, comma.end())
    if opens is not None:
        part = reader.quoted(opens)
        value = text[part[0] : part[1]] if part else ""
        listed = opening in ("[", ",") and not before.rstrip("\"'`").endswith("-")
        if part and opening != "{" and not value.startswith("-") and not (listed and is_ordinary(value)):
            done = reader.hide_quoted(part, opens.group("quote"), kind)
            if done:
                return done
    stop = min(len(text), comma.end() + 400)
    ending = g.CALL_ENDS.search(text, comma.end(), stop)
    default = g.DEFAULT.search(text, comma.end() - 1, ending.start() if ending else stop)
    return reader.value(default.end(), kind) if default else 0


def hide_in_expression(reader: Reader, at: int, kind: Sensitivity) -> int:
    """The literals in an expression that may become the value: defaults, fallbacks, what is wrapped."""
    text = reader.text
    newline = text.find("\n", at)
    stop = min(len(text) if newline < 0 else newline, at + 500)
    position, hidden = at, 0
    while True:
        opens = g.OPENS.search(text, position, stop)
        part = reader.quoted(opens) if opens else None
        if opens is None or part is None:
            return hidden
        before = text[max(at, opens.start() - 240) : opens.start()]
        if _may_become_value(before) and is_secret_under(kind, text[part[0] : part[1]]):
            reader.found.append((*part, None))
            hidden = part[1]
        position = part[1] + len(opens.group("quote"))


def _may_become_value(before: str) -> bool:
    if g.LITERAL.search(before):
        return True
    keyword = g.KWARG.search(before)
    if keyword:
        return keyword.group(1) in ("default", "value", "const", "initial", "fallback")
    function = g.FUNCTION.search(before)
    if function:
        return g.WRAPPING.match(function.group(1).rpartition(".")[2]) is not None
    asked = g.ASKED_WITH_DEFAULT.search(before)
    return asked is not None and g.DEFAULTING.match(asked.group(1).rpartition(".")[2]) is not None
