"""Places for the curves of a page, which a script draws when they come into view, and the switches of their axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from xml.etree.ElementTree import Element

from contexta.findings import RunDetails
from contexta.findings.metrics import Axis
from contexta.reports.pages.common import metric_name
from contexta.ui.frame.elements import Child, element
from contexta.ui.frame.layout import address

MOST_RUNS = 10
"""Runs that a page compares."""
Parameters = list[tuple[str, str]]
XAxis = Literal["step", "relative", "time"]
_AXES: tuple[tuple[XAxis, str], ...] = (
    ("step", "steps"),
    ("relative", "time since the start"),
    ("time", "time in UTC"),
)
_VALUES = ("linear", False), ("log", True)
_LINES = ("line", False), ("band", True)
_WEIGHTS = ("", "0.6", "0.9", "0.97")


@dataclass(frozen=True)
class ChartScale:
    """The state of the curves of a page, which is in its address."""

    x: XAxis = "step"
    """``relative``: since the start of the run. ``time``: UTC."""
    is_log: bool = False
    smooth: str = ""
    """The weight of the past in the moving average; empty for none."""
    has_band: bool = False
    """Whether the recorded values are a band from the lowest to the highest."""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> ChartScale:
        x, smooth = parameters.get("x", ""), parameters.get("smooth", "")
        return cls(
            "relative" if x == "relative" else "time" if x == "time" else "step",
            parameters.get("log") == "1",
            smooth if _is_weight(smooth) else "",
            parameters.get("band") == "1",
        )

    @property
    def axis(self) -> Axis:
        """The axis of the points, which the server computes; that of UTC is the one since the start, moved."""
        return "step" if self.x == "step" else "time"

    @property
    def weight(self) -> float:
        return float(self.smooth) if self.smooth else 0.0

    def parameters(self) -> Parameters:
        """Without those of a default."""
        x = "" if self.x == "step" else self.x
        switches = ("log", "1" if self.is_log else ""), ("band", "1" if self.has_band else "")
        return [pair for pair in (("x", x), switches[0], ("smooth", self.smooth), switches[1]) if pair[1]]


def _is_weight(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


def scale_switches(path: str, state: Parameters, scale: ChartScale) -> Element:
    """Links that change how the curves of a page are drawn. state: the other parameters of the page."""

    def link(name: str, value: str, text: str, changed: ChartScale, label: str | None = None) -> Element:
        href = address(path, [*state, *changed.parameters()])
        current = "true" if changed == scale else None
        return element("a", text, href=href, aria_current=current, aria_label=label, data_set=f"{name}={value}")

    axes = [link("x", "" if x == "step" else x, x, replace(scale, x=x), f"{x}: {title}") for x, title in _AXES]
    values = [link("log", "1" if is_log else "", text, replace(scale, is_log=is_log)) for text, is_log in _VALUES]
    weights = [
        link("smooth", weight, weight or "none", replace(scale, smooth=weight), f"smoothing: {weight or 'none'}")
        for weight in _WEIGHTS
    ]
    lines = [
        link("band", "1" if has_band else "", text, replace(scale, has_band=has_band)) for text, has_band in _LINES
    ]
    groups = (("", axes), ("", values), ("smooth ", weights), ("", lines))
    parts: list[Child] = []
    for title, links in groups:
        parts.append(element("span", title, element("span", *links, class_="segmented")))
    return element("div", *parts, class_="scale", role="group", aria_label="How the curves are drawn")


def curve_figure(
    references: Sequence[str], metric: str, summary: Child = None, *, is_open: bool = False, level: str = "h3"
) -> Element:
    """The place of one metric of runs. Without a script it has a link to a drawing.

    summary: beside its name. is_open: whether the curve may still grow. level: the tag of its title.
    """
    parameters = [*(("run", reference) for reference in references), ("metric", metric)]
    head = element("figcaption", element(level, metric), summary)
    titles = [
        element("th", title, scope="col", class_=None if title == "Run" else "number")
        for title in ("Run", "Points", "Lowest", "Highest", "Last")
    ]
    table = element("table", element("thead", element("tr", *titles)), element("tbody"))
    box = element("div", table, class_="wide", role="region", tabindex="0", aria_label=f"The numbers of {metric}")
    drawing = element("a", f"Draw {metric}", href=address("/curves", parameters))
    return element(
        "figure",
        head,
        element("output", class_="readout", aria_hidden="true"),
        element("div", class_="plot", role="img", tabindex="0", aria_label=metric),
        element("span", class_="unseen", aria_live="polite"),
        element("noscript", element("p", drawing)),
        element("details", element("summary", "The numbers"), box),
        class_="curve-figure",
        data_curves=address("/curves.json", parameters),
        data_runs=str(len(references)),
        data_open="yes" if is_open else None,
    )


def points_of_metrics(run: RunDetails) -> Iterable[tuple[str, int]]:
    """(name, number of points) of each metric."""
    for stage in run.stages:
        for metric in stage.metrics:
            yield metric_name(stage.stage_name, metric.metric_key, metric.slice_ref), metric.points


def chart_scripts() -> list[Element]:
    """The scripts that draw the curves of a page; included once in each page with curves."""
    return [
        element("link", rel="stylesheet", href="/static/uplot.css"),
        element("script", src="/static/uplot.js", defer=True),
        element("script", src="/static/charts.js", type="module"),
    ]


__all__ = [
    "MOST_RUNS",
    "ChartScale",
    "Parameters",
    "chart_scripts",
    "curve_figure",
    "points_of_metrics",
    "scale_switches",
]
