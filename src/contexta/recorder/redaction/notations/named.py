"""Find secrets by the names before them: assignments, options, headers, arguments, tables, SQL and so on.

The words that sensitive names are made of trigger the search, and only the text around them is read. What is read is
short, or the search goes on behind it, so the cost grows linearly with the length. ``NOTATIONS`` lists the ways to
write a name and its value.
"""

from __future__ import annotations

import re

from contexta.recorder.redaction.notations.code import (
    FALLBACK,
    hide_argument,
    hide_beside,
    hide_in_expression,
    hide_unpacked,
)
from contexta.recorder.redaction.notations.name_context import (
    FILE_NAME,
    LOGIN_CALL,
    contextual,
    is_in_prose,
    issued_word,
)
from contexta.recorder.redaction.notations.repetition import Repetition
from contexta.recorder.redaction.notations.scanner import QUOTE, TYPE_BEHIND, Scanner, with_level
from contexta.recorder.redaction.notations.structures import (
    BAR,
    NEXT_LINE,
    TAG,
    hide_cell,
    hide_column,
    hide_csv,
    hide_element,
    hide_group,
    hide_header,
    hide_inserted,
    hide_lines_below,
    hide_sibling,
    of_column,
)
from contexta.recorder.redaction.rules.names import (
    CERTAIN,
    CONTEXTUAL,
    LIKELY,
    NONE,
    is_plural,
    name_around,
    of_option,
    sensitivity,
)
from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.values import HIDDEN, REMOVED, is_ordinary, looks_issued

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Tuple

    from contexta.recorder.redaction.rules.names import Sensitivity
    from contexta.recorder.redaction.rules.spans import Span

_QUOTE = Pattern(QUOTE)


class Name:
    """A name in a text. after: the place behind its closing quote, if any. before: up to 160 characters before it."""

    __slots__ = ("after", "before", "end", "is_quoted", "kind", "start")

    def __init__(self, text: str, start: int, end: int, kind: Sensitivity) -> None:
        quote = _QUOTE.match(text, end)
        self.start = start
        self.end = end
        self.kind = kind
        self.is_quoted = quote is not None
        self.after = quote.end() if quote else end
        self.before = text[max(0, start - 160) : start]


def secrets_by_name(
    text: str, places: List[Tuple[int, int]], *, is_code: bool = False, is_settings: bool = False
) -> List[Span]:
    """places: where parts of sensitive names are, in order (see ``names.stems``)."""
    scanner = Scanner(text, is_code=is_code, is_settings=is_settings)
    repetition = Repetition(scanner)
    position = 0
    for first, last in places:
        if last <= position or first < position:
            continue
        start, end = name_around(text, first, last, position)
        repeated = repetition.skip(text[start:end], start, position)
        if repeated:
            position = repeated
            continue
        position = end
        stripped = text[start:end].lstrip(".-")
        start, end = end - len(stripped), end - len(stripped) + len(stripped.rstrip(".-"))
        word = text[start:end]
        kind = sensitivity(word)
        if kind[0] < LIKELY and word.rpartition(".")[2].lower() in CONTEXTUAL:
            hidden, kind = contextual(scanner, start, end, kind)
            if hidden:
                position = max(position, hidden)
                continue
        if kind[0] != NONE and not (FILE_NAME.search(word) or is_in_prose(text, start, end, kind)):
            position = max(position, _hide_named(scanner, Name(text, start, end, kind)))
    hide_inserted(scanner)
    return scanner.spans


def _hide_named(scanner: Scanner, name: Name) -> int:
    """Hide the value of a name. Return where to continue."""
    text = scanner.text
    if text.startswith(HIDDEN, name.start):
        return name.start + len(HIDDEN) + 16
    if text.startswith((HIDDEN, REMOVED), name.end):
        return name.end
    for hide in NOTATIONS:
        hidden = hide(scanner, name)
        if hidden:
            return hidden
    return name.end


# ------------------------------------------------------------------------------------------------ notations


