"""Export runs or their points for other programs: JSON lines, CSV, Parquet, or the canonical form."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal

from sqlalchemy import Connection, select

from contexta.core.errors import ContextaError, InvalidInput, WorkspaceError
from contexta.core.validation import from_microseconds
from contexta.findings import Export, RunSummary
from contexta.findings.kinds.finding import one_type
from contexta.store.entities.series import decode_number
from contexta.store.integrity.canonical_form import RUN, canonical_forms
from contexta.store.read import loading
from contexta.store.schema import tables

Format = Literal["jsonl", "csv", "parquet", "canonical"]
_FORMATS: Mapping[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
_POINTS = ("run_ref", "stage_name", "metric_key", "slice_ref", "step", "observed_at", "value")
_AT_ONCE = 10_000


def export(
    connection: Connection, keys: Iterable[int], path: Path | None, format_: Format | None, *, points: bool
) -> Export:
    """Write a row per run, or per point of the runs. path: a new file; None is stdout.

    format_: by default that of the file's suffix. Raises InvalidInput for an unknown one, a file that exists, or points
    in canonical form, ContextaError without pyarrow for Parquet, WorkspaceError when the file cannot be written.
    """
    chosen = format_ or _format_of(path)
    if chosen == "canonical":
        if points:
            raise InvalidInput("the canonical form contains no points", hint="leave out --points or --format")
        return Export(path=path, format=chosen, rows=_write_canonical(connection, keys, path))
    rows = _points(connection, keys) if points else (_row(loading.details(connection, key)) for key in keys)
    if chosen == "jsonl":
        count, columns = _write_lines(rows, path)
    elif points:
        count, columns = _write_table(rows, _POINTS, path, chosen)
    else:
        flat = [_flat(row) for row in rows]
        named = tuple(dict.fromkeys(name for row in flat for name in row))
        count, columns = _write_table(flat, named, path, chosen)
    return Export(path=path, format=chosen, rows=count, columns=columns)


def all_runs(connection: Connection) -> list[int]:
    """The keys of all runs, the latest first."""
    run = tables.run
    return list(connection.execute(select(run.c.id).order_by(run.c.started_at.desc(), run.c.id.desc())).scalars())


def _write_canonical(connection: Connection, keys: Iterable[int], path: Path | None) -> int:
    count = 0
    with _opened(path) as file:
        for key in keys:
            form = canonical_forms(connection, RUN, key, key)[key]
            if path is None:
                sys.stdout.buffer.write(form)  # a text stream may write other line ends
            else:
                file.write(form.decode())
            count += form.count(b"\n")
    return count


def _format_of(path: Path | None) -> Format:
    if path is None:
        return "jsonl"
    if path.suffix.lower() not in _FORMATS:
        raise InvalidInput(
            f"the format of {path} is unknown", hint="end it in .jsonl, .csv or .parquet, or give the format"
        )
    return _FORMATS[path.suffix.lower()]


def _row(run: RunSummary) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(run.model_dump_json())
    for name in ("stages", "notes"):
        row.pop(name, None)
    return row


def _points(connection: Connection, keys: Iterable[int]) -> Iterator[dict[str, Any]]:
    series, point, run, stage = tables.metric_series, tables.metric_point, tables.run, tables.stage
    statement = (
        select(run.c.ref, stage.c.stage_name, series.c.metric_key, series.c.slice_ref)
        .add_columns(point.c.step, point.c.observed_at, point.c.value, point.c.exact)
        .join_from(series, run, run.c.id == series.c.run_id)
        .outerjoin(stage, stage.c.id == series.c.stage_id)
        .join(point, point.c.series_id == series.c.id)
        .order_by(series.c.id, point.c.number)
    )
    for key in keys:
        for ref, stage_name, metric, slice_ref, step, at, value, exact in connection.execute(
            statement.where(series.c.run_id == key).execution_options(yield_per=_AT_ONCE)
        ):
            number = decode_number(value, exact)
            yield dict(
                zip(
                    _POINTS,
                    (ref, stage_name, metric, slice_ref or None, step, from_microseconds(at), number),
                    strict=True,
                )
            )


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without nesting: ``metrics.accuracy``, ``params.lr``, ``environment.python_version``."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat.update({f"{name}.{key}": _plain(item) for key, item in value.items()})
        else:
            flat[name] = _plain(value)
    return flat


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (dict, list)) else value


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            yield file
    except FileExistsError:
        raise InvalidInput(f"{path} exists", hint="name a new file") from None
    except OSError as error:
        path.unlink(missing_ok=True)
        raise WorkspaceError(f"{path} cannot be written: {error.strerror}", hint="choose another place") from error


def _write_lines(rows: Iterable[Mapping[str, Any]], path: Path | None) -> tuple[int, tuple[str, ...]]:
    count, columns = 0, {}
    with _opened(path) as file:
        for row in rows:
            columns.update(dict.fromkeys(row))
            file.write(json.dumps({name: _finite(value) for name, value in row.items()}, ensure_ascii=False) + "\n")
            count += 1
    return count, tuple(columns)


def _finite(value: Any) -> Any:
    """NaN and infinities as texts, as in all JSON of Contexta."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value


def _write_table(
    rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...], path: Path | None, format_: Format
) -> tuple[int, tuple[str, ...]]:
    if format_ == "parquet":
        return _write_parquet(rows, columns, path), columns
    count = 0
    with _opened(path) as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            count += 1
    return count, columns


def _write_parquet(rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...], path: Path | None) -> int:
    if path is None:
        raise InvalidInput("Parquet cannot be written to stdout", hint="name a file: contexta export runs.parquet")
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ContextaError(
            "Parquet needs pyarrow, which is not installed",
            hint="`pip install pyarrow`",
        ) from None
    if path.exists():
        raise InvalidInput(f"{path} exists", hint="name a new file")
    cells: dict[str, list[Any]] = {name: [] for name in columns}
    for row in rows:
        for name in columns:
            cells[name].append(row.get(name))
    arrays = {name: one_type(values) for name, values in cells.items()}
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        parquet.write_table(pyarrow.table(arrays), partial)
        partial.rename(path)
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be written: {error}", hint="choose another place") from error
    finally:
        partial.unlink(missing_ok=True)
    return len(next(iter(cells.values()), []))
