"""Journals that were written from runs of other tools: whether one was ingested, and its ingestion."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

from sqlalchemy import Connection, select

from contexta.core.errors import WorkspaceError
from contexta.core.files.atomic_files import NewFile, make_workspace
from contexta.core.references import StableRef
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.backends.engine import Store
from contexta.store.entities import shared_facts
from contexta.store.ingest.ingest import ingest_journals
from contexta.store.schema import tables


class ImportedJournal(NamedTuple):
    """A journal that was ingested."""

    run_ref: StableRef
    name: str
    metadata: Mapping[str, Any]


def find(connection: Connection, key: str) -> tuple[ImportedJournal | None, int]:
    """(the ingested journal of a key whose run still exists, how many of its journals were ingested).

    key: letters and digits that identify the run of the other tool.
    """
    journal, run = tables.journal, tables.run
    statement = (
        select(run.c.id, run.c.ref, run.c.name)
        .select_from(journal.outerjoin(run, run.c.id == journal.c.run_id))
        .where(journal.c.name.like(f"%.import-{key}-%{SUFFIX}"))
    )
    rows = connection.execute(statement).all()
    for row in rows:
        if row.id is not None:
            metadata = shared_facts.of_run(connection, row.id)
            return ImportedJournal(StableRef.parse(row.ref), row.name, metadata), len(rows)
    return None, len(rows)


def add(store: Store, project: str, key: str, write: Callable[[BinaryIO], object]) -> ImportedJournal:
    """Write a journal and ingest it: after a crash it is there as a whole, or not at all.

    project: the component of its reference. Raises WorkspaceError if it cannot be written.
    """
    with store.reading() as connection:
        _, count = find(connection, key)
    name = f"{project}.import-{key}-{count + 1}{SUFFIX}"
    try:
        make_workspace(os.fspath(store.root), os.fspath(store.journals), os.fspath(store.objects.root))
        with NewFile(store.journals) as new:
            write(new.file)
            new.replace(store.journals / name, is_durable=True)
    except OSError as error:
        raise WorkspaceError(f"the run cannot be written to {store.journals}: {error.strerror}") from None
    ingest_journals(store)
    with store.reading() as connection:
        journal, _ = find(connection, key)
    if journal is None:
        raise WorkspaceError(f"the journal {name} was not ingested", hint="contexta doctor")
    return journal