def _header(scanner: Scanner, name: Name) -> int:
    """The value of an HTTP header, to the end of its text or line: ``Authorization: Bearer X``."""
    return hide_header(scanner, name.start, name.end, name.after)


_TYPES = (
    r"(?:typing\.|t\.|pydantic\.)?(?:str|bytes|Optional|Union|Any|SecretStr|SecretBytes|Annotated|Mapped|Final|ClassVar|string"
    r"|String|Text|None|int|float|dict|list|Dict|List|tuple)\b(?:\[[^\]\n=]{0,60}\]*)?(?:[ ]*\|[ ]*[\w.]+)*"
)
_SIGN = Pattern(
    rf"\*{{0,2}}{TYPE_BEHIND}(?:\[[\w.-]{{1,40}}\](?==))?"
    rf"[ \t]*\]{{0,2}}\)?[ \t]*(?P<sign>:[ \t]*[\"']?{_TYPES}[\"']?[ \t]*=(?!=)"
    r"|:[ \t]*&(?:'\w{1,20}[ ])?(?:str|\[u8\])[ \t]*=(?!=)|(?:string|\[\]byte|\[\d*\])[ \t]*=(?!=)|\.(?=[ \t]+\")"
    r"|[\uff1a\uff1d➜→⇒]|::=|:=|\?=|\+=|\|=|=>|->|<-|===?|!==?|=|:-(?=\S)|:(?!:)"
    r"|%3[DAda](?:%20|\+)*|\\u003[dDaA]|[.…]{2,}[ \t]*:?)"
    r"[ \t]*(?:&\w{1,40}[ \t]+)?"
)
_COMPARISONS = ("==", "!=", "===", "!==")
_LONGER_THAN_WORDS = 10  # characters; word2vec has 8
_PRINTED = Pattern(r"\$\([ \t]*(?:echo|printf)(?:[ \t]+(?:-[neE]+|(?P<quote>[\"'])%s(?:\\n)?(?P=quote)))*[ \t]+")
_LENGTH = Pattern(
    r"(?:(?:at least|min\.?|minimum|max\.?|maximum|up to)[ ])?\d{1,4}(?:[ ]?(?:-|to|\u2013)[ ]?\d{1,4})?[ ]"
    r"(?:characters|chars|letters|digits|symbols|bytes)\b",
    re.IGNORECASE,
)
_MARKED = Pattern(r"<(?P<value>[^<>\s]{8,200})>")
_SHELL_DEFAULT = Pattern(r"\$\{\w{1,80}\Z")
_CALLED = Pattern(r"(?:[\w.:]{1,60}\([ \t]*){1,3}(?=[rbfuRBFU@]{0,2}[\"'`])|\([ \t]*(?=[rbfuRBFU@]{0,2}[\"'`])")
_EXPRESSION = Pattern(
    r"(?:self|cls|args|cfg|config|conf|os|opts?|settings|params?|kwargs|hparams|FLAGS|env|ctx|secrets)(?:\.[A-Za-z_]\w*|\[[^\]\n]{1,60}\])+"
    r"(?:\([^()\n]{0,200}\))?(?=[\s,;:)}\]]|\Z)"
    r"|[A-Za-z_]{3,}(?:\.[A-Za-z_]+)*\((?:[^()\n]|\([^()\n]{0,80}\)){0,200}\)(?=[\s,;:)}\]]|\Z)|[a-z_]{2,}\[\d{1,4}\](?=[\s,;:)}\]]|\Z)|None\b"
    r"|[A-Za-z_.]{3,40}\[[A-Za-z_., |\[\]]{1,60}\](?=[\s,;:)}\]=]|\Z)"  # a type
)
_FALLBACKS = (" or ", " else ", "||", "??", " ? ")


