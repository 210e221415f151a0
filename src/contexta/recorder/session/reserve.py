"""Reserve the reference of a new run by creating its journal; no database is needed.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.core import settings
from contexta.core.files.atomic_files import make_directory
from contexta.core.references import StableRef, numbered, slug
from contexta.recorder.journal.processes import identity
from contexta.recorder.journal.reserved_space import reserve_space
from contexta.recorder.journal.writer import SUFFIX, Journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional


def reserve(journals: str, project: str, name: str) -> Journal:
    """Create the first journal of a run under a free reference. Raises OSError when that is impossible.

    project, name: display names. For a name that was used n times, about 2 log n references are looked up.
    """
    base = StableRef("run", f"{slug(project) or 'project'}.{slug(name) or 'run'}")
    make_directory(journals)
    reserve_space(journals)
    with _Taken(journals) as taken:
        number = _free(base, taken)
        while True:
            ref = _numbered(base, number)
            number += 1
            try:
                journal = Journal(journals, ref.value, first=True)
            except FileExistsError:  # another process was first
                continue
            # Look again: the file of a run that ended meanwhile may just have been moved away.
            if not taken(ref, but_live=True):
                return journal
            journal.withdraw()


def begin(journal: Journal, project: str, name: str, *, part_of: Optional[str] = None, number: int = 1) -> None:
    """Write the first record of a run.

    project, name: display names, recorded where they differ from the reference. part_of: ``project.run`` of the run in
    whose process it began. number: which run of its process it is.
    """
    ref = StableRef("run", journal.run)
    fields: Dict[str, Any] = {}
    if name != ref.name:
        fields["name"] = name
    if project != ref.components[0]:
        fields["project_name"] = project
    if part_of is not None:
        fields["part_of"] = part_of
    if number > 1:
        fields["number"] = number
    journal.write_first("run", run=journal.run, **fields, **identity())


def _free(base: StableRef, taken: _Taken) -> int:
    """A number whose reference is free: the lowest where the taken ones have no gaps."""
    low, high = 0, 1  # numbers up to low are taken, high is free
    while taken(_numbered(base, high)):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if taken(_numbered(base, middle)) else (low, middle)
    return high


def _numbered(ref: StableRef, number: int) -> StableRef:
    return ref if number == 1 else StableRef("run", f"{ref.components[0]}.{numbered(ref.name, number)}")


class _Taken:
    """Whether a reference is in use: by a journal, or by a run in the workspace's database.

    The standard library reads the database, read only. Where that fails (it is being created, or is damaged), ingestion
    finds the collision: it never merges two runs.
    """

    def __init__(self, journals: str) -> None:
        self._journals = journals
        self._connection: Any = None

    def __enter__(self) -> _Taken:
        database = os.path.join(os.path.dirname(os.path.abspath(self._journals)), settings.DATABASE)
        if os.path.exists(database):
            import sqlite3
            from urllib.parse import quote

            try:
                self._connection = sqlite3.connect(f"file:{quote(database)}?mode=ro", uri=True, timeout=1.0)
            except sqlite3.Error:
                pass  # see the docstring of the class
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def __call__(self, ref: StableRef, *, but_live: bool = False) -> bool:
        """but_live: leave out the live journal, which is the caller's own."""
        folders = (settings.ENDED,) if but_live else ("", settings.ENDED)
        if any(os.path.exists(os.path.join(self._journals, folder, ref.value + SUFFIX)) for folder in folders):
            return True
        if self._connection is None:
            return False
        import sqlite3

        try:
            return self._connection.execute("SELECT 1 FROM run WHERE ref = ?", (str(ref),)).fetchone() is not None
        except sqlite3.Error:
            return False  # see the docstring of the class
