"""Values that stand apart from their names: in lists, on the lines below, in a sibling key, in XML, tables and SQL."""

from __future__ import annotations

import re

from contexta.recorder.redaction import grammar as g
from contexta.recorder.redaction.names import CERTAIN, LIKELY, below, sensitivity
from contexta.recorder.redaction.reader import LONGEST_QUOTED
from contexta.recorder.redaction.values import is_secret_under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Match

    from contexta.recorder.redaction.names import Sensitivity
    from contexta.recorder.redaction.reader import Reader
    from contexta.recorder.redaction.spans import Span

_MOST_NESTED = 8


def hide_group(reader: Reader, at: int, kind: Sensitivity) -> int:
    """Lists and mappings under a sensitive name: every text in them that is no key and no ordinary word."""
    text, opened = reader.text, reader.text[at]
    reader.within = reader.within + 1 if at < reader.grouped else 0
    if reader.within > _MOST_NESTED:
        return 0
    stop = min(len(text), at + 4_000)
    depth, position, hidden = 0, at, 0
    scan = g.BRACKET_OR_QUOTE
    while True:
        match = scan.search(text, position, stop)
        if match is None:
            break
        position = match.end()
        if match.group() in ("[", "(", "{"):
            depth += 1
        elif match.group() in ("]", ")", "}"):
            depth -= 1
            if depth <= 0:
                break
        else:
            opens = g.OPENS.match(text, match.start())
            part = reader.quoted(opens) if opens else None
            if part is None or opens is None:
                continue
            position = part[1] + len(opens.group("quote"))
            if g.COLON.match(text, position) and "{" in (opened, "{"):
                if below("credentials", text[part[0] : part[1]]) is None:  # `"type": "basic"`: pass over its value
                    value = g.COLON.match(text, position)
                    opens = g.OPENS.match(text, value.end()) if value else None
                    skipped = reader.quoted(opens) if opens else None
                    position = skipped[1] + 1 if skipped else position
                continue
            level = kind if opened == "[" and kind[0] == CERTAIN else (LIKELY, kind[1])
            if is_secret_under(level, text[part[0] : part[1]]):
                reader.found.append((*part, None))
                hidden = position
    reader.grouped = max(reader.grouped, position)
    if hidden or opened == "{" or any(quote in text[at:position] for quote in "\"'`"):
        return hidden
    # A list without quotes: [X, Y]
    for item in g.ITEM.finditer(text, at + 1, min(position, at + 1_000)):
        if opened == "[" and not reader.is_code and is_secret_under(kind, item.group()):
            reader.found.append((*item.span(), None))
            hidden = item.end()
    return hidden


def hide_lines_below(reader: Reader, start: int, at: int, kind: Sensitivity, *, block: bool) -> int:
    """The value on the lines below a name, which are indented more: one, a list or a block."""
    text = reader.text
    line = text.rfind("\n", max(0, start - 200), start) + 1
    indent = len(text[line:start]) - len(text[line:start].lstrip(" \t+>-"))
    hidden, position = 0, at
    for _ in range(100):
        newline = text.find("\n", position)
        stop = len(text) if newline < 0 else newline
        content = text[position:stop]
        stripped = content.strip()
        own = len(content) - len(content.lstrip())
        is_item = stripped.startswith("- ")
        if not stripped or len(content) > 4_000 or own < indent or (own == indent and not is_item):
            break
        if g.MAPPED.match(content) and not block:
            break  # keys of their own, which are looked at by themselves
        value = stripped[2:].strip() if is_item else stripped
        value = value.strip("\"',")
        if value and is_secret_under(kind if not hidden else (max(kind[0], LIKELY), kind[1]), value):
            first = position + content.index(value)
            reader.found.append((first, first + len(value), None))
            hidden = stop
        position = stop + 1
        if position >= len(text) or (hidden and not block and not is_item):
            break
    return hidden


def hide_sibling(reader: Reader, start: int, after: int, kind: Sensitivity) -> None:
    """{"name": "HF_TOKEN", "value": X}, also the other way round and in YAML and XML."""
    text = reader.text
    stop = min(len(text), after + 240)
    ending = g.SIBLINGS_END.search(text, after, stop)
    value = g.VALUE_KEY.search(text, after, ending.start() if ending else stop)
    if value is not None:
        if not _block_or_value(reader, value, kind):
            reader.value(value.end(), kind)
        return
    tag = g.TAG.match(text, after)
    if tag is not None:
        hide_element(reader, tag.end(), kind)
        return
    begin = max(0, start - 240)
    opening = max(text.rfind(mark, begin, start) for mark in ("{", "}", "\n- ", "<"))
    value = g.VALUE_KEY.search(text, max(begin, opening), start)
    if value is not None:
        reader.value(value.end(), kind)


