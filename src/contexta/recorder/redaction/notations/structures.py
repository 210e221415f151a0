"""Values apart from their names: in lists, on the lines below, in sibling keys, elements, cells, columns, manifests."""

from __future__ import annotations

import re

from contexta.recorder.redaction.notations.scanner import (
    BRACKET_OR_QUOTE,
    COLON,
    LONGEST_LITERAL,
    QUOTE,
    SCHEME,
    at_least_likely,
    with_level,
)
from contexta.recorder.redaction.rules.names import CERTAIN, LIKELY, NONE, below, is_plural, sensitivity
from contexta.recorder.redaction.rules.pattern import Pattern
from contexta.recorder.redaction.rules.values import HIDDEN, REMOVED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Tuple

    from contexta.recorder.redaction.notations.scanner import Scanner
    from contexta.recorder.redaction.rules.names import Sensitivity
    from contexta.recorder.redaction.rules.spans import Span

_MOST_NESTED = 8
_LONGEST_STRUCTURE, _LONGEST_BARE_LIST, _LONGEST_LINE = 4_000, 1_000, 4_000  # characters
_MOST_LINES = 100
_ITEM = Pattern(r"[^\s,\"'\[\](){}:]+")
_MAPPED = Pattern(r"[ \t]*(?:- )?[\"']?[\w.-]+[\"']?[ \t]*:(?=\s|\Z)|[ \t]*[\w.-]+[ \t]*=")
_SCALAR = Pattern(r"[ \t]*[\"']?[\w.-]+[\"']?[ \t]*:[ \t]+[\"']?(?P<value>[^\s\"'#]{6,})[\"']?[ \t]*\Z")
NEXT_LINE = Pattern(r"(?:[|>][-+0-9]*|\\)?[ \t]*(?:\#[^\n]*)?\r?\n")
_VALUE_KEY = Pattern(
    r"[\"']?\b(?:value|parametervalue|val|default|content|secret(?!:sha256:)|text|plaintext|string_?value|secret_?value|data|current)"
    r"[\"']?[ \t]*[:=][ \t]*",
    re.IGNORECASE,
)
_PART = Pattern(r"[^\n]{0,80}\r?\n(?:[A-Za-z-]{1,40}:[^\n]{0,100}\r?\n)?\r?\n(?=\S)")  # of multipart/form-data
_MAPPED_VALUE = Pattern(r"[ \t]*(?:default|value|example)[ \t]*:[ \t]+(?=\S)", re.IGNORECASE)
_SIBLINGS_END = Pattern(r"[{}]|\n[ \t]*-[ \t]|\n[ \t]*\n|/>|</")
_VALUE_TAG = Pattern(r"(?:[ \t][^<>\n]{0,200})?>\s{0,80}<value>(?=[^<\s])", re.IGNORECASE)
TAG = Pattern(r"(?:[ \t][^<>\n]{0,200})?(?<![/-])>(?=\s{0,80}[^<\s]|<!\[CDATA)")
_CDATA = "<![CDATA["
BAR = Pattern(r"[ \t]*[│┃║|][ \t]*")
_CELL = Pattern(r"[^│┃║|\n]*[^│┃║|\s]")
_EMPTY_CELLS = Pattern(r"(?=.*[│┃║|])[\s│┃║|]+\Z")


def hide_group(scanner: Scanner, at: int, kind: Sensitivity) -> int:
    """Lists and mappings under a sensitive name: every text in them that is neither a key nor an ordinary word."""
    text, opened = scanner.text, scanner.text[at]
    scanner.group_depth = scanner.group_depth + 1 if at < scanner.group_end else 0
    if scanner.group_depth > _MOST_NESTED:
        return 0
    stop = min(len(text), at + _LONGEST_STRUCTURE)
    depth, position, hidden, has_literals = 0, at, 0, False
    inner = kind if opened == "[" and kind[0] == CERTAIN else with_level(kind, LIKELY)
    while True:
        match = BRACKET_OR_QUOTE.search(text, position, stop)
        if match is None:
            break
        position = match.end()
        if match.group() in ("[", "(", "{"):
            depth += 1
            continue
        if match.group() in ("]", ")", "}"):
            depth -= 1
            if depth <= 0:
                break
            continue
        has_literals = True
        literal = scanner.literal(match.start())
        if literal is None:
            continue
        _, start, end, position = literal
        colon = COLON.match(text, position) if opened == "{" else None
        if colon is None:
            hidden = position if scanner.hide(start, end, inner) else hidden
        elif below("credentials", text[start:end]) is None:  # `"type": "basic"`: skip its value
            skipped = scanner.literal(colon.end())
            position = skipped[3] if skipped else position
    scanner.group_end = max(scanner.group_end, position)
    if opened == "[" and not has_literals and not scanner.is_code:  # [X, Y]
        for item in _ITEM.finditer(text, at + 1, min(position, at + _LONGEST_BARE_LIST)):
            hidden = scanner.hide(*item.span(), kind) or hidden
    return hidden


