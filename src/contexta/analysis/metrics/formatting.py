"""Format numbers and lists for sentences."""

from __future__ import annotations

from collections.abc import Sequence


def some(items: Sequence[str], limit: int = 5) -> str:
    """The first ``limit`` items, and how many more there are."""
    rest = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + rest


def amount(value: float) -> str:
    """A number with six significant digits."""
    return f"{value:.6g}"


def percent(share: float, digits: int = 0, *, signed: bool = False) -> str:
    """A share of 1 as a percentage: ``10.9 %``, or ``+10.9 %`` when signed."""
    return f"{100 * share:{'+' if signed else ''}.{digits}f} %"
