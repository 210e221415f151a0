"""Find the recorded metric that a misspelled name probably means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_CLOSE = 0.75  # similarity of two names, 1 being equal, from which one is taken for a misspelling of the other


def like(name: str, known: Iterable[str], least: float = _CLOSE, most: int = 1) -> list[str]:
    """The known names nearest to a name, the nearest first.

    Case, ``-``, ``_``, ``.`` and spaces do not count, and neither does the stage before a slash.
    """
    names = list(dict.fromkeys(known))
    wanted = _plain(name)
    same = [each for each in names if _plain(each) == wanted]
    same += [each for each in names if each not in same and _key(each) == _key(name)]
    ratios = {each: _similarity(name, each) for each in names if each not in same}
    close = sorted((each for each in ratios if ratios[each] >= least), key=lambda each: -ratios[each])
    return [*same, *close][:most]


def listed(names: Sequence[str], most: int = 20) -> str:
    """All names, or the first of many with how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _similarity(one: str, other: str) -> float:
    pairs = ((_plain(one), _plain(other)), (_key(one), _key(other)))
    return max(difflib.SequenceMatcher(None, left, right).ratio() for left, right in pairs)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum() or character == "/")


def _key(name: str) -> str:
    return _plain(name).rpartition("/")[2]