def _assignment(scanner: Scanner, name: Name) -> int:
    """``password = X``, with any sign, also with the value on the next line, in a list or in an expression."""
    text, kind = scanner.text, name.kind
    match = _SIGN.match(text, name.after)
    if match is None:
        return 0
    sign, at = match.group("sign"), match.end()
    if sign in _COMPARISONS and kind[0] < CERTAIN:
        return _compared(scanner, at, kind)
    if sign == ":-" and not _SHELL_DEFAULT.search(text, max(0, name.start - 90), match.start()):
        at = match.start("sign") + 1
    if sign == ":" and text.startswith("//", at):
        return 0  # the scheme of a URL
    line = NEXT_LINE.match(text, at)
    if line is not None:
        return hide_lines_below(scanner, name.start, line.end(), kind, is_block=text[at : at + 1] in ("|", ">"))
    printed = _PRINTED.match(text, at)
    if printed is not None:
        return scanner.value(printed.end(), kind, is_text=True)
    if text.startswith(("{{", "${{", "$("), at) or _LENGTH.match(text, at):
        return 0  # a variable of a template, a command of a shell, a rule for passwords
    marked = _MARKED.match(text, at)
    if marked is not None and looks_issued(marked.group("value")):
        return scanner.hide(*marked.span("value"), kind)
    if text.startswith(("[", "{", "("), at):
        return hide_group(scanner, at, kind)
    if _CALLED.match(text, at) or _EXPRESSION.match(text, at):
        return hide_in_expression(scanner, at, kind)
    hidden = scanner.value(at, kind, name_start=name.start, to_line_end=sign in (":", "=", ":="))
    if not hidden and not scanner.opens_literal(at) and any(mark in text[at : at + 200] for mark in _FALLBACKS):
        return hide_in_expression(scanner, at, kind)
    return hidden


def _compared(scanner: Scanner, at: int, kind: Sensitivity) -> int:
    """``if token == "X"``: a longer text of letters and digits. A tokenizer compares with words."""
    literal = scanner.literal(at)
    if kind[0] < LIKELY or literal is None or literal[2] - literal[1] < _LONGER_THAN_WORDS:
        return 0
    return scanner.hide_literal(literal, (LIKELY, "tokens"))


def _unpacking(scanner: Scanner, name: Name) -> int:
    """``user, password = "me", "X"``"""
    is_one_of_several = name.kind[0] >= LIKELY and hide_unpacked(scanner, name.after, name.before, name.kind)
    return name.after if is_one_of_several else 0  # the name of another secret may follow


def _fallback(scanner: Scanner, name: Name) -> int:
    """``getenv("API_KEY") or "X"``"""
    fallback = FALLBACK.match(scanner.text, name.after)
    return scanner.value(fallback.end(), name.kind) if fallback else 0


_PAIR = Pattern(r"[ \t]*,[ \t]*(?P<value>[^\s,\[\]\"']+)[ \t]*\]")


def _argument(scanner: Scanner, name: Name) -> int:
    """A quoted name among arguments or items: ``("password", "X")``; or a pair of YAML: ``[password, X]``."""
    pair = _PAIR.match(scanner.text, name.end) if name.before.endswith("[") and not scanner.is_code else None
    if pair is not None:
        return scanner.hide(*pair.span("value"), with_level(name.kind, LIKELY))
    if not name.is_quoted or name.before.rstrip("\"'`\\ \t\nrbfu-")[-1:] not in ("(", "[", ",", ""):
        return 0
    return hide_argument(scanner, name.after, name.before, name.kind)


_NAMING = Pattern(
    r"\b(?:name|key|field|variable|var|env|id|label|header|param|parameter|property|option|setting|parameterkey)[\"'`\\]*"
    r"[ \t]*[:=][ \t]*[\"'`\\]*\Z|\b(?P<type>type)[\"'`\\]*[ \t]*[:=][ \t]*[\"'`\\]*\Z",
    re.IGNORECASE,
)


_BLOCK = Pattern(r"\s*\{")


