"""Check the files of a workspace that no row of its database speaks of: salt, caches, studies, new journal lines."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from contexta.core.errors import DamagedData
from contexta.core.files import digested_files
from contexta.core.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.findings import Damage
from contexta.findings.bisect import digest_of
from contexta.findings.workspace import DamageKind
from contexta.recorder.journal.objects import Objects
from contexta.recorder.journal.reserved_space import SPARE
from contexta.recorder.journal.writer import SUFFIX
from contexta.recorder.session.environment import CACHE
from contexta.recorder.session.salt import NAME as SALT
from contexta.recorder.session.salt import salt_is_intact
from contexta.store.backends.outbox import ORIGIN
from contexta.store.ingest.journal_parsing import records

_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{62}\Z")
_WITHOUT_CONTENT = re.compile(r"(?:.*/)?(?:lock|[a-z.-]*\.lock|\.gitignore)\Z")
_TEMPORARY = re.compile(r"(?:.*/)?(?:\.\d+\.[0-9a-f]+|\.[^/]*|[^/]*\.\d+\.[0-9a-f]+|[^/]*\.tmp)\Z")
_COPY = re.compile(r"contexta-.+\.db\Z")  # of the database, kept by an upgrade
_ORIGIN = re.compile(rb"[0-9a-f]{16}\n?\Z")
_MOST_NAMED = 5


class OtherFiles:
    """One pass over the files below a workspace. ``checked``, ``damage`` and ``notes`` hold what came out."""

    def __init__(self, root: Path, file_of: Callable[[str], str | None]) -> None:
        """file_of: the file name of a journal in the database; None where it lies on another machine."""
        self.root = root
        self.checked: dict[str, int] = {}
        self.damage: list[Damage] = []
        self.notes: list[str] = []
        self._file_of = file_of

    def check(self, positions: Mapping[str, int]) -> None:
        """positions: journal in the database -> how many bytes of it were ingested, which are checked elsewhere."""
        ingested = {name: size for each, size in positions.items() if (name := self._file_of(each)) is not None}
        foreign, unfinished = [], 0
        for path in _files(self.root):
            name = path.relative_to(self.root).as_posix()
            room, _, rest = name.partition("/")
            if name.startswith(DATABASE) or path.name == SPARE or _WITHOUT_CONTENT.match(name):
                continue
            if room == OBJECTS and (rest == SALT or _OBJECT.match(rest)):
                continue  # the salt is checked below, objects where all directories of objects are
            if room == OBJECTS and rest.startswith(f"{CACHE}/") and not _TEMPORARY.match(rest):
                self._digested("cache", path, "no recording uses it, and the next one replaces it")
            elif room == JOURNALS and name.endswith(SUFFIX):
                self._new_lines(path, ingested.get(path.name, 0) if path.parent.name != ENDED else None)
            elif room == "bisect" and path.name == "report.json":
                self._report(path)
            elif room == "bisect" and name.endswith(".json"):
                self._digested("study", path, "this study cannot be resumed; its trials are not affected")
            elif _COPY.match(name):
                self._kept_copy(path)
            elif name == ORIGIN:
                self._origin(path)
            elif _TEMPORARY.match(name):
                unfinished += 1
            else:
                foreign.append(name)
        self._salt()
        if unfinished:
            self.notes.append(f"{unfinished} temporary files were not checked; `contexta gc` removes those left behind")
        if foreign:
            names = ", ".join(foreign[:_MOST_NAMED]) + (", ..." if len(foreign) > _MOST_NAMED else "")
            self.notes.append(f"{len(foreign)} files that Contexta did not write were not checked: {names}")

    def _say(self, kind: DamageKind, name: str, detail: str) -> None:
        self.damage.append(Damage(kind=kind, name=name, detail=detail))

    def _count(self, what: str) -> None:
        self.checked[what] = self.checked.get(what, 0) + 1

    def _digested(self, kind: DamageKind, path: Path, consequence: str) -> None:
        self._count("cache entries" if kind == "cache" else "study files")
        name = path.relative_to(self.root).as_posix()
        try:
            digested_files.read(os.fspath(path))
        except FileNotFoundError:
            pass  # replaced or removed since it was listed
        except DamagedData:
            self._say(kind, name, f"its content does not match its digest; {consequence}")
        except OSError as error:
            self._say(kind, name, f"it cannot be read: {error.strerror}")

    def _report(self, path: Path) -> None:
        """The report of a study, which holds the digest of its own content."""
        self._count("study files")
        try:
            body = json.loads(path.read_bytes())
            is_sound = isinstance(body, dict) and body.get("digest") == digest_of(body)
        except FileNotFoundError:
            return  # replaced or removed since it was listed
        except ValueError:
            is_sound = False
        if not is_sound:
            detail = "its content does not match its digest; `contexta bisect --resume` writes it again from the trials"
            self._say("study", path.relative_to(self.root).as_posix(), detail)

    def _new_lines(self, path: Path, ingested: int | None) -> None:
        """Lines that are not in the database yet. ingested: None where the file is finished and in it whole."""
        if ingested is None:
            return
        broken: list[str] = []
        try:
            with path.open("rb") as file:
                file.seek(ingested)
                for _ in records(file.read(), broken.append):
                    self._count("new journal lines")
        except FileNotFoundError:
            return  # finished since it was listed
        except OSError as error:
            broken.append(f"it cannot be read: {error.strerror}")
        for words in broken:
            self._say("journal", path.name, words)

    def _kept_copy(self, path: Path) -> None:
        """A copy of the database that an upgrade kept: its pages, as it is of another schema."""
        self._count("kept copies of the database")
        try:
            with closing(sqlite3.connect(f"file:{quote(os.fspath(path))}?mode=ro&immutable=1", uri=True)) as raw:
                words = [str(word) for (word,) in raw.execute("PRAGMA integrity_check(1)")]
        except sqlite3.Error as error:
            words = [str(error)]
        if words != ["ok"]:
            self._say("database", path.name, words[0])

    def _origin(self, path: Path) -> None:
        """What this machine's journals are called by on a server."""
        self._count("origin")
        if not _ORIGIN.match(path.read_bytes()):
            self._say("journal", path.name, "it is no name of a machine: journals of this machine may arrive twice")

    def _salt(self) -> None:
        objects = Objects(self.root / OBJECTS)
        intact = salt_is_intact(objects)
        if intact is False:
            detail = "it is not what was written: values hidden from now on cannot be compared with earlier ones"
            self._say("salt", f"{OBJECTS}/{SALT}", detail)
        elif intact is True:
            self._count("salt")
        elif (self.root / OBJECTS / SALT).exists():
            self.notes.append(f"{OBJECTS}/{SALT} has no digest (an earlier version wrote it): not checked")


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names))