def hide_lines_below(scanner: Scanner, start: int, at: int, kind: Sensitivity, *, is_block: bool) -> int:
    """The value on the lines below a name, which are indented more: one value, a list or a block."""
    text = scanner.text
    line = text.rfind("\n", max(0, start - 200), start) + 1
    indent = len(text[line:start]) - len(text[line:start].lstrip(" \t+>-"))
    hidden, position = 0, at
    for _ in range(_MOST_LINES):
        newline = text.find("\n", position)
        stop = len(text) if newline < 0 else newline
        content = text[position:stop]
        stripped = content.strip()
        own_indent = len(content) - len(content.lstrip())
        is_item = stripped.startswith("- ")
        if (
            not stripped
            or len(content) > _LONGEST_LINE
            or stop - at > LONGEST_LITERAL
            or own_indent < indent
            or (own_indent == indent and not is_item)
        ):
            break
        if _MAPPED.match(content) and not is_block:
            mapped = _MAPPED_VALUE.match(content)
            if mapped is not None:  # a declaration: `DBPassword:`, `  Type: String`, `  Default: X`
                return scanner.value(position + mapped.end(), at_least_likely(kind))
            scalar = _SCALAR.match(content) if is_plural(kind[1]) else None
            if scalar is not None:  # `secrets:`, `  db: X`
                start = position + scalar.start("value")
                hidden = scanner.hide(start, position + scalar.end("value"), with_level(kind, LIKELY)) or hidden
            position = stop + 1
            if position >= len(text) or (hidden and scalar is None):
                break
            continue  # these keys are searched by themselves
        value = (stripped[2:].strip() if is_item else stripped).strip("\"',")
        first = position + content.index(value)
        hidden = scanner.hide(first, first + len(value), at_least_likely(kind) if hidden else kind) or hidden
        position = stop + 1
        if position >= len(text) or (hidden and not is_block and not is_item):
            break
    return hidden


def hide_sibling(scanner: Scanner, start: int, after: int, kind: Sensitivity) -> None:
    """``{"name": "HF_TOKEN", "value": X}``, in both orders, also in YAML and XML."""
    text = scanner.text
    part = _PART.match(text, after) if "form-data" in text[max(0, start - 80) : start] else None
    if part is not None:
        scanner.value(part.end(), kind)
        return
    stop = min(len(text), after + 240)
    ending = _SIBLINGS_END.search(text, after, stop)
    value = _VALUE_KEY.search(text, after, ending.start() if ending else stop)
    if value is not None:
        line = NEXT_LINE.match(text, value.end())
        if line is None or not hide_lines_below(scanner, value.start(), line.end(), kind, is_block=True):
            scanner.value(value.end(), kind)
        return
    tag = TAG.match(text, after) or _VALUE_TAG.match(text, after)
    if tag is not None:
        hide_element(scanner, tag.end(), kind)
        return
    begin = max(0, start - 240, *(text.rfind(mark, max(0, start - 240), start) for mark in ("{", "}", "\n- ", "<")))
    value = _VALUE_KEY.search(text, begin, start)
    if value is not None:
        scanner.value(value.end(), kind)


def hide_element(scanner: Scanner, at: int, kind: Sensitivity) -> int:
    """The text of an XML element."""
    is_cdata = scanner.text.startswith(_CDATA, at)
    at += len(_CDATA) if is_cdata else 0
    end = scanner.text.find("]]>" if is_cdata else "<", at, at + _LONGEST_STRUCTURE)
    content = scanner.text[at : max(at, end)]
    first, last = at + len(content) - len(content.lstrip()), at + len(content.rstrip())
    return scanner.hide(first, last, at_least_likely(kind))


def hide_cell(scanner: Scanner, at: int, start: int, kind: Sensitivity) -> int:
    """The table cell that begins at a place, and its continuation in the lines below. start: of the name's cell."""
    text = scanner.text
    cell = _CELL.match(text, at)
    if cell is None or not scanner.hide(*cell.span(), kind):
        return 0
    column = at - (text.rfind("\n", 0, start) + 1)
    newline = text.find("\n", cell.end())
    for _ in range(8):
        if newline < 0:
            break
        stop = text.find("\n", newline + 1)
        stop = len(text) if stop < 0 else stop
        begin = newline + 1 + column
        more = _CELL.match(text, begin, stop)
        if more is None or stop - newline > _LONGEST_LINE or not _EMPTY_CELLS.match(text[newline + 1 : begin]):
            break
        scanner.spans.append((begin + len(more.group()) - len(more.group().lstrip()), more.end(), None))
        newline = text.find("\n", stop)
    return cell.end()


