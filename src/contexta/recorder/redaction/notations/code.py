"""Values in programs: arguments behind a name, defaults, fallbacks, and literals that are wrapped in a call."""

from __future__ import annotations

import re

from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.values import is_ordinary

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
_WRAPPED = Pattern(r"([\w.]{1,60})\(\s*$")
_SECOND_ARGUMENT = Pattern(r"([\w.]{1,60})\([^()\n]{0,200},\s*$")
_WRAPPER = Pattern(
    r"(?:SecretStr|SecretBytes|Secret|str|bytes|bytearray|String|b64decode|b64encode|decode|encode|quote|unquote|[Ff]ield|Option"
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
