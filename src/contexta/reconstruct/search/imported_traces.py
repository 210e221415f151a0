"""Traces in runs that other trackers recorded, which the importers read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from contexta.core.errors import InvalidInput
from contexta.importers.readers import KINDS, ImportSource, sources_below
from contexta.importers.reading.description import ForeignRun
from contexta.reconstruct.trace_values import PYTHON, Document, PointInTime, Trace, Traces, collected

_KINDS = ("wandb", "swanlab", "comet", "clearml", "sacred")  # trackers that record the environment of a run
_MOST_RUNS = 50  # of one directory, because a reader reads the whole log


def traces_of_trackers(directories: Sequence[Path], files: Sequence[Path], moment: PointInTime) -> Traces:
    """The environments of runs below directories, and of files that the user named. Each is dated by its run."""
    notes: list[str] = []
    evidence: list[Trace] = []
    for place in (*directories, *files):
        is_named = place in files
        for source in _nearest(place, moment, notes):
            try:
                for run in KINDS[source.kind].read(source.path):
                    evidence += _traces(run, source, is_named=is_named)
            except (OSError, ValueError, OverflowError, RecursionError) as error:
                notes.append(f"{source.path} cannot be read: {error}")
    return Traces(tuple(evidence), notes=tuple(notes))


def _nearest(place: Path, moment: PointInTime, notes: list[str]) -> list[ImportSource]:
    """The files of runs, those first that were written next to the moment. The files of a copy may be newer."""
    try:
        sources = [source for source in sources_below(place) if source.kind in _KINDS]
    except InvalidInput as error:
        notes.append(error.what)
        return []
    target = moment.latest.timestamp()
    sources.sort(key=lambda source: abs(source.path.stat().st_mtime - target))
    if len(sources) > _MOST_RUNS:
        notes.append(f"{place} has {len(sources)} runs of trackers: the {_MOST_RUNS} next to the moment were read")
    return sources[:_MOST_RUNS]


def _traces(run: ForeignRun, source: ImportSource, *, is_named: bool) -> Iterator[Trace]:
    """The Python version and the packages of a run; of W&B its list of packages is a document."""
    environment = run.environment
    if environment is None:
        return
    when = datetime.fromtimestamp(run.started_at / 1e6, timezone.utc)
    document = Document(f"{KINDS[source.kind].TITLE} run {run.name}", b"", when, is_named=is_named)
    versions = {} if source.kind == "wandb" and not is_named else environment.packages
    yield from collected(*(document.evidence(name, version, when=when) for name, version in versions.items()))
    if environment.python_version is not None:
        yield from collected(document.evidence(PYTHON, environment.python_version, when=when))
