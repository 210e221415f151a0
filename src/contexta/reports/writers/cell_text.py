"""The text of a cell, which is wrapped between words, and in a long name after a separator."""

from __future__ import annotations

import re
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.containers import Lines
from rich.text import Text

_WORD = re.compile(r"\s*\S+\s*|\s+")
_PIECE = re.compile(r"\s*(?:[^\s._/\\:=,-]*[._/\\:=,-]+|[^\s._/\\:=,-]+)\s*")


class CellText(Text):
    """A text that is wrapped as rich does it, except that a word of several parts breaks after one of them."""

    def wrap(
        self, console: Console, width: int, *, tab_size: int = 8, no_wrap: bool | None = None, **options: Any
    ) -> Lines:
        if no_wrap:
            return super().wrap(console, width, tab_size=tab_size, no_wrap=True, **options)
        lines = Lines()
        for line in self.split(allow_blank=True):
            line.expand_tabs(tab_size)
            pieces = line.divide(break_offsets(line.plain, width))
            for piece in pieces:
                piece.rstrip_end(width)
            lines.extend(pieces)
        return lines


def break_offsets(text: str, width: int) -> list[int]:
    """Where a text of one line is broken, so that no line is wider than ``width`` cells."""
    offsets: list[int] = []
    used = start = 0
    for match in _WORD.finditer(text):
        word = match.group()
        pieces = [word] if cell_len(word.rstrip()) <= width else _PIECE.findall(word)
        for piece in pieces:
            if used and used + cell_len(piece.rstrip()) > width:
                offsets.append(start)
                used = 0
            for character in piece:
                size = cell_len(character)
                if used and used + size > width and not character.isspace():
                    offsets.append(start)
                    used = 0
                used += size
                start += 1
    return offsets
