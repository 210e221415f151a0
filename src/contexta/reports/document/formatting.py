"""Numbers, times, durations and names as text."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal

_DIGEST = re.compile(r"\A((?:[a-z0-9-]+[:=])?)([0-9a-f]{12})[0-9a-f]{52}\Z")
_TICKS = "▁▂▃▄▅▆▇█"


def amount(value: int | float | None) -> str:
    """A number with at most six significant digits; a dash for None."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value) if abs(value) < 10**12 else f"{Decimal(value):.5E}"
    return f"{value:.6g}"


def signed(delta: int | float | None) -> str:
    """A difference with its sign; empty for None."""
    if delta is None:
        return ""
    if isinstance(delta, int):
        return f"{delta:+d}" if abs(delta) < 10**12 else f"{Decimal(delta):+.3E}"
    return f"{delta:+.4f}" if 1e-3 <= abs(delta) < 1e9 else f"{delta:+.3g}"


def moment(text: str | None) -> str:
    """A timestamp to the second, in UTC."""
    return (text or "")[:19].replace("T", " ")


def span(seconds: float | None) -> str:
    """A duration in its two largest units; empty for None."""
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
    """The first ``limit`` names and the number of the others."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def count(number: int, noun: str, plural: str = "") -> str:
    """``2 runs``"""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def finite(value: int | float | None) -> float | None:
    """The value as a float; None for infinities, NaN and integers beyond the range of floats."""
    try:
        return float(value) if value is not None and math.isfinite(value) else None
    except OverflowError:
        return None


def printable(text: str) -> str:
    """The text with control and bidirectional characters escaped; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def size(number_of_bytes: int | None) -> str:
    """``12.3 MB``; empty for None."""
    if number_of_bytes is None:
        return ""
    value = float(number_of_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def shortened(text: str, limit: int) -> str:
    """The first ``limit`` characters of a text, and how many it has."""
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def shortened_middle(text: str, width: int) -> str:
    """A text of at most ``width`` characters: ``resnet50-ima…-seed42``."""
    if len(text) <= width:
        return text
    start = width // 2
    return text[:start] + "…" + text[len(text) - (width - 1 - start) :]


def short_digest(value: str) -> str:
    """The first 12 digits of a SHA-256 digest, with its prefix; any other text as it is."""
    return _DIGEST.sub(r"\1\2", value)


def sparkline(values: Sequence[int | float | None]) -> str:
    """One character per value, in eight heights; a dot for a value that is not finite."""
    heights = [finite(value) for value in values]
    finite_heights = [height for height in heights if height is not None]
    low, high = min(finite_heights, default=0.0), max(finite_heights, default=0.0)

    def tick(height: float | None) -> str:
        if height is None:
            return "·"
        if high == low:
            return _TICKS[3]
        return _TICKS[min(int((height / 2 - low / 2) / (high / 2 - low / 2) * 8), 7)]  # halves: the range may overflow

    return "".join(map(tick, heights))
