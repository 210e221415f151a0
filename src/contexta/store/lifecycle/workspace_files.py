"""The files of a workspace: one kind for each, and what `backup`, `verify` and `gc` do with it.

The directory ``bisect`` below a workspace is a workspace too: the trials of studies are recorded there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from contexta.core.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.recorder.journal.reserved_space import SPARE
from contexta.recorder.session.environment import CACHE
from contexta.recorder.session.salt import NAME as SALT
from contexta.store.backends.outbox import ORIGIN

BISECT = "bisect"
_COMPONENT = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_STUDY = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}"  # the directory of a study


@dataclass(frozen=True)
class FileKind:
    pattern: str
    """Matches the path below a workspace."""
    is_backed_up: bool = False
    """Whether `backup` copies such files. It copies the database through SQLite, objects and journals by their rows."""
    is_leftover: bool = False
    """Whether `gc` deletes such a file when it is a day old. Objects and journals it deletes by their rows."""


DATABASE_FILE = FileKind(re.escape(DATABASE), is_backed_up=True)
DATABASE_COPY = FileKind(r"contexta-[^/]+\.db")  # an upgrade keeps it
JOURNAL = FileKind(
    rf"{JOURNALS}/(?:{ENDED}/)?{_COMPONENT}\.{_COMPONENT}(?:\.\d{{1,10}}-[0-9a-f]{{8}})?\.jsonl", is_backed_up=True
)
OBJECT = FileKind(rf"{OBJECTS}/[0-9a-f]{{2}}/[0-9a-f]{{62}}", is_backed_up=True)
SALT_FILE = FileKind(rf"{OBJECTS}/{re.escape(SALT)}", is_backed_up=True)
STUDY = FileKind(rf"{BISECT}/(?:last|{_STUDY}/study)\.json", is_backed_up=True)
REPORT = FileKind(rf"{BISECT}/{_STUDY}/report\.json", is_backed_up=True)
STATUS = FileKind(rf"{BISECT}/{_STUDY}/status\.json")  # of a study while it runs; it names this machine
ORIGIN_FILE = FileKind(re.escape(ORIGIN))  # names this machine: a restored workspace may be on another one
TRASH = FileKind(rf"{OBJECTS}/\.trash-[0-9a-f]{{64}}")  # an object that `gc` is deleting
TEMPORARY = FileKind(
    r"(?:[^/]+/)*\.(?:(?:salt\.)?\d+\.[0-9a-f]+|(?:new|copy|contexta-doctor)-.+|[^/]+\.(?:claim|opened|output))",
    is_leftover=True,
)
CACHE_ENTRY = FileKind(rf"{OBJECTS}/{re.escape(CACHE)}/[^/]+")  # the recorder can compute it again
WITHOUT_CONTENT = FileKind(
    rf"{re.escape(DATABASE)}-(?:wal|shm|journal)|{JOURNALS}/{re.escape(SPARE)}"
    r"|(?:[^/]+/)*(?:lock|[a-z.-]*\.lock|\.gitignore)"
)
_KINDS = (
    *(DATABASE_FILE, DATABASE_COPY, JOURNAL, OBJECT, SALT_FILE, STUDY, REPORT, STATUS, ORIGIN_FILE),
    *(TRASH, TEMPORARY, CACHE_ENTRY, WITHOUT_CONTENT),  # a temporary file of the cache is no entry of it
)
_IN_BISECT = (STUDY, REPORT, STATUS)  # all others are below every workspace
_PATTERNS = tuple(
    (re.compile(rf"(?:{kind.pattern})\Z" if kind in _IN_BISECT else rf"(?:{BISECT}/)?(?:{kind.pattern})\Z"), kind)
    for kind in _KINDS
)


def kind_of(name: str) -> FileKind | None:
    """The kind of a file. None for one that Contexta did not write.

    name: the path below the workspace, with ``/`` between its parts.
    """
    return next((kind for pattern, kind in _PATTERNS if pattern.match(name)), None)


def workspace_files(root: Path) -> Iterator[tuple[str, FileKind | None]]:
    """(path below the workspace, kind) of every file, in order. The workspace of trials is known by its name."""
    above = f"{BISECT}/" if root.name == BISECT else ""
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name).relative_to(root).as_posix()
            yield path, kind_of(above + path)


def stored_digests(folder: Path) -> Iterator[str]:
    """The digests of the objects in a directory of objects, in order."""
    if not folder.is_dir():
        return
    for first in sorted(path for path in folder.iterdir() if len(path.name) == 2 and path.is_dir()):
        for rest in sorted(path.name for path in first.iterdir()):
            if len(rest) == 62 and not set(first.name + rest) - set("0123456789abcdef"):
                yield first.name + rest
