"""The axes of charts: their ranges, their ticks, and the positions of values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from contexta.findings.metrics import Chart
from contexta.reports.document.formatting import span

_POWERS = (-307, 307)  # the powers of ten that floats count with enough precision
_DAYS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_SECONDS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200),
    *(86400 * days for days in _DAYS),
)


@dataclass(frozen=True)
class AxisScale:
    """One axis of a chart."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    """(share of the axis, label), ascending."""
    is_log: bool = False

    def share(self, value: float) -> float:
        """The position of a value: 0 at the start of the axis, 1 at its end. A value on a logarithmic axis is above
        0."""
        position = math.log10(value) if self.is_log else value
        return (position / 2 - self.low / 2) / (self.high / 2 - self.low / 2)  # halves: the range may overflow


def chart_title(chart: Chart) -> str:
    """``loss over steps, logarithmic``"""
    words = [f"over {chart.axis}s" if chart.axis != "time" else "over time"]
    words += ["logarithmic"] if chart.is_log else []
    words += [f"moving average, weight {chart.smoothing:g}"] if chart.smoothing else []
    return f"{chart.metric} {', '.join(words)}"


def scales(chart: Chart) -> tuple[AxisScale, AxisScale] | None:
    """The horizontal and the vertical axis of a chart; None if no point can be drawn."""
    points = [(x, y) for curve in chart.curves for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(y)]
    if not points:
        return None
    values = [y for _, y in points]
    every_x = [x for curve in chart.curves for x in curve.x]
    vertical = _log_scale(min(values), max(values)) if chart.is_log else _linear_scale(min(values), max(values))
    return _x_scale(min(every_x), max(every_x), is_time=chart.axis == "time"), vertical


def stretches(xs: Sequence[float], ys: Sequence[float]) -> Iterator[list[tuple[float, float]]]:
    """The points between gaps."""
    part: list[tuple[float, float]] = []
    for x, y in zip(xs, ys, strict=True):
        if math.isfinite(y):
            part.append((x, y))
        elif part:
            yield part
            part = []
    if part:
        yield part


def nice_ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers that enclose [low, high]."""
    low, high = _wide(low, high)
    raw = high / 4 - low / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10, 20) if unit * factor >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = [number * step for number in range(first, last + 1)]
    return ticks if all(map(math.isfinite, ticks)) and ticks[0] < ticks[-1] else [low, high]


def _wide(low: float, high: float) -> tuple[float, float]:
    """The range, widened around a single value within the range of floats."""
    if high / 2 - low / 2 > 1e-300:
        return low, high
    if abs(high) > 1e300:
        return (high / 2, high) if high > 0 else (high, high / 2)
    room = abs(high) * 0.05 if abs(high) > 1e-290 else 1.0
    return low - room, high + room


def _linear_scale(low: float, high: float) -> AxisScale:
    """From the lowest to the highest value, with round ticks between them."""
    bottom, top = _wide(low, high)
    ticks = nice_ticks(bottom, top)
    if sum(bottom <= tick <= top for tick in ticks) < 3 and math.isfinite(ticks[-1] - ticks[0]):
        middles = [low_tick / 2 + high_tick / 2 for low_tick, high_tick in pairwise(ticks)]
        ticks = sorted([*ticks, *middles])
    scale = AxisScale(bottom, top, ())
    labels = ((scale.share(tick), _tick_label(tick, ticks[1] - ticks[0])) for tick in ticks if bottom <= tick <= top)
    return AxisScale(bottom, top, tuple(labels))


def _log_scale(low: float, high: float) -> AxisScale:
    """From the power of ten below the values to that above them, or between 1, 2 and 5 of a narrow range."""
    factors = (1, 2, 5) if math.log10(high) - math.log10(low) < 2 else (1,)
    powers = range(max(math.floor(math.log10(low)), _POWERS[0]), min(math.ceil(math.log10(high)), _POWERS[1]) + 1)
    every = max(1, len(powers) // 6)
    ticks = [factor * 10.0**power for power in powers if power % every == 0 for factor in factors]
    first = max((tick for tick in ticks if tick <= low), default=low)
    last = min((tick for tick in ticks if tick >= high), default=high)
    bottom, top = math.log10(first), math.log10(last)
    if top <= bottom:
        bottom, top = bottom - 0.5, top + 0.5
    scale = AxisScale(bottom, top, (), is_log=True)
    labels = ((scale.share(tick), f"{tick:.6g}") for tick in ticks if first <= tick <= last)
    return AxisScale(bottom, top, tuple(labels), is_log=True)


def _x_scale(low: float, high: float, *, is_time: bool) -> AxisScale:
    """From the first to the last point, with round ticks between them."""
    if high <= low:
        label = _time_label(low) if is_time else f"{low:.12g}"
        return AxisScale(low - 1, low + 1, ((0.5, label),))
    ticks = _round_times(low, high) if is_time else nice_ticks(low, high)
    scale, width = AxisScale(low, high, ()), ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    labels = (
        (scale.share(tick), _time_label(tick) if is_time else _tick_label(tick, width))
        for tick in ticks
        if low <= tick <= high
    )
    return AxisScale(low, high, tuple(labels))


def _round_times(low: float, high: float) -> list[float]:
    """Multiples of a time that people count in; of any round number for less than two seconds."""
    rough = (high - low) / 4
    step = next((seconds for seconds in _SECONDS if seconds >= rough), None) if rough > 0.5 else None
    if step is None:
        return nice_ticks(low, high)
    return [float(step * number) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _tick_label(value: float, step: float) -> str:
    """A tick with as many decimals as the distance between ticks needs; all ticks of an axis have the same form."""
    if not 0 < step < math.inf:
        return f"{value:.3g}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if decimals > 5 or step >= 1e7:
        return f"{value:.3g}" if abs(value) > step / 2 else "0"
    decimals += round(step * 10**decimals, 6) % 1 > 0
    return f"{value:.{decimals}f}"


def _time_label(seconds: float) -> str:
    return f"{seconds:g}s" if abs(seconds) < 60 else span(seconds)
