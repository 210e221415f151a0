"""Regular expressions that are compiled at their first use, so that most processes compile few of them."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, List, Match, Optional


class Pattern:
    """A regular expression with the methods ``match``, ``search``, ``finditer``, ``findall`` and ``split``."""

    if TYPE_CHECKING:
        match: Callable[..., Optional[Match[str]]]
        search: Callable[..., Optional[Match[str]]]
        finditer: Callable[..., Iterator[Match[str]]]
        findall: Callable[..., List[Any]]
        split: Callable[..., List[Any]]

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern = pattern
        self.flags = flags

    def __getattr__(self, name: str) -> Any:
        if name not in ("match", "search", "finditer", "findall", "split"):
            raise AttributeError(name)
        compiled = re.compile(self.pattern, self.flags)
        for method in ("match", "search", "finditer", "findall", "split"):
            setattr(self, method, getattr(compiled, method))
        return getattr(self, name)
