"""Find the rank of a distributed job that printed a line, in the prefix that its launcher or the program writes.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

# isort: split
from contexta.recorder.printed import steps
from contexta.recorder.printed.printed_lines import without_colours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Match, Optional, Tuple

_LAUNCHER = re.compile(
    r"\s*\[(?:rank|default)\s?:?\s?(?P<a>[0-9]{1,6})\]:?\s?"  # torchrun --tee, torch.distributed: [default0]: [rank0]:
    r"|\[[0-9]{1,10},(?P<b>[0-9]{1,6})\]<(?:stdout|stderr|stddiag)>:\s?",  # mpirun --tag-output, horovodrun
    re.IGNORECASE,
)
_GLUED = re.compile(r"(?<=[^\s\[])(?=\[(?:rank|default)[0-9]{1,6}\]:|\[[0-9]{1,10},[0-9]{1,6}\]<std)")
_PROGRAM = re.compile(
    r"\s*(?:\[(?:global |local )?rank[ :=]{0,2}(?P<a>[0-9]{1,6})(?:/[0-9]+)?\]:?|\[GPU ?:?(?P<b>[0-9]{1,6})\]:?"
    r"|\((?:global |local )?rank[ :=]{0,2}(?P<c>[0-9]{1,6})(?:/[0-9]+)?\):?"
    r"|rank[ :=]{0,2}(?P<d>[0-9]{1,6})(?:/[0-9]+)?\s?(?:[:|,>]|-(?=\s)))\s*(?=[^\d\s])",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    r"[^=\[(]{0,80}?(?:\[[^\]=]{0,40}\][^=\[(]{0,40}?){0,2}"
    r"(?P<tag>(?:\[rank[ :=]{0,2}(?P<a>[0-9]{1,6})\]|\(rank[ :=]{0,2}(?P<b>[0-9]{1,6})\)):?)",
    re.IGNORECASE,
)  # behind a time and the name of a logger
_LABEL = re.compile(r" {0,5}(?P<rank>[0-9]{1,6}): (?=\S)")  # srun --label


class RankPrefixes:
    """The prefixes of ranks in the lines of one stream."""

    def __init__(self) -> None:
        self._is_labelled: "Optional[bool]" = None  # by srun, each line; None while it may be
        self._has_lines = False
        self._redrawn: "Optional[int]" = None  # the rank of the line of which the next piece is the rest

    def split(self, text: str, *, is_redrawn: bool = False) -> "Tuple[Optional[int], str]":
        """(the rank that printed a piece of output or None, the piece without the prefix)."""
        rank, rest = rank_of(text)
        if rank is None:
            rank, rest = self._label(text)
        if rank is None:
            rank = self._redrawn
        self._redrawn = rank if is_redrawn else None
        return rank, rest

    def _label(self, text: str) -> "Tuple[Optional[int], str]":
        """The number before a line is a rank if each line has one, and a line names its own step behind it."""
        if self._is_labelled is False or not text.strip() or text.startswith("srun: "):
            return None, text
        match = _LABEL.match(text)
        if match is None:
            if self._redrawn is None:
                self._is_labelled = False
            return None, text
        rest = text[match.end() :]
        if self._is_labelled is None and steps.step_of(rest) is not None:
            self._is_labelled = True
        return (int(match["rank"]), rest) if self._is_labelled else (None, text)


def glued_lines(text: str) -> "List[str]":
    """The lines in a text, each with the prefix of a launcher, if it lacks the line ends between them."""
    starts = [match.start() for match in _GLUED.finditer(text)]
    return [text[start:stop] for start, stop in zip([0, *starts], [*starts, len(text)])]


def rank_of(text: str) -> "Tuple[Optional[int], str]":
    """(the rank in the prefix of a line or None, the line without the prefix)."""
    plain = without_colours(text)
    for pattern in (_LAUNCHER, _PROGRAM):
        match = pattern.match(plain)
        if match is not None:
            return _number(match), plain[match.end() :]
    match = _INSIDE.match(plain)
    if match is None:
        return None, text
    return int(match["a"] or match["b"]), plain[: match.start("tag")] + plain[match.end("tag") :]


def _number(match: "Match[str]") -> int:
    return int(next(text for text in match.groups() if text is not None))