_HEADERS = Pattern(
    r"(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token|auth|secret)[a-z-]*)\Z", re.IGNORECASE
)
_HEADER_SIGN = Pattern(rf"[ \t]*(?:[:=,]|=>|%3A)[ \t]*(?P<quote>{QUOTE})?")
_HEADER_VALUE = Pattern(r"[^\r\n\"'\\│┃║]+")


def hide_header(scanner: Scanner, start: int, end: int, after: int) -> int:
    """The value of an HTTP header, to the end of its text or line. start, end, after: of its name and quote."""
    text = scanner.text
    sign = _HEADER_SIGN.match(text, after) if _HEADERS.match(text, start, end) else None
    value = _HEADER_VALUE.match(text, sign.end()) if sign else None
    if value is None or sign is None:
        return 0
    if scanner.is_code and sign.group("quote") is None and not scanner.is_in_literal(after):
        return 0
    scheme = SCHEME.match(text, value.start())
    first = scheme.end() if scheme else value.start()
    if text.startswith((HIDDEN, REMOVED), first):
        return value.end()
    if not scanner.hide(first, value.end(), (LIKELY, "authorization")):
        return 0
    scanner.spans[-1] = (value.start(), value.start() + len(value.group().rstrip()), None)
    return value.end()


# ------------------------------------------------------------------------------------------------ columns, manifests

_RULE = Pattern(r"[\s|:+=━─═╇╈┡┩├┼┤╞╪╡-]{3,}\n")
_BARS = Pattern(r"[│┃║|]")
_GAPS = Pattern(r"[ \t]{2,}|\t")


_WORDS_OF_COLUMNS = frozenset("token tok bearer pat cookie sessionid".split())


def of_column(kind: Sensitivity) -> Sensitivity:
    """The sensitivity of the cells below a name. Only mixed tokens: others may be pieces of text."""
    if kind[0] == CERTAIN:
        return kind
    return (LIKELY, "cell") if kind[0] == LIKELY and kind[1] in _WORDS_OF_COLUMNS else (NONE, "")


def hide_column(scanner: Scanner, start: int, end: int, kind: Sensitivity) -> int:
    """The cells below a name in the header of a table with bars or with wide gaps. Return where the table ends."""
    text = scanner.text
    line = text.rfind("\n", max(0, start - _LONGEST_HEADER), start) + 1
    newline = text.find("\n", end, end + _LONGEST_HEADER)
    if newline < 0 or start < scanner.table_end:
        return 0
    rule = _RULE.match(text, newline + 1, newline + 1 + _LONGEST_LINE)
    if _BARS.search(text, line, newline):
        if rule is None:
            return 0
        gap = _BARS
    else:
        gap = _GAPS
    before = len(gap.findall(text[line:start].lstrip() if gap is _GAPS else text[line:start]))
    columns = len(gap.findall(text[line:newline].strip() if gap is _GAPS else text[line:newline])) + 1
    if columns < 2:
        return 0
    hidden, position = 0, rule.end() if rule else newline + 1
    while position < len(text):
        newline = text.find("\n", position)
        stop = len(text) if newline < 0 else newline
        row = text[position:stop]
        if stop - position > _LONGEST_LINE or not row.strip():
            break
        cells = _cells(gap, row)
        extra = len(cells) - columns
        if extra and not (gap is _GAPS and extra == 1 and row.split()[0].isdigit()):  # pandas: the number of the row
            break
        first, last = cells[before + extra]
        hidden = scanner.hide(position + first, position + last, with_level(kind, LIKELY)) or hidden
        position = stop + 1
    scanner.table_end = position
    return hidden


def _cells(gap: Pattern, row: str) -> List[Tuple[int, int]]:
    """The start and end of each cell of a row, without the spaces around it."""
    position = len(row) - len(row.lstrip()) if gap is _GAPS else 0
    ends = [match.span() for match in gap.finditer(row, position, len(row.rstrip()) if gap is _GAPS else len(row))]
    starts = [position, *(end for _, end in ends)]
    cells = []
    for first, last in zip(starts, [*(start for start, _ in ends), len(row)]):
        cell = row[first:last]
        begin = first + len(cell) - len(cell.lstrip())
        cells.append((begin, begin + len(cell.strip())))
    return cells


