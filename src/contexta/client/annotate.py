"""Annotate runs: rename, tag, note, archive, pin. Each function is a method of ``Contexta``.

Annotations are not part of the recorded content of a run, so its ``content_digest`` stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from contexta.client.reading.workspace import Workspace
from contexta.core.errors import Conflict, InvalidInput, shown
from contexta.core.validation import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from contexta.core.references import StableRef
    from contexta.findings import RunSummary


def rename_run(workspace: Workspace, run: str, name: str) -> RunSummary:
    """Give a run another name. Its reference stays valid and also finds it.

    To undo it, give the recorded name. Raises InvalidInput for a run that is still open, because its program may name
    it, and Conflict if another run of the project has that name.
    """
    from contexta.store.entities import run_annotations
    from contexta.store.ingest.hide_secrets import text_without_secrets

    name = text_without_secrets(text(name, printable=True), workspace._opened().objects)
    if ":" in name or name.startswith("@"):
        raise InvalidInput(f"{shown(name)} reads like a reference", hint="leave out : and @")
    with _changing(workspace, run) as (connection, key, ref):
        if run_annotations.is_open(connection, key):
            raise InvalidInput(f"{ref} is still open: its program may name it", hint="rename it when it has ended")
        other = run_annotations.run_with_name(connection, key, name)
        if other is not None:
            raise Conflict(f"{other} has the name {shown(name)}", hint="choose another name, or rename that run first")
        run_annotations.rename(connection, key, name)
    return _summary(workspace, key)


def tag_run(
    workspace: Workspace, run: str, tags: Mapping[str, str] | None = None, *, remove: Sequence[str] = ()
) -> RunSummary:
    """Set tags of a run, and remove others. Raises InvalidInput for a tag to remove that the run does not have."""
    from contexta.store.entities import run_annotations
    from contexta.store.ingest.hide_secrets import tags_without_secrets

    new = {text(tag, printable=True): text(value, limit=10_000, blank=True) for tag, value in (tags or {}).items()}
    clean = tags_without_secrets(new, workspace._opened().objects)
    with _changing(workspace, run) as (connection, key, ref):
        present = run_annotations.tags_of(connection, key)
        for tag in [remove] if isinstance(remove, str) else remove:
            if tag not in present:
                names = ", ".join(sorted(present)) or "none"
                raise InvalidInput(f"{ref} has no tag {shown(tag)}", hint=f"its tags: {names}")
        run_annotations.change_tags(connection, key, clean, [remove] if isinstance(remove, str) else remove)
    return _summary(workspace, key)


def note_run(workspace: Workspace, run: str, note: str) -> RunSummary:
    """Write a note about a run. It replaces an earlier note; an empty text removes it."""
    from contexta.store.entities import run_annotations
    from contexta.store.ingest.hide_secrets import text_without_secrets

    note = text_without_secrets(text(note, limit=100_000, blank=True), workspace._opened().objects)
    with _changing(workspace, run) as (connection, key, _):
        run_annotations.annotate(connection, key, note=note.strip() or None)
    return _summary(workspace, key)


def archive_run(workspace: Workspace, run: str, *, archived: bool = True) -> RunSummary:
    """Leave a run out of lists, or list it again. Every other query still uses it."""
    return _mark(workspace, run, archived=archived)


def pin_run(workspace: Workspace, run: str, *, pinned: bool = True) -> RunSummary:
    """Protect a run from `gc` and `delete`, or remove the protection."""
    return _mark(workspace, run, pinned=pinned)


def _mark(workspace: Workspace, run: str, **marks: bool) -> RunSummary:
    from contexta.store.entities import run_annotations

    with _changing(workspace, run) as (connection, key, _):
        run_annotations.annotate(connection, key, **marks)
    return _summary(workspace, key)


@contextmanager
def _changing(workspace: Workspace, run: str) -> Iterator[tuple[Connection, int, StableRef]]:
    """(connection of a transaction that writes, key and reference of the run)."""
    with workspace._current().writing() as connection:
        key, ref = workspace._find(connection, run)
        yield connection, key, ref


def _summary(workspace: Workspace, key: int) -> RunSummary:
    from contexta.store.read.loading import summary

    with workspace._reading() as connection:
        return summary(connection, key)