def _sibling(scanner: Scanner, name: Name) -> int:
    """``{"name": "HF_TOKEN", "value": X}``, ``variable "password" { default = "X" }``.

    The name may also have a value, so the search continues.
    """
    naming = _NAMING.search(name.before)
    if naming and not (naming.group("type") and name.kind[0] < CERTAIN):
        hide_sibling(scanner, name.start, name.after, name.kind)
    elif name.before.endswith(('variable "', 'parameter "')):
        block = _BLOCK.match(scanner.text, name.after)
        if block is not None:
            hide_sibling(scanner, name.start, block.end(), name.kind)
    return 0


_OPTION = Pattern(r"(?:(?<=[\s\"'`=,(\[;|&])|\A)--?\Z")
_OPTION_VALUE = Pattern(r"[ \t]+(?:\\\r?\n[ \t]*)?(?!-{1,2}[A-Za-z])|[\"'][ \t]*,[ \t]*\n?[ \t]*(?=[\"'](?!-))")
_NEXT_VALUE = Pattern(r"[\"']?[ \t]*,?[ \t]+(?=[^\s-])")


def _option(scanner: Scanner, name: Name) -> int:
    """``--token X``; of a plural option (``--api-keys X Y``) all values that follow."""
    gap = _OPTION_VALUE.match(scanner.text, name.end) if _OPTION.search(name.before) else None
    if gap is None or name.kind[0] < LIKELY:
        return 0
    kind = of_option(scanner.text[name.start : name.end])
    if scanner.is_code and not scanner.opens_literal(gap.end()) and not scanner.is_in_literal(name.start):
        kind = with_level(kind, LIKELY)  # a comment, which may describe the option
    hidden = following = scanner.value(gap.end(), kind, is_text=True)
    while following and is_plural(kind[1]):
        hidden = following
        more = _NEXT_VALUE.match(scanner.text, hidden)
        following = scanner.value(more.end(), kind) if more else 0
    return hidden or name.end


_ENTRY = Pattern(r"\s*</(?:name|key|string|param-name)>\s*<(?:value|string|data|param-value)>\s*(?:<string>)?")


def _element(scanner: Scanner, name: Name) -> int:
    """``<password>X</password>``, ``<name>password</name><value>X</value>``"""
    entry = _ENTRY.match(scanner.text, name.end) if name.before.endswith((">", "> ")) else None
    if entry is not None:
        return hide_element(scanner, entry.end(), name.kind)
    tag = TAG.match(scanner.text, name.end) if name.before.endswith("<") and name.kind[0] >= LIKELY else None
    return hide_element(scanner, tag.end(), name.kind) if tag else 0


def _cell(scanner: Scanner, name: Name) -> int:
    """``| password | X |``"""
    bar = BAR.match(scanner.text, name.after) if name.kind[0] >= LIKELY else None
    return hide_cell(scanner, bar.end(), name.start, name.kind) if bar else 0


def _column(scanner: Scanner, name: Name) -> int:
    r"""Cells below a name in a header, of CSV or a table: ``user,password\nbob,X``."""
    kind = of_column(name.kind)
    in_table = hide_column(scanner, name.start, name.end, kind) if kind[0] != NONE else 0
    if in_table:
        return in_table
    is_header = kind[0] != NONE and scanner.text[name.after : name.after + 1] in (",", ";", "\t", "\r", "\n")
    return hide_csv(scanner, name.start) if is_header and not scanner.is_code else 0


_CALL = Pattern(r"\((?=[rbfuRBFU@]{0,2}[\"'`])")
_QUERY = Pattern(
    r"(?:get|read|load|fetch|find|is|has|check|list|delete|remove|input|getpass|prompt|ask|print|validate|rotate)"
)
_LOGINS = ("auth", "credential", "credentials", "encode", "decode")  # any argument may be the secret


def _call(scanner: Scanner, name: Name) -> int:
    """``set_token("X")``"""
    text = scanner.text
    if name.kind[0] < LIKELY or name.is_quoted:
        return 0
    call = (LOGIN_CALL if name.kind[1] in _LOGINS else _CALL).match(text, name.after)
    if call is None or _QUERY.match(text[name.start : name.end].rpartition(".")[2].lower()):
        return 0
    if (
        name.kind[1] in _LOGINS or ".set_" in text[name.start : name.end]
    ):  # keyring.set_password("service", "user", "X")
        return hide_group(scanner, call.start(), name.kind)
    return scanner.value(call.end(), name.kind)


