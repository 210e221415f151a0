"""Learning curves: choose runs and metrics, and reduce their points to charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from contexta.client.reading.workspace import Workspace, with_names
from contexta.core.errors import Ambiguous, InvalidInput, InvalidReference, NotFound, shown
from contexta.core.references import StableRef

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from contexta.analysis.metrics.curves import Reduced
    from contexta.findings.metrics import Axis, Chart, Curve, LearningCurves, RecordedSeries, SeriesKey
    from contexta.store.read.extremes import Bucket, Position

COLUMNS = 240  # of a chart: a screen shows no more
_MOST_RUNS = 26  # a terminal tells the curves of a chart apart by a letter
_MOST_CHARTS = 60
_AXES = ("step", "time", "epoch")


class _Run(NamedTuple):
    """A run to draw."""

    key: int
    ref: StableRef
    name: str
    """The name that it was given last."""
    started_at: int
    """Microseconds since 1970."""
    series: dict[SeriesKey, RecordedSeries]
    names: tuple[str, ...]
    """The texts that name the run exactly."""

    def label(self, *, with_project: bool) -> str:
        return f"{self.ref.project.value}.{self.name}" if with_project else self.name


class _Scale(NamedTuple):
    """How charts are drawn."""

    axis: Axis
    is_log: bool
    smoothing: float
    columns: int


def plot(
    workspace: Workspace,
    *words: str,
    metrics: Sequence[str] = (),
    x: Axis = "step",
    log: bool = False,
    smooth: float = 0.0,
    columns: int = COLUMNS,
) -> LearningCurves:
    """The learning curves of runs: one chart for each metric, with all runs in it.

    words: runs and names of metrics. The exact name of a run is a run; else the name of a recorded metric is a metric;
    else the word is the unique prefix of a run. Without a run: the latest one. metrics: more names of metrics. Without
    any: every metric with more than one point, those with a known direction first.

    x: ``step``, ``time`` since the start of the run, or ``epoch`` by the metric ``epoch`` of the run. log: logarithmic
    values. smooth: the weight of the past in a moving average, at least 0 and below 1. columns: of a chart; a long
    curve keeps its lowest and its highest point in each. Reads every point of the series.
    Raises NotFound, Ambiguous for a word that is a run and a metric, InvalidInput.
    """
    from contexta.analysis.metrics.curves import default_metrics

    _require_scale(x, smooth, columns)
    scale = _Scale(x, bool(log), float(smooth), columns)
    with workspace._reading() as connection:
        runs, names = _runs_and_metrics(workspace, connection, words)
        recorded = [series for run in runs for series in run.series.values()]
        names += [metrics] if isinstance(metrics, str) else metrics
        keys = [key for name in names for key in _metrics(name, runs, recorded)]
        keys = list(dict.fromkeys(keys)) or default_metrics(recorded, workspace._directions())
        return _charts(connection, runs, keys, scale)


def curves_of(workspace: Workspace, refs: Sequence[StableRef]) -> LearningCurves:
    """The learning curves for a page about these runs. A note replaces those of too many runs."""
    from contexta.analysis.metrics.curves import default_metrics
    from contexta.findings import LearningCurves

    refs = tuple(dict.fromkeys(refs))
    if len(refs) > _MOST_RUNS:
        note = f"curves are drawn for up to {_MOST_RUNS} runs; this page is about {len(refs)}"
        return LearningCurves(run_refs=refs, charts=(), completeness_notes=(note,))
    with workspace._reading() as connection:
        runs = [_run(workspace, connection, str(ref)) for ref in refs]
        recorded = [series for run in runs for series in run.series.values()]
        keys = default_metrics(recorded, workspace._directions())
        return _charts(connection, runs, keys, _Scale("step", False, 0.0, COLUMNS))


def _require_scale(x: object, smooth: object, columns: object) -> None:
    if x not in _AXES:
        raise InvalidInput(f"the axis {shown(x)} is unknown", hint="it is step, time or epoch")
    if not isinstance(smooth, (int, float)) or not 0 <= smooth < 1:
        raise InvalidInput(f"smooth {shown(smooth)} is not a weight", hint="give 0 or more and less than 1, as in 0.6")
    if type(columns) is not int or not 1 <= columns <= 10_000:
        raise InvalidInput(f"columns {shown(columns)} is not a number of columns", hint="give 1 to 10000")


# ---------------------------------------------------------------------------------------------- runs and metrics


def _runs_and_metrics(
    workspace: Workspace, connection: Connection, words: Sequence[str]
) -> tuple[list[_Run], list[str]]:
    """(runs, names of metrics) among the words; the latest run if the words name none."""
    from contexta.store.read.points import is_metric

    runs: dict[int, _Run] = {}
    names, unknown = [], []
    for word in words:
        if not isinstance(word, str):
            raise InvalidInput(f"{shown(word)} is not a text", hint='name each run on its own: ctx.plot("old", "new")')
        run, error = _run_named(workspace, connection, word)
        if is_metric(connection, word):
            if run is not None and word in run.names:
                hint = f"write {run.ref.value} for the run, or --metric {word} for the metric"
                raise Ambiguous(f"{shown(word)} is a run and a metric", hint=hint)
            names.append(word)
        elif run is not None:
            runs.setdefault(run.key, run)
        elif isinstance(error, NotFound):
            unknown.append((word, error))
        elif error is not None:
            raise error
    chosen = list(runs.values()) or [_run(workspace, connection, "@latest")]
    for word, error in unknown:
        raise _unknown_word(word, chosen, error)
    if len(chosen) > _MOST_RUNS:
        raise InvalidInput(f"{len(chosen)} runs do not fit into one chart", hint=f"name up to {_MOST_RUNS}")
    return chosen, names


def _run_named(
    workspace: Workspace, connection: Connection, word: str
) -> tuple[_Run | None, NotFound | Ambiguous | InvalidReference | None]:
    try:
        return _run(workspace, connection, word), None
    except (NotFound, Ambiguous, InvalidReference) as error:
        return None, error


def _run(workspace: Workspace, connection: Connection, selector: str) -> _Run:
    from contexta.store.read import points

    key, ref = workspace._find(connection, selector)
    names, started_at = points.names_and_start(connection, key)
    series = {item.key: item for item in points.series_of(connection, key)}
    is_relative = "@latest" in selector
    name = names[0] if len(names) > 1 else ref.name  # the given name
    return _Run(key, ref, name, started_at, series, (str(ref), ref.value, ref.name, *names, *[selector] * is_relative))


def _unknown_word(word: str, runs: Sequence[_Run], error: NotFound) -> NotFound:
    from contexta.analysis.metrics.curves import nearest_metric

    metric = nearest_metric(word, (series for run in runs for series in run.series.values()))
    hint = f"did you mean the metric {metric}?" if metric is not None else error.hint
    return NotFound(f"{shown(word)} is neither a run nor a metric", hint=hint)


def _metrics(name: str, runs: Sequence[_Run], recorded: Sequence[RecordedSeries]) -> list[SeriesKey]:
    from contexta.analysis.metrics.curves import metrics_named, nearest_metric

    keys = metrics_named(name, recorded)
    if keys:
        return keys
    runs_text = str(runs[0].ref) + (f" and {len(runs) - 1} more" if len(runs) > 1 else "")
    near = nearest_metric(name, recorded)
    hint = f"did you mean {near}?" if near is not None else f"`contexta show {runs[0].ref.value}` lists its metrics"
    raise NotFound(f"{runs_text}: no metric {shown(name)}", hint=hint)


# ---------------------------------------------------------------------------------------------- charts


def _charts(connection: Connection, runs: Sequence[_Run], keys: Sequence[SeriesKey], scale: _Scale) -> LearningCurves:
    from contexta.findings import LearningCurves

    notes: list[str] = []
    if len(keys) > _MOST_CHARTS:
        notes.append(f"the first {_MOST_CHARTS} of {len(keys)} metrics are drawn; name others to see them")
    charts = [_chart(connection, key, runs, scale, notes) for key in keys[:_MOST_CHARTS]]
    refs = tuple(run.ref for run in runs)
    curves = LearningCurves(run_refs=refs, charts=tuple(charts), completeness_notes=tuple(dict.fromkeys(notes)))
    return with_names(connection, curves, refs)


def _chart(connection: Connection, key: SeriesKey, runs: Sequence[_Run], scale: _Scale, notes: list[str]) -> Chart:
    """One metric of all runs that have it. Appends to the notes what the chart does not show."""
    from contexta.findings.metrics import Chart

    with_metric = [run for run in runs if key in run.series]
    label = with_metric[0].series[key].label
    notes += [f"{run.ref.value} has no {label}" for run in runs if key not in run.series]
    axes = [_axis(connection, run, key, scale) for run in with_metric]
    is_numbered = all(axis.is_numbered for axis in axes)
    if not is_numbered:
        without_steps = [run for run, axis in zip(with_metric, axes, strict=True) if axis.is_numbered]
        notes += [f"{label} of {run.ref.value} has no steps; its points are numbered" for run in without_steps]
    bounds = min(axis.bounds[0] for axis in axes), max(axis.bounds[1] for axis in axes)
    is_one_project = len({run.ref.project for run in runs}) == 1
    curves = [
        _curve(
            connection,
            run,
            run.label(with_project=not is_one_project),
            key,
            axis,
            bounds,
            scale,
            notes,
        )
        for run, axis in zip(with_metric, axes, strict=True)
    ]
    return Chart(
        metric=label,
        axis="point" if is_numbered else scale.axis,
        is_log=scale.is_log,
        smoothing=scale.smoothing,
        columns=scale.columns,
        curves=tuple(curves),
    )


def _curve(
    connection: Connection,
    run: _Run,
    name: str,
    key: SeriesKey,
    axis: _PlacedSeries,
    bounds: tuple[float, float],
    scale: _Scale,
    notes: list[str],
) -> Curve:
    from contexta.analysis.metrics import curves
    from contexta.findings.metrics import Curve

    series = run.series[key]
    reduced = _reduced(connection, series, axis, bounds, scale)
    notes += curves.curve_notes(series.label, name, reduced)
    return Curve(
        run_ref=run.ref,
        name=name,
        points=series.points,
        not_finite=reduced.not_finite,
        low=reduced.low,
        high=reduced.high,
        last=series.last,
        x=tuple(x for x, _ in reduced.points),
        y=tuple(value for _, value in reduced.points),
    )


def _reduced(
    connection: Connection, series: RecordedSeries, axis: _PlacedSeries, bounds: tuple[float, float], scale: _Scale
) -> Reduced:
    """The points of a curve that the chart shows: by the database for a long curve, else by reading every point."""
    from contexta.analysis.metrics import curves
    from contexta.store.read import extremes
    from contexta.store.read.points import points_of

    if axis.buckets is not None:
        width = (bounds[1] - bounds[0]) / scale.columns * (1e6 if axis.position == "observed_at" else 1)
        try:
            buckets = extremes.narrowed(connection, series, axis.position, axis.buckets, width)
            shown = [extremes.extremes_of(connection, series, bucket, is_log=scale.is_log) for bucket in buckets]
            return curves.reduced_buckets(shown, axis.place, bounds, scale.columns)
        except extremes.NoOrder:  # the steps of a run that was resumed again and again
            pass
    points = curves.placed(points_of(connection, series), axis.place)
    if scale.smoothing:
        points = curves.smoothed(points, scale.smoothing)
    return curves.reduced(points, series.points, bounds, scale.columns, is_log=scale.is_log)


class _PlacedSeries(NamedTuple):
    """The axis of one series."""

    place: Callable[[int, int | None, int], float]
    """(number of the point, step, microseconds since 1970) -> x"""
    bounds: tuple[float, float]
    is_numbered: bool = False
    """Whether the points lack steps, so that x is the number of a point."""
    position: Position = "step"
    buckets: list[Bucket] | None = None
    """Summaries of the points of a long series, by their position."""


def _axis(connection: Connection, run: _Run, key: SeriesKey, scale: _Scale) -> _PlacedSeries:
    """Raises InvalidInput for the axis of epochs in a run that recorded none."""
    from contexta.store.read import extremes
    from contexta.store.read.points import bounds_of

    if scale.axis == "epoch":
        return _epochs(connection, run, key)
    series = run.series[key]
    position: Position = "observed_at" if scale.axis == "time" else "step"
    buckets = None
    if scale.smoothing or series.points <= 2 * scale.columns:
        bounds = bounds_of(connection, series)
        positioned, span = bounds.with_step, bounds.steps
        if position == "observed_at":
            positioned, span = series.points, bounds.times
    else:
        buckets = extremes.buckets_of(connection, series, position, scale.columns)
        positioned, span = extremes.bounds_of_buckets(buckets)
    if span is None or positioned < series.points:
        if buckets is not None:
            buckets = [replace(bucket, start=bucket.first, end=bucket.stop - 1) for bucket in buckets]
        return _PlacedSeries(
            lambda number, _, __: number, (0, series.points - 1), is_numbered=True, position=position, buckets=buckets
        )
    if position == "observed_at":
        first, last = ((moment - run.started_at) / 1e6 for moment in span)
        return _PlacedSeries(
            lambda _, __, at: (at - run.started_at) / 1e6, (first, last), position=position, buckets=buckets
        )
    return _PlacedSeries(
        lambda number, step, __: number if step is None else step, span, position=position, buckets=buckets
    )


def _epochs(connection: Connection, run: _Run, key: SeriesKey) -> _PlacedSeries:
    """The axis by the metric ``epoch`` of the same stage, or of another one."""
    from contexta.analysis.metrics.curves import Epochs
    from contexta.store.read.points import points_of

    candidates = sorted(
        (series for series in run.series.values() if series.key[1].rpartition("/")[2] == "epoch"),
        key=lambda series: series.key[0] != key[0],
    )
    epochs = Epochs(points_of(connection, candidates[0])) if candidates else None
    if epochs is None or epochs.bounds is None:
        hint = "log a metric epoch, or choose the axis step or time"
        raise InvalidInput(f"the epochs of {run.ref.value} are unknown: it has no metric epoch", hint=hint)
    return _PlacedSeries(lambda _, step, at: epochs.at(step, at), epochs.bounds)