def _block_or_value(reader: Reader, value: Match[str], kind: Sensitivity) -> int:
    next_line = g.NEXT_LINE.match(reader.text, value.end())
    if next_line is None:
        return 0
    return hide_lines_below(reader, value.start(), next_line.end(), kind, block=True)


def hide_element(reader: Reader, at: int, kind: Sensitivity) -> int:
    """The text of an XML element."""
    cdata = g.CDATA.match(reader.text, at)
    at = cdata.end() if cdata else at
    end = reader.text.find("<", at, at + 4_000)
    end = reader.text.find("]]>", at, at + 4_000) if cdata and cdata.group() else end
    value = reader.text[at:end] if end > at else ""
    if value.strip() and is_secret_under((max(kind[0], LIKELY), kind[1]), value):
        reader.found.append((at, end, None))
        return end
    return 0


def hide_inserted(reader: Reader) -> None:
    """INSERT INTO t (name, password) VALUES ('x', 'X'), ('y', 'Y')"""
    text = reader.text
    if "VALUES" not in text and "values" not in text and "Values" not in text:
        return
    for match in g.INSERT.finditer(text):
        columns = [column.strip('`"[] \n\t') for column in match.group(1).split(",")]
        kinds = [sensitivity(column) for column in columns]
        if not any(kind[0] >= LIKELY for kind in kinds):
            continue
        stop = min(len(text), match.end() + LONGEST_QUOTED)
        place = -1
        for token in g.SQL_VALUE.finditer(text, match.end(), stop):
            value = token.group()
            if value == ";":
                break
            if value == "(":
                place = 0
            elif value == ",":
                place += 1
            elif value != ")" and 0 <= place < len(kinds) and kinds[place][0] >= LIKELY and value[0] in "'0123456789":
                quoted = value[0] == "'"
                part = (token.start() + quoted, token.end() - quoted)
                if is_secret_under(kinds[place], text[part[0] : part[1]]):
                    reader.found.append((*part, None))


def hide_cell(reader: Reader, bar: Match[str], start: int, kind: Sensitivity) -> int:
    """The next cell of a table, and what of it stands in the lines below."""
    text = reader.text
    cell = g.CELL.match(text, bar.end())
    if cell is None or not is_secret_under(kind, cell.group()):
        return 0
    reader.found.append((*cell.span(), None))
    column = bar.end() - (text.rfind("\n", 0, start) + 1)
    newline = text.find("\n", cell.end())
    for _ in range(8):
        if newline < 0:
            break
        stop = text.find("\n", newline + 1)
        line = text[newline + 1 : len(text) if stop < 0 else stop]
        lead, rest = line[:column], line[column:]
        more = g.CELL.match(rest)
        if not re.match(r"[\s│┃║|]+\Z", lead) or not re.search(r"[│┃║|]", lead) or more is None or len(line) > 4_000:
            break
        value = more.group()
        begin = newline + 1 + column + len(value) - len(value.lstrip())
        reader.found.append((begin, newline + 1 + column + more.end(), None))
        newline = stop
    return cell.end()


def secrets_manifest(text: str) -> Iterator[Span]:
    """The values of a Kubernetes Secret, whatever their keys are called."""
    if "Secret" not in text:
        return
    stop = 0
    for match in g.MANIFEST.finditer(text):
        if match.start() < stop:
            continue
        begin = max(stop, text.rfind("\n---", stop, match.start()), match.start() - LONGEST_QUOTED)
        end = text.find("\n---", match.end(), match.end() + LONGEST_QUOTED)
        stop = min(len(text), match.end() + LONGEST_QUOTED) if end < 0 else end
        for block in g.MANIFEST_DATA.finditer(text, begin, stop):
            for line in g.MANIFEST_VALUE.finditer(text, block.start(2), block.end(2)):
                if line.group(1)[0] not in "|>":
                    yield line.start(1), line.end(1), None
