"""Draw a timeline: the metric, and below it a lane for each package, on one axis of runs.

A drawing has no view box: x is a share of its width and y is in pixels, so type and markers keep their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from contexta.findings.metrics import EnvironmentTimeline, Lane, LanePeriod, MetricLevel, TimelineRun
from contexta.reports.document.axes import nice_ticks
from contexta.reports.document.formatting import amount, finite, moment
from contexta.ui.frame.content import number
from contexta.ui.frame.elements import element
from contexta.ui.frame.layout import address, run_address

PLOT_HEIGHT, LANE_HEIGHT = 196, 27
NARROWEST = 900
"""The narrowest drawing, in pixels: below it the page scrolls. A text in a bar fits at this width."""
_TOP, _BOTTOM = 14, 10
_BAR = 20
_CHARACTER, _MARGIN = 7.4, 8
_MOST_DATES = 6


class _Axis:
    """Maps runs to shares of the width, in equal steps."""

    def __init__(self, runs: int) -> None:
        self.runs = max(runs, 1)

    def edge(self, place: int) -> str:
        return f"{100 * place / self.runs:.3f}%"

    def middle(self, place: int) -> str:
        return f"{100 * (place + 0.5) / self.runs:.3f}%"

    def pixels(self, start: int, stop: int) -> float:
        return NARROWEST * (stop - start) / self.runs


def metric_plot(timeline: EnvironmentTimeline) -> Element:
    """The value of each run, with the levels and the runs at which they change."""
    axis = _Axis(len(timeline.runs))
    values = [finite(run.value) for run in timeline.runs]
    present = [value for value in values if value is not None]
    label = f"{timeline.metric} of {len(timeline.runs)} runs in {len(timeline.levels)} levels, the oldest first"
    svg = element("svg", class_="timeline-plot", height=str(PLOT_HEIGHT), role="group", aria_label=label)
    if not present:
        svg.append(element("text", f"No run has a finite value of {timeline.metric}.", x="40%", y="90"))
        return svg
    ticks = nice_ticks(min(present), max(present))
    scale = _Heights(ticks[0], ticks[-1])
    for tick in ticks:
        y = f"{scale.y(tick):.1f}"
        svg.append(element("line", class_="grid", x1="0", x2="100%", y1=y, y2=y))
    for place, level in enumerate(timeline.levels):
        svg.extend(_level(level, _side(timeline, place), axis, scale))
    svg.extend(_change_lines(timeline, axis, PLOT_HEIGHT))
    sides = [
        _side(timeline, place) for place, level in enumerate(timeline.levels) for _ in range(level.start, level.stop)
    ]
    for place, (run, value) in enumerate(zip(timeline.runs, values, strict=True)):
        if value is not None:
            side = "" if place in timeline.outliers or place >= len(sides) else sides[place]
            svg.append(_point(run, value, axis.middle(place), scale.y(value), side))
        elif run.value is not None:
            svg.append(
                element(
                    "text",
                    "\N{MULTIPLICATION SIGN}",
                    x=axis.middle(place),
                    y=str(PLOT_HEIGHT - 2),
                    text_anchor="middle",
                )
            )
    return svg


def ticks_of(timeline: EnvironmentTimeline) -> Element:
    """The numbers of the vertical axis, for the column of names."""
    svg = element("svg", class_="ticks", height=str(PLOT_HEIGHT), aria_hidden="true")
    values = [value for run in timeline.runs if (value := finite(run.value)) is not None]
    ticks = nice_ticks(min(values), max(values)) if values else []
    scale = _Heights(ticks[0], ticks[-1]) if ticks else None
    for tick in ticks:
        if scale is not None:
            y = f"{scale.y(tick) + 4:.1f}"
            svg.append(element("text", number(float(amount(tick))), x="100%", y=y, text_anchor="end"))
    return svg


def _side(timeline: EnvironmentTimeline, level: int) -> str:
    """Of the level that began with the change to look at: new; of those before: old; of later ones: neither."""
    change = timeline.change
    return "old" if change is None or level < change else "new" if level == change else "later"


class _Heights:
    """Maps values to pixels."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._range = low, (high - low) or 1.0

    def y(self, value: float) -> float:
        return _TOP + (1 - (value - self._low) / self._range) * (PLOT_HEIGHT - _TOP - _BOTTOM)


def _level(level: MetricLevel, side: str, axis: _Axis, scale: _Heights) -> Iterator[Element]:
    width = f"{float(axis.edge(level.stop)[:-1]) - float(axis.edge(level.start)[:-1]):.3f}%"
    top, bottom = scale.y(level.mean + 2 * level.deviation), scale.y(level.mean - 2 * level.deviation)
    height = f"{max(bottom - top, 1):.1f}"
    yield element("rect", class_=f"band {side}", x=axis.edge(level.start), width=width, y=f"{top:.1f}", height=height)
    y = f"{scale.y(level.mean):.1f}"
    yield element("line", class_=f"mean {side}", x1=axis.edge(level.start), x2=axis.edge(level.stop), y1=y, y2=y)
    text = f"level {number(float(amount(level.mean)))}, {level.runs} run{'s' if level.runs != 1 else ''}"
    below = bottom + 16 if bottom + 20 < PLOT_HEIGHT else top - 6
    is_right = len(text) * _CHARACTER > axis.pixels(level.start, axis.runs)
    x, anchor = (axis.edge(level.stop), "end") if is_right else (axis.edge(level.start), "start")
    y, dx = f"{below:.1f}", "-4" if is_right else "9"
    yield element("text", text, class_=f"level-name {side}", x=x, y=y, dx=dx, text_anchor=anchor)


