"""Load runs as findings: with their stages, the last values of their metrics, and their parameters.

All values were validated before they were stored, so the findings are built without validation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from contexta.contract.environment import Note
from contexta.contract.fields import FrozenDict, frozen
from contexta.core.errors import DamagedData
from contexta.core.model import trusted
from contexta.core.references import StableRef
from contexta.core.validation import from_microseconds
from contexta.findings import RUN_LEVEL, MetricValue, RunDetails, RunSummary, StageSummary
from contexta.findings.runs import PRINTED
from contexta.findings.snapshots import SnapshotRecord
from contexta.store.entities import artifacts, environments, nested_runs, shared_facts
from contexta.store.entities.query_index import current_tags
from contexta.store.entities.series import decode_number
from contexta.store.schema import tables
from contexta.store.schema.statements import Query, Rows, fetch_together, marks

if TYPE_CHECKING:
    from sqlalchemy import Connection

_RUNS_AT_ONCE = 1_000

_Metrics = dict[tuple[int, int | None], tuple[MetricValue, ...]]  # by run and stage


def summary(connection: Connection, run_id: int) -> RunSummary:
    """A run with the last values of its metrics. Raises NoResultFound for a key that is not stored."""
    return summaries(connection, [run_id])[0]


def summaries(connection: Connection, run_ids: Sequence[int]) -> list[RunSummary]:
    """Several runs, in the order of the keys."""
    runs: dict[int, RunSummary] = {}
    for some in _slices(run_ids):
        for run_id, fields in _summary_fields(some, *fetch_together(connection, *_summary_queries(some))).items():
            runs[run_id] = trusted(RunSummary)(fields)
    return [runs[run_id] for run_id in run_ids]


def details(connection: Connection, run_id: int, most_events: int = 0) -> RunDetails:
    """Everything about a run except the body of its environment and its points. most_events: of its last events."""
    more = [(statement, (run_id,)) for statement in (environments.OF_RUN, artifacts.OF_RUN, _NOTES, _OTHER_RECORDS)]
    related: Query = (nested_runs.RELATED, (run_id, run_id))
    *own, environment, files, notes, has_others, edges = fetch_together(
        connection, *_summary_queries([run_id]), *more, related
    )
    fields = _summary_fields([run_id], *own)[run_id]
    events, event_count = _events(connection, run_id, most_events) if has_others and most_events else ((), 0)
    around, below = nested_runs.around_and_below(edges, fields["run_ref"])
    return RunDetails.model_construct(
        **fields,
        part_of=around,
        parts=below,
        environment=environments.summary_in(environment),
        artifacts=artifacts.of_rows(files),
        notes=tuple(Note.model_construct(topic=topic, text=text) for topic, text in notes),
        events=events,
        event_count=event_count,
    )


def _events(connection: Connection, run_id: int, limit: int) -> tuple[tuple[SnapshotRecord, ...], int]:
    from contexta.store.read import snapshot_records  # most runs have none

    return snapshot_records.events(connection, run_id, limit)


def _summary_queries(run_ids: Sequence[int]) -> list[Query]:
    """The queries for summaries, in the order of the arguments of ``_summary_fields``."""
    return [(statement.format(marks(run_ids)), run_ids) for statement in (_RUNS, _PARAMS, _STAGES, _SERIES)]


def _summary_fields(
    run_ids: Sequence[int], rows: Rows, param_rows: Rows, stage_rows: Rows, series_rows: Rows
) -> dict[int, dict[str, Any]]:
    """Key of a run -> the fields of its summary."""
    params = _params_of(run_ids, param_rows)
    values = _values({text for row in rows for text in row[12:18] if text is not None})
    metadata = {texts: _metadata(values, texts) for texts in {row[14:] for row in rows}}
    printed = {row[0]: frozenset(metadata[row[14:]].get(PRINTED, ())) for row in rows}
    stages = _stages_of(run_ids, stage_rows, series_rows, printed)
    fields = {}
    for run_id, ref, recorded_name, status, started, ended, content_digest, description, *annotated in rows:
        name, note, archived, pinned, changed_tags, tags, *texts = annotated
        fields[run_id] = {
            "run_ref": str.__new__(StableRef, ref),  # validated when it was stored
            "project_ref": str.__new__(StableRef, f"project:{ref[len('run:') : ref.index('.')]}"),
            "name": recorded_name if name is None else name,
            "recorded_name": None if name is None else recorded_name,
            "note": note,
            "archived": bool(archived),
            "pinned": bool(pinned),
            "status": status,
            "started_at": from_microseconds(started),
            "ended_at": None if ended is None else from_microseconds(ended),
            "description": description,
            "tags": FrozenDict(current_tags(values[tags], changed_tags and values[changed_tags])),
            "metadata": metadata[tuple(texts)],
            "stages": stages[run_id],
            "params": params[run_id],
            "content_digest": None if status == "open" else content_digest,
        }
    if len(fields) < len(set(run_ids)):
        from sqlalchemy.exc import NoResultFound

        raise NoResultFound(f"no run has one of the keys {sorted(set(run_ids) - set(fields))}")
    return fields


def _metadata(values: Mapping[str, Any], columns: tuple[Any, ...]) -> FrozenDict:
    """The metadata of a run with its shared facts. columns: the last ones of ``_RUNS``. values: by their texts."""
    metadata = dict(values[columns[0]])
    for name, text, key in zip(shared_facts.SHARED, columns[1:4], columns[4:], strict=True):
        if key is not None:
            metadata[name] = values[shared_facts.present(name, text)]
    return FrozenDict(sorted(metadata.items()))


_RUNS = """
SELECT run.id, ref, run.name, status, started_at, ended_at, run.content_digest, description,
annotation.name, annotation.note, archived, pinned, annotation.tags, run.tags,
metadata, command.body, invocation.body, source.body, command_id, invocation_id, source_id
FROM run LEFT JOIN annotation ON annotation.run_id = run.id
LEFT JOIN shared_fact AS command ON command.id = command_id
LEFT JOIN shared_fact AS invocation ON invocation.id = invocation_id
LEFT JOIN shared_fact AS source ON source.id = source_id WHERE run.id IN ({})
"""
_OTHER_RECORDS = "SELECT 1 FROM record WHERE run_id = ? AND form_id IS NULL LIMIT 1"
_NOTES = "SELECT topic, text FROM note WHERE run_id = ? ORDER BY id"


# ---------------------------------------------------------------------------------------------- stages and metrics


def _stages_of(
    run_ids: Sequence[int], stage_rows: Rows, series_rows: Rows, printed: Mapping[int, frozenset[str]]
) -> dict[int, tuple[StageSummary, ...]]:
    """The stages of several runs, in order, each with the last values of its metrics; those of the run itself first.

    printed: by run, the metrics that were read from its output.
    """
    stages: dict[int, Rows] = {run_id: [] for run_id in run_ids}
    for row in stage_rows:
        stages[row[0]].append(row)
    metrics = {
        stage: tuple(_metric_values(same, printed.get(stage[0], frozenset())))
        for stage, same in groupby(series_rows, itemgetter(0, 1))
    }
    return {run_id: tuple(_stage_summaries(run_id, stages[run_id], metrics)) for run_id in run_ids}


def _metric_values(series_rows: Iterable[Sequence[Any]], printed: frozenset[str]) -> Iterable[MetricValue]:
    """The last values of the series of one stage. printed: the metrics that were read from the output of the run."""
    metric_value = trusted(MetricValue)
    for _, _, key, slice_ref, points, step, at, value, exact in series_rows:
        yield metric_value(
            {
                "metric_key": key,
                "value": value if exact is None and value is not None else decode_number(value, exact),
                "step": step,
                "observed_at": from_microseconds(at),
                "slice_ref": slice_ref or None,
                "points": points,
                "origin": "output" if key in printed else None,
            }
        )


_STAGES = """
SELECT run_id, id, stage_name, status, started_at, ended_at FROM stage WHERE run_id IN ({})
ORDER BY order_index IS NULL, order_index, started_at, id
"""
_SERIES = """
SELECT run_id, stage_id, metric_key, slice_ref, points, last_step, last_at, last_value, last_exact FROM metric_series
WHERE run_id IN ({}) AND points > 0 ORDER BY run_id, coalesce(stage_id, 0), metric_key, slice_ref
"""


def _stage_summaries(run_id: int, rows: Rows, metrics: _Metrics) -> Iterable[StageSummary]:
    stage_summary, own = trusted(StageSummary), metrics.get((run_id, None))
    if own:
        yield stage_summary(
            {"stage_name": RUN_LEVEL, "status": None, "started_at": None, "ended_at": None, "metrics": own}
        )
    for _, stage_id, name, status, started, ended in rows:
        yield stage_summary(
            {
                "stage_name": name,
                "status": status,
                "started_at": from_microseconds(started),
                "ended_at": None if ended is None else from_microseconds(ended),
                "metrics": metrics.get((run_id, stage_id), ()),
            }
        )


# ---------------------------------------------------------------------------------------------- parameters


def _params_of(run_ids: Sequence[int], rows: Rows) -> dict[int, FrozenDict]:
    values = _values({text for _, _, text in rows})
    params: dict[int, dict[str, Any]] = {run_id: {} for run_id in run_ids}
    for run_id, name, text in rows:
        params[run_id][name] = values[text]
    return {run_id: FrozenDict(of_run) for run_id, of_run in params.items()}


_PARAMS = "SELECT run_id, name, value FROM param WHERE run_id IN ({}) ORDER BY run_id, name"


def _values(texts: Iterable[str]) -> dict[str, Any]:
    """Text of canonical JSON -> its value. All texts are parsed as one, which is many times faster."""
    ordered = list(texts)
    try:
        return dict(zip(ordered, map(frozen, tables.decode_json(f"[{','.join(ordered)}]")), strict=True))
    except ValueError as error:
        raise DamagedData(
            f"parameters, tags or metadata of a run are no JSON: {error}", hint="restore the workspace from a backup"
        ) from None


def _slices(items: Sequence[int]) -> Iterable[Sequence[int]]:
    return (items[start : start + _RUNS_AT_ONCE] for start in range(0, len(items), _RUNS_AT_ONCE))