_INSERT = Pattern(
    r"\(([\w\s,`\"\[\].]{1,2000})\)\s{0,10}(?:OUTPUT\s[^\n]{0,200})?\bVALUES\s{0,10}(?=\()", re.IGNORECASE
)
_SQL_TOKEN = Pattern(r"'((?:[^'\\\n]|''|\\.)*)'|([0-9][^\s'(),;]*)|[(),;]|[^\s'(),;]+")
_CSV_HEADER = Pattern(r"\ufeff?\"?\w[\w.-]*\"?(?:([,;\t])\"?\w[\w. -]*\"?)+\r?\n")
_CSV_CELL = {mark: Pattern(rf"(?:(?<=[{mark}\n])|\A)(?:\"([^\"\n]*)\"|([^{mark}\r\n]*))") for mark in ",;\t"}
_LONGEST_HEADER = 2_000  # characters
_MANIFEST = Pattern(r"^[ \t+-]*kind:[ \t]*[\"']?Secret[\"']?[ \t]*$", re.MULTILINE)
_MANIFEST_DATA = Pattern(r"^([ \t]*)(?:data|stringData):[ \t]*\n((?:\1[ \t]+[^\n]*\n?)+)", re.MULTILINE)
_MANIFEST_VALUE = Pattern(r"^[ \t]+[\w.-]+:[ \t]+[\"']?([^\s\"'|>][^\n\"']*)", re.MULTILINE)
_FLOW_KIND = Pattern(r"[\"']?kind[\"']?:[ ]*[\"']?Secret\b")
_FLOW_DATA = Pattern(r"[\"']?(?:data|stringData)[\"']?:[ ]*\{([^{}]*)\}")
_FLOW_VALUE = Pattern(r":[ ]*[\"']?([^\s\"',{}]+)")


def hide_inserted(scanner: Scanner) -> None:
    """``INSERT INTO t (name, password) VALUES ('x', 'X'), ('y', 'Y')``"""
    if "values" not in scanner.text.lower():
        return
    for match in _INSERT.finditer(scanner.text):
        kinds = [sensitivity(column.strip('`"[] \n\t')) for column in match.group(1).split(",")]
        if max(kinds)[0] < LIKELY:
            continue
        column = -1
        for token in _SQL_TOKEN.finditer(scanner.text, match.end(), match.end() + LONGEST_LITERAL):
            if token.group() == ";":
                break
            if token.group() == "(":
                column = 0
            elif token.group() == ",":
                column += 1
            elif token.lastindex and 0 <= column < len(kinds) and kinds[column][0] >= LIKELY:
                scanner.hide(*token.span(token.lastindex), kinds[column])


def hide_csv(scanner: Scanner, start: int) -> int:
    """The values below a name in the header line of a CSV file. start: of the name. Return where they end."""
    text = scanner.text
    header = _CSV_HEADER.match(text, text.rfind("\n", max(0, start - _LONGEST_HEADER), start) + 1)
    if header is None or start < scanner.rows_end:
        return 0
    mark = header.group(1)
    kinds = [of_column(sensitivity(name.strip('"'))) for name in header.group().strip().split(mark)]
    position, hidden = header.end(), 0
    while position < len(text):
        newline = text.find("\n", position)
        stop = len(text) if newline < 0 else newline
        row = [] if stop - position > LONGEST_LITERAL else [*_CSV_CELL[mark].finditer(text, position, stop)]
        if len(row) != len(kinds):
            break
        for cell, kind in zip(row, kinds):
            if kind[0] != NONE:
                hidden = scanner.hide(*cell.span(cell.lastindex or 0), kind) or hidden
        position = stop + 1
    scanner.rows_end = position
    return hidden


def secrets_manifest(text: str) -> Iterator[Span]:
    """The values of a Kubernetes Secret, whatever their keys are."""
    if "Secret" not in text:
        return
    stop = 0
    for match in _MANIFEST.finditer(text):
        if match.start() < stop:
            continue
        begin = max(stop, text.rfind("\n---", stop, match.start()), match.start() - LONGEST_LITERAL)
        end = text.find("\n---", match.end(), match.end() + LONGEST_LITERAL)
        stop = min(len(text), match.end() + LONGEST_LITERAL) if end < 0 else end
        for block in _MANIFEST_DATA.finditer(text, begin, stop):
            for value in _MANIFEST_VALUE.finditer(text, block.start(2), block.end(2)):
                yield value.start(1), value.end(1), None
    stop = 0
    for match in _FLOW_KIND.finditer(text):  # {kind: Secret, data: {key: X}}
        begin, stop = max(stop, match.start() - LONGEST_LITERAL), match.end() + LONGEST_LITERAL
        for flow in _FLOW_DATA.finditer(text, begin, stop):
            for value in _FLOW_VALUE.finditer(text, flow.start(1), flow.end(1)):
                yield value.start(1), value.end(1), None
