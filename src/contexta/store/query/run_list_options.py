"""The options of a list of runs."""

from __future__ import annotations

from dataclasses import dataclass

from contexta.core.errors import InvalidInput, shown
from contexta.core.references import StableRef


@dataclass(frozen=True)
class RunListOptions:
    """The options of a list of runs. where, order_by: in the language of ``where``."""

    project: StableRef | None = None
    where: str | None = None
    order_by: str | None = None
    limit: int | None = None
    with_archived: bool = False

    def __post_init__(self) -> None:
        if self.limit is not None and not (type(self.limit) is int and 0 < self.limit < 2**31):
            raise InvalidInput(f"limit {shown(self.limit)} is no positive number", hint="give 1 or more")