_SPACES = Pattern(r"[ \t]+(?=[^\s=:-])")
_SQL = Pattern(
    r"[ \t]+(?:FOR[ \t]+\S{1,80}[ \t]*(?:=|TO)[ \t]*|AS[ \t]+|TO[ \t]+|=[ \t]*)?(?:PASSWORD[ \t]*\([ \t]*)?(?=N?'|\")",
    re.IGNORECASE,
)
_COMMAND_BEFORE = Pattern(
    r"(?:(?<!\w)(?:ENV|ARG|%env|setenv|setx|putenv|config:set|(?:set|export)(?:[ \t]+-{1,2}\w+)*"
    r"|(?:config|configure|secrets?|var|variable)"
    r"(?:[ \t]+-{1,2}\w+)*(?:[ \t]+(?:set|add))?"
    r"|login[ \t]+\S{1,80}|machine[ \t]+\S{1,80}(?:[ \t]+login[ \t]+\S{1,80})?)[ \t]+)(?:[^\s\"']{1,100}[:/])?\Z"
)
_STATED = Pattern(
    r"[ \t]+(?:(?:is|was|è|ist|est|set to|provided|given|supplied|used|=)[ \t]*:?"
    r"|(?:for|of)[ \t]+[^\s:=]{1,60}(?:[ \t]\w{1,40})?[ \t]*[:=])[ \t]+",
    re.IGNORECASE,
)
_ALONE = Pattern(r"(?:\A|\n)[ \t+>-]{0,20}\Z")
_WORD_AND_END = Pattern(r"[ \t]+(?P<value>[^\s\"']{4,})[ \t]*(?=\r?\n|\Z)")
_QUOTED_NEXT = Pattern(r"[ \t]+(?=[\"'][^\"'\n]{1,200}[\"'][ \t]*\)*[;,]?[ \t]*(?:\n|\Z))")


def _spaced(scanner: Scanner, name: Name) -> int:
    """A value that only spaces or a word separate from its name: ``password is X``."""
    text, kind = scanner.text, name.kind
    spaces = _SPACES.match(text, name.after) if kind[0] >= LIKELY else None
    if spaces is None:
        return 0
    issued = issued_word(text, name.start, name.end, kind)
    if issued:
        return scanner.value(issued, kind)
    sql = _SQL.match(text, name.end) if kind[1] in ("password", "passwd", "secret", "key") else None
    if sql is not None:
        return scanner.value(sql.end(), kind)
    if _COMMAND_BEFORE.search(name.before):
        return scanner.value(spaces.end(), kind)
    stated = _STATED.match(text, name.after)
    if stated is not None:
        return scanner.value(stated.end(), with_level(kind, LIKELY))
    alone = _WORD_AND_END.match(text, name.end) if not scanner.is_code and _ALONE.search(name.before) else None
    if alone is not None and not is_ordinary(alone.group("value")):
        return scanner.value(alone.start("value"), with_level(kind, LIKELY))
    quoted = _QUOTED_NEXT.match(text, name.after)
    return scanner.value(quoted.end(), kind) if quoted is not None and kind[0] == CERTAIN else 0


def _beside(scanner: Scanner, name: Name) -> int:
    """A literal on the line that looks like a secret, however it is written: ``Option("X", "--password")``."""
    return name.end if name.kind[0] == CERTAIN and hide_beside(scanner, name.start, name.end) else 0


NOTATIONS: Tuple[Callable[[Scanner, Name], int], ...] = (
    _header,
    _unpacking,
    _assignment,
    _fallback,
    _argument,
    _sibling,
    _option,
    _element,
    _column,
    _cell,
    _call,
    _spaced,
    _beside,
)
"""Each hides the value of a name that is written in its way. It returns where the value ends, or 0."""
