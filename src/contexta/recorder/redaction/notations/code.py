"""Values in programs: arguments behind a name, defaults, fallbacks, and literals that are wrapped in a call."""

from __future__ import annotations

import re

from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.values import is_ordinary, looks_issued

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contexta.recorder.redaction.notations.scanner import Scanner
    from contexta.recorder.redaction.rules.names import Sensitivity

_COMMA = Pattern(r"\s*,\s*")
_CALL_ENDS = Pattern(r"\)\s*(?:\n|\Z|;)|\b(?:add_argument|option)\(")
_DEFAULT = Pattern(r"\b(?:default|value|initial|const|fallback)\s*=\s*(?=[rbfuRBFU@]{0,2}[\"'])")
FALLBACK = Pattern(
    r"\s*[)\]]{0,3}\s*(?:or|\?\?|\|\||\?:|if\b[^\n]{0,60}?\belse)\s*(?:\w{1,20}\()?(?=[rbfuRBFU@]{0,2}[\"'`])"
)
# What precedes a literal in an expression that may become the value
_ALTERNATIVE = Pattern(r"\?[^\n?]{0,120}:\s*$|\?\s*$|\b(?:or|else|\|\||\?\?)\s*$|(?:\|\||\?\?|\+)\s*$")
_KEYWORD = Pattern(r"\b(\w{1,40})\s*=\s*$")
_WRAPPED = Pattern(r"([\w.:]{1,60})\(\s*$")
_SECOND_ARGUMENT = Pattern(r"([\w.]{1,60})\([^()\n]{0,200},\s*$")
_WRAPPER = Pattern(
    r"(?:String::from|SecretString::(?:new|from)|SecretStr|SecretBytes|Secret|str|bytes|bytearray|String|b64decode|b64encode|decode|encode|quote|unquote|[Ff]ield|Option"
    r"|Argument|Variable|Value|Constant|Str|Text|escape|strip|Depends|default)\Z"
)
_GETTER = Pattern(
    r"(?:get|getenv|setdefault|pop|getattr|config|env|environ|str|option|var|decouple\w*|secret)\Z", re.IGNORECASE
)


def hide_argument(scanner: Scanner, after: int, before: str, kind: Sensitivity) -> int:
    """The value of a quoted name among arguments: ``("name", "X")``, ``add_argument("--name", default="X")``."""
    text = scanner.text
    comma = _COMMA.match(text, after)
    if comma is None:
        return 0
    opening = before.rstrip("\"'`\\ \t\nbrfu")[-1:]
    literal = scanner.literal(comma.end())
    if literal is not None and opening != "{":
        value = text[literal[1] : literal[2]]
        is_listed = opening in ("[", ",") and not before.rstrip("\"'`").endswith("-")
        if not value.startswith("-") and not (is_listed and is_ordinary(value)):
            hidden = scanner.hide_literal(literal, kind)
            if hidden:
                return hidden
    stop = min(len(text), comma.end() + 400)
    ending = _CALL_ENDS.search(text, comma.end(), stop)
    default = _DEFAULT.search(text, comma.end() - 1, ending.start() if ending else stop)
    return scanner.value(default.end(), kind) if default else 0


_TARGET = r"[A-Za-z_][\w.]{0,60}(?:\[[^\]\n]{1,60}\])?"
_TARGETS_BEFORE = Pattern(rf"(?:\A|\n)[ \t+>-]*\(?((?:{_TARGET}[ \t]*,[ \t]*){{0,8}})[\w.]*(?:\[[\"'])?\Z")
_TARGETS_AFTER = Pattern(rf"\]?[ \t]*(?:,[ \t]*{_TARGET}[ \t]*){{0,8}}\)?[ \t]*=(?!=)[ \t]*\(?[ \t]*")
_UNPACKED = Pattern(r"[ \t]*[^\s,\"'()\[\]{}][^,\"'()\[\]{}\n]{0,200}")


def hide_unpacked(scanner: Scanner, after: int, before: str, kind: Sensitivity) -> bool:
    """The value of one of several names: ``user, password = "me", "X"``. Return whether they are that."""
    targets, sign = _TARGETS_BEFORE.search(before), _TARGETS_AFTER.match(scanner.text, after)
    if targets is None or sign is None or not (targets.group(1) or "," in sign.group().partition("=")[0]):
        return False
    position = sign.end()
    for _ in range(targets.group(1).count(",")):
        literal = scanner.literal(position)
        plain = _UNPACKED.match(scanner.text, position)
        end = literal[3] if literal else plain.end() if plain else position
        comma = _COMMA.match(scanner.text, end)
        if comma is None:
            return False
        position = comma.end()
    if not scanner.opens_literal(position):
        return False
    scanner.value(position, kind)
    return True


def hide_in_expression(scanner: Scanner, at: int, kind: Sensitivity) -> int:
    """The literals in an expression that may become the value: defaults, fallbacks, wrapped literals."""
    text = scanner.text
    newline = text.find("\n", at)
    stop = min(len(text) if newline < 0 else newline, at + 500)
    position, hidden = at, 0
    while True:
        literal = scanner.next_literal(position, stop)
        if literal is None:
            return hidden
        opening, start, end, position = literal
        if _may_become_value(text[max(at, opening - 240) : opening]):
            hidden = scanner.hide(start, end, kind) or hidden


def _may_become_value(before: str) -> bool:
    """before: the expression up to a literal in it."""
    if _ALTERNATIVE.search(before):
        return True
    keyword = _KEYWORD.search(before)
    if keyword:
        return keyword.group(1) in ("default", "value", "const", "initial", "fallback")
    for function, pattern in ((_WRAPPED, _WRAPPER), (_SECOND_ARGUMENT, _GETTER)):
        call = function.search(before)
        if call:
            return pattern.match(call.group(1).rpartition(".")[2]) is not None
    return False


_BETWEEN = 100  # characters from a name to a secret somewhere on its line
_LITERAL = Pattern(r"(?P<quote>[\"'`])(?P<value>[^\s\"'`]{7,200})(?P=quote)")


def hide_beside(scanner: Scanner, start: int, end: int) -> bool:
    """A literal on the line of a name, behind or before it, that looks like a secret. Return whether there is one."""
    text = scanner.text
    line = text.rfind("\n", max(0, start - _BETWEEN), start) + 1
    newline = text.find("\n", end, end + 2 * _BETWEEN)
    behind = (end, newline if newline >= 0 else end + 2 * _BETWEEN)
    for first, last in (behind, (max(line, start - _BETWEEN), start)):
        literal = _LITERAL.search(text, first, last)
        while literal is not None:
            if looks_issued(literal.group("value")):
                scanner.spans.append((*literal.span("value"), None))
                return True
            literal = _LITERAL.search(text, literal.end() - 1, last)  # its end may be the beginning of the next
    return False
