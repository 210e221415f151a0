"""Import the runs of other tools into a workspace: find them, and write those that are new."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from contexta.core.errors import InvalidInput
from contexta.core.references import StableRef, slug
from contexta.core.validation import from_microseconds
from contexta.findings import ImportedRun, ImportedRuns
from contexta.findings.runs import IMPORTED
from contexta.importers.formats import hydra_outputs
from contexta.importers.imported_sources import ImportedSources, RememberedRun, remembered
from contexta.importers.journal_lines import JournalWriter
from contexta.importers.readers import KINDS, ImportSource, sources_below
from contexta.importers.reading.description import ForeignRun
from contexta.importers.reading.used_files import noting
from contexta.importers.recorded_runs import notes_on_missing
from contexta.recorder.session.salt import salt_or_another
from contexta.store.backends.engine import Store
from contexta.store.entities import tracker_runs
from contexta.store.ingest import imported_journals
from contexta.store.ingest.imported_journals import ImportedJournal

Progress = Callable[[str, int, int], None]
"""Called with a step, how many are done, and of how many."""


def import_runs(
    paths: Sequence[Path],
    store: Store | None,
    progress: Progress,
    *,
    kind: str | None = None,
    project: str | None = None,
    default_project: str,
    dry_run: bool = False,
    include_recorded: bool = False,
) -> ImportedRuns:
    """Write the runs below paths to a store, and describe all of them.

    store: None if there is no workspace yet, in a dry run. project: of all runs; by default that of the tool, else
    ``default_project``. include_recorded: also import runs of trackers that were recorded. Raises NotFound,
    InvalidInput.
    """
    sources = list(dict.fromkeys(source for path in paths for source in sources_below(path, kind)))
    if not sources:
        names = ", ".join(map(str, paths)) or "nothing"
        raise InvalidInput(f"no runs of another tool in {names}", hint=f"the formats are {', '.join(KINDS)}")
    runs: list[ImportedRun] = []
    notes: list[str] = []
    importer = _Importer(store, project, default_project, dry_run=dry_run, include_recorded=include_recorded)
    for done, source in enumerate(sources):
        progress(f"reading {source.path.name}", done, len(sources))
        runs += importer.take_source(source, notes)
    return ImportedRuns(runs=tuple(runs), dry_run=dry_run, notes=tuple(notes))


def _read(source: ImportSource, notes: list[str]) -> Iterator[ForeignRun]:
    """The runs of a source. A fault of one source becomes a note, and the others are read."""
    try:
        for run in KINDS[source.kind].read(source.path):
            if source.kind != "hydra":
                hydra_outputs.complete(run)
            yield run
    except (OSError, ValueError, OverflowError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        notes.append(f"{source.path} cannot be read: {reason}")


class _Importer:
    """One import into a store."""

    def __init__(
        self,
        store: Store | None,
        project: str | None,
        default_project: str,
        *,
        dry_run: bool,
        include_recorded: bool,
    ) -> None:
        self._store = store
        self._project = project
        self._default_project = default_project
        self._dry_run = dry_run
        self._sources = None if store is None else ImportedSources(store)
        self._recorded: Mapping[str, StableRef] = {}
        """Identity of a tracker's run -> the run that recorded it."""
        if store is not None and not include_recorded:
            with store.reading() as connection:
                self._recorded = tracker_runs.runs_by_tracker_id(connection)

    def take_source(self, source: ImportSource, notes: list[str]) -> list[ImportedRun]:
        """Write the runs of a source. One that was imported before is read only if one of its files changed."""
        if self._sources is not None and (present := self._present(self._sources.find(source))):
            return present
        with noting() as files:
            count = len(notes)
            taken = [self._take(run) for run in _read(source, notes)]
        keep = [entry for entry in taken if entry[0].outcome in ("imported", "present")]
        if self._sources is not None and not self._dry_run and len(keep) == len(taken) and len(notes) == count:
            self._sources.keep(source, files, [remembered(run, key, digest) for run, key, digest in keep])
        return [run for run, _, _ in taken]

    def _present(self, runs: Sequence[RememberedRun]) -> list[ImportedRun]:
        """The descriptions of runs that were imported before; none if the workspace lacks one of them."""
        assert self._store is not None  # only a workspace remembers sources
        present = []
        with self._store.reading() as connection:
            for run in runs:
                journal, _ = imported_journals.find(connection, run.key)
                if journal is None or _digest_of(journal) != run.digest:
                    return []
                place = {"name": journal.name, "run_ref": journal.run_ref, "project": journal.run_ref.components[0]}
                present.append(ImportedRun.model_validate({**run.description, **place, "outcome": "present"}))
        return present

    def _take(self, run: ForeignRun) -> tuple[ImportedRun, str, str]:
        """Write a run unless it was recorded, or imported before: its description, its key and its digest."""
        key = sha256(f"{run.kind} {run.identity}".encode("utf-8", "replace")).hexdigest()[:24]
        project = self._project or run.project or self._default_project
        journal = None
        if self._store is not None:
            with self._store.reading() as connection:
                journal, _ = imported_journals.find(connection, key)
        outcome = "present" if journal is not None else "found"
        recorded = None if journal is not None else self._recorded_as(run)
        run_ref = recorded if journal is None else journal.run_ref
        if journal is not None and not self._is_same(journal, run, project):
            outcome = "changed"
        elif recorded is not None:
            outcome = "recorded"
            run.notes = self._notes_on_missing(recorded, run)
        elif journal is None and self._store is not None and not self._dry_run:
            component = slug(project) or "project"
            journal = imported_journals.add(self._store, component, key, lambda file: self._write(file, run, project))
            outcome, run_ref = "imported", journal.run_ref
        environment = run.environment
        described = ImportedRun.model_validate(
            {
                "name": run.name if journal is None else journal.name,
                "kind": run.kind,
                "path": os.fspath(run.path),
                "outcome": outcome,
                "run_ref": run_ref,
                "project": project if run_ref is None else run_ref.components[0],
                "status": run.status,
                "started_at": from_microseconds(run.started_at),
                "metrics": len(run.metrics),
                "points": sum(map(len, run.metrics.values())),
                "params": len(run.params),
                "python_version": environment.python_version if environment is not None else None,
                "packages": len(environment.packages) if environment is not None else None,
                "notes": tuple(run.notes),
            }
        )
        return described, key, "" if journal is None else _digest_of(journal)

    def _recorded_as(self, run: ForeignRun) -> StableRef | None:
        """The run that recorded this run of a tracker; None without one."""
        identities = (f"{run.tracker or run.kind} {identity}" for identity in run.tracker_ids or (run.identity,))
        return next((self._recorded[identity] for identity in identities if identity in self._recorded), None)

    def _notes_on_missing(self, recorded: StableRef, run: ForeignRun) -> list[str]:
        assert self._store is not None  # only a workspace has recorded runs
        with self._store.reading() as connection:
            content = tracker_runs.content_of(connection, recorded)
        return notes_on_missing(recorded.value, content, run)

    def _write(self, file: BinaryIO, run: ForeignRun, project: str) -> str:
        assert self._store is not None  # a run is written or compared only in a workspace
        objects = self._store.objects
        return JournalWriter(file, objects, salt_or_another(objects)).write(run, project)

    def _is_same(self, journal: ImportedJournal, run: ForeignRun, project: str) -> bool:
        """Whether the journal of a run would have the content of the one that was ingested."""
        with Path(os.devnull).open("wb") as file:
            digest = self._write(file, run, project)
        return _digest_of(journal) == digest


def _digest_of(journal: ImportedJournal) -> str:
    """The digest of the content of the run that a journal was written from."""
    return str(journal.metadata.get(IMPORTED, {}).get("digest"))
