"""Numbers, moments and durations as every face writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal


def amount(value: int | float | None) -> str:
    """A number short enough for a column; a dash for none."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**12 else f"{Decimal(value):.5E}"
    return f"{value:.6g}"


def signed(delta: int | float | None) -> str:
    if delta is None:
        return ""
    if isinstance(delta, int):
        return f"{delta:+d}" if abs(delta) < 10**12 else f"{Decimal(delta):+.3E}"
    return f"{delta:+.4f}" if 1e-3 <= abs(delta) < 1e9 else f"{delta:+.3g}"


def moment(text: str | None) -> str:
    """A timestamp to the second, in UTC."""
    return (text or "")[:19].replace("T", " ")


def span(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 24 else f"{hours // 24}d {hours % 24}h"


def some_names(names: Sequence[str], limit: int = 20) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def finite(value: int | float | None) -> float | None:
    """The value as a drawing may have it; None for what has no height."""
    try:
        return float(value) if value is not None and math.isfinite(value) else None
    except OverflowError:  # an integer beyond the range of floats
        return None


def printable(text: str) -> str:
    """A stored text as a screen may have it: control characters, and those that turn text around, written out; line
    breaks kept."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def size(given: int | None) -> str:
    """``12.3 MB``; empty when unknown."""
    if given is None:
        return ""
    amount = float(given)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