def _change_lines(timeline: EnvironmentTimeline, axis: _Axis, height: int) -> Iterator[Element]:
    for place, level in enumerate(timeline.levels[1:], 1):
        x = axis.edge(level.start)
        is_main = place == timeline.change
        yield element("line", class_="mark" if is_main else "mark earlier", x1=x, x2=x, y1="0", y2=str(height))
        if is_main and height == PLOT_HEIGHT:
            text = f"first {'bad ' if level.worse else ''}run: {timeline.runs[level.start].name}"
            is_right = 2 * level.start > axis.runs
            dx, anchor = ("-9", "end") if is_right else ("9", "start")
            yield element("text", text, class_="change-name", x=x, y="10", dx=dx, text_anchor=anchor)


def _point(run: TimelineRun, value: float, x: str, y: float, side: str) -> Element:
    title = element("title", f"{run.name}: {number(float(amount(value)))}, {moment(run.started_at)} UTC")
    if side == "new":
        diamond = element("path", class_="dot new", d="M0-6 6 0 0 6-6 0Z")
        shape = element("svg", diamond, x=x, y=f"{y:.1f}", class_="marker")
    else:
        shape = element("circle", class_=f"dot {side}".strip(), cx=x, cy=f"{y:.1f}", r="4.4")
    return element("a", title, shape, href=run_address(run.run_ref.value))


def lane(timeline: EnvironmentTimeline, item: Lane) -> Element:
    """The versions of one package as bars. A bar leads to the comparison of the runs on both sides of its start."""
    axis = _Axis(len(timeline.runs))
    svg = element("svg", class_="lane", height=str(LANE_HEIGHT), role="group", aria_label=f"Versions of {item.name}")
    for place, period in enumerate(item.periods):
        svg.append(_bar(timeline, item, place, period, axis))
    svg.extend(_change_lines(timeline, axis, LANE_HEIGHT))
    return svg


def _bar(timeline: EnvironmentTimeline, item: Lane, place: int, period: LanePeriod, axis: _Axis) -> Element:
    level = None if timeline.change is None else timeline.levels[timeline.change]
    is_new = level is not None and level.start in item.moved_at and level.start <= period.start < level.stop
    if not period.is_known:
        text, kind = "?", "unknown"
    elif period.version is None:
        text, kind = "absent", "absent"
    else:
        text, kind = period.version, "since" if is_new else "even" if place % 2 == 0 else "odd"
    x, top = axis.edge(period.start), str((LANE_HEIGHT - _BAR) // 2)
    width = f"{float(axis.edge(period.stop)[:-1]) - float(axis.edge(period.start)[:-1]):.3f}%"
    first, last_run = timeline.runs[period.start], timeline.runs[period.stop - 1]
    runs = first.name if first is last_run else f"{first.name} to {last_run.name}"
    href = run_address(first.run_ref.value)
    action = ""
    if place:
        before = timeline.runs[period.start - 1]
        href = address("/compare", [("run", before.run_ref.value), ("run", first.run_ref.value)])
        action = f". Compare {before.name} with {first.name}"
    words = f"{item.name} {'unknown' if text == '?' else text}: {runs}"
    link = element("a", element("title", words + action), href=href)
    link.append(element("rect", class_=f"bar-{kind}", x=x, width=width, y=top, height=str(_BAR), rx="2"))
    if len(text) * _CHARACTER + _MARGIN <= axis.pixels(period.start, period.stop):
        link.append(element("text", text, x=x, y=str(LANE_HEIGHT // 2 + 5), dx="6", class_=f"version {kind}"))
    return link


def dates(timeline: EnvironmentTimeline) -> Element:
    """The dates of some runs below the lanes."""
    svg = element("svg", class_="lane", height="18", aria_hidden="true")
    axis, count = _Axis(len(timeline.runs)), len(timeline.runs)
    shown = min(count, _MOST_DATES)
    places = sorted({round(place * (count - 1) / max(shown - 1, 1)) for place in range(shown)})
    for place in places:
        anchor = "start" if place == 0 else "end" if place == count - 1 else "middle"
        x = axis.edge(0) if place == 0 else "100%" if place == count - 1 else axis.middle(place)
        svg.append(element("text", timeline.runs[place].started_at[:10], x=x, y="13", text_anchor=anchor))
    return svg


__all__ = ["dates", "lane", "metric_plot", "ticks_of"]
