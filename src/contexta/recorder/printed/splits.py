"""Keep the metrics of training apart from those of the same name that are printed for other data: ``DEV : loss 0.3``.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, Mapping, Tuple

_WORD = r"train(?:ing)?|dev|val(?:id(?:ation|ate)?)?|test(?:ing)?|eval(?:uation|uate)?|holdout"
_MARK = re.compile(
    rf"\[(?P<a>{_WORD})\](?![\w=])|(?<![\w./=-])(?P<b>{_WORD})\s?:(?=\s)(?!\s*[-+.]?[0-9])"
    rf"|(?:^\s{{0,20}}|[|,;-]\s)(?P<c>{_WORD})(?=\s+[A-Za-z]\w*[:=]\s)",
    re.IGNORECASE,
)
"""``[valid]``, ``DEV :``; also ``val`` before the first name in ``val Loss: 0.5 Acc: 0.9``."""
_BEGIN = re.compile(rf"\s*(?P<split>{_WORD})\w*(?: begin| start)?\s?(?:\.\.\.|…)\s*\Z", re.IGNORECASE)
_TRAINING = ("train", "training", "")
_MOST = 2_000  # names that are remembered


def parts(text: str) -> "Iterator[Tuple[str, str]]":
    """(split of the data, text about it); the split is empty before a line names one."""
    start, split = 0, ""
    for match in _MARK.finditer(text):
        end = match.start("c") if match["c"] else match.end()
        yield split, text[start : match.start()]
        start, split = end, next(filter(None, match.groups()))
    yield split, text[start:]


class Splits:
    """The data of which each metric was printed first; its values for other data get another name."""

    def __init__(self) -> None:
        self._owners: "Dict[str, str]" = {}
        self.begun = ""
        """The data of the bars that follow; empty for training."""

    def see(self, text: str) -> None:
        """A line without metrics, which may begin the evaluation: ``Eval begin...``."""
        match = _BEGIN.match(text)
        if match is not None:
            self.begun = match["split"]
        elif "poch" in text:
            self.begun = ""

    def renamed(
        self, values: "Mapping[str, float]", named: "Mapping[str, str]", *, is_step_bar: bool = False
    ) -> "Dict[str, float]":
        """The metrics of a line, with other names for those that were printed for other data before.

        named: name of a metric -> the data that the line names. is_step_bar: the line is a bar of the data begun above.
        """
        renamed = {}
        for key, value in values.items():
            split = named.get(key, self.begun if is_step_bar else "")
            kind = "" if split.lower() in _TRAINING else split.lower()[:3]
            if key not in self._owners and len(self._owners) < _MOST:
                self._owners[key] = kind
            is_same = not split or self._owners.get(key, kind) == kind
            renamed[key if is_same else f"{split} {key}"] = value
        return renamed
