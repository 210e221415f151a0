"""How findings say things."""

from __future__ import annotations

from collections.abc import Sequence


def some(items: Sequence[str], limit: int = 5) -> str:
    """The first of them, and how many more there are."""
    rest = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + rest


def amount(value: float) -> str:
    """A number as a sentence has it."""
    return f"{value:.6g}"
