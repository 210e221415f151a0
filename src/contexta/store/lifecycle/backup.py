"""Write a complete workspace to one file, while runs are live.

A backup is a ZIP archive: the database as of one moment, the journals, the objects, the studies of `bisect` with their
trials, and ``manifest.json`` with the sha256 and the size of each file. The order makes it consistent. Journals only
grow, so journals that are copied after the database contain everything that it has ingested. An object is written
before the row that needs it, so objects that are copied last are complete.

The database of a server is stored as a SQLite file, so a backup of either kind can be restored as either kind. Such a
backup has no journals: those of this machine were just ingested, and those of others wait on their machines.

Only its owner may read the file: with the salt in it, weak passwords can be guessed from the hashes that replace them.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from contexta import __version__
from contexta.core.errors import ContextaError, DamagedData, InvalidInput, NotFound, WorkspaceError
from contexta.core.files.atomic_files import sync_directory
from contexta.core.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.core.validation import from_microseconds
from contexta.findings import Backup, Damage
from contexta.recorder.journal.objects import open_plain
from contexta.recorder.journal.writer import SUFFIX
from contexta.recorder.session.salt import NAME as SALT
from contexta.store.backends.engine import Store, exists, open_store
from contexta.store.lifecycle.needed_objects import NEEDED
from contexta.store.lifecycle.workspace_files import BISECT, REPORT, STUDY, stored_digests, workspace_files
from contexta.store.schema import tables

MANIFEST = "manifest.json"
FORMAT = "contexta-backup"
_WITHOUT_SALT = "without the salt: hidden values and hosts of later runs cannot be compared with those of these runs"
_CHUNK = 1024 * 1024
_SMALL = 1024 * 1024  # larger objects are stored as they are: models and archives hardly shrink


def backup(store: Store, path: Path, *, with_salt: bool = True) -> Backup:
    """Write everything to a new file that only its owner can read.

    with_salt: False leaves the salt out. A workspace that is restored from such a file makes a new one.

    Damaged parts are left out and named. Raises InvalidInput if the file exists, WorkspaceError if it cannot be
    written. An interrupted backup leaves no file under that name.
    """
    if path.exists():
        raise _exists(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.partial")
    try:
        with store.alone(), open_private(partial) as file:
            finding = _Archive(file, partial.with_suffix(".db"), with_salt=with_salt).write(store)
            file.flush()
            os.fsync(file.fileno())
        _publish(partial, path)
    except (OSError, sqlite3.Error) as error:
        raise WorkspaceError(
            f"{path} cannot be written: {getattr(error, 'strerror', None) or error}",
            hint="choose another place with enough space",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return finding.model_copy(update={"path": path})


def _exists(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} exists", hint="name a new file: a backup never overwrites another one")


def open_private(path: Path) -> BinaryIO:
    """A new file that only its owner can read. Raises FileExistsError."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))  # Path.open has no opener


def _publish(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:  # a file system without hard links
        partial.rename(path)
    sync_directory(os.fspath(path.parent))


class _Archive:
    """The ZIP archive of a backup while it is written."""

    def __init__(self, file: BinaryIO, copy: Path, *, with_salt: bool) -> None:
        """copy: path of a temporary file, for copies of databases."""
        self._archive = zipfile.ZipFile(file, "w", allowZip64=True)
        self._copy = copy
        self._with_salt = with_salt
        self._files: dict[str, dict[str, Any]] = {}
        self._damaged: list[Damage] = []
        self._notes: list[str] = []

    def write(self, store: Store) -> Backup:
        with self._archive:
            runs = self._add_workspace(store, "")
            trials = self._add_bisect(store)
            if not self._with_salt:
                self._notes.append(_WITHOUT_SALT)
            manifest = {
                "format": FORMAT,
                "version": 1,
                "contexta": __version__,
                "schema": tables.SCHEMA_VERSION,
                "created_at": from_microseconds(time.time_ns() // 1000),
                "runs": runs,
                "trials": trials,
                "files": self._files,
                "damaged": [damage.model_dump(mode="json") for damage in self._damaged],
                "notes": self._notes,
            }
            self._archive.writestr(_entry(MANIFEST, small=True), json.dumps(manifest, indent=1))
        return described(manifest, Path(self._copy.name))

    def _add_workspace(self, store: Store, prefix: str) -> int:
        """Add a workspace, the names of its files with a prefix. Returns the number of its runs."""
        runs, ingested, needed = self._add_database(store, prefix)
        if store.is_local:
            self._add_journals(store, prefix, ingested)
        self._add_objects(store, prefix)
        if self._with_salt:
            with suppress(FileNotFoundError):
                self._add(f"{prefix}{OBJECTS}/{SALT}", store.root / OBJECTS / SALT)
        self._note_missing(store, needed - {name[-65:].replace("/", "") for name in self._files})
        return runs

    def _add_bisect(self, store: Store) -> int:
        """Add the studies of `bisect` and the workspace of their trials. Returns the number of trials."""
        root = store.root / BISECT
        for name, kind in workspace_files(store.root) if root.is_dir() else ():
            if kind in (STUDY, REPORT):
                with suppress(FileNotFoundError):
                    self._add(name, store.root / name)
        if not exists(root):
            return 0
        try:
            trials = open_store(root)
        except ContextaError as error:  # damaged trials do not prevent a backup of the runs
            self._damaged.append(Damage(kind="database", name=f"{BISECT}/{DATABASE}", detail=error.what))
            return 0
        try:
            with trials.alone():
                return self._add_workspace(trials, f"{BISECT}/")
        finally:
            trials.close()

    def _add_database(self, store: Store, prefix: str) -> tuple[int, dict[str, int], set[str]]:
        """Returns (number of runs, ingested bytes of each journal, digests of the needed objects)."""
        try:
            open_private(self._copy).close()  # SQLite keeps the permissions of an existing file
            store.copy_database(self._copy)
            self._add(f"{prefix}{DATABASE}", self._copy)
            with closing(sqlite3.connect(self._copy)) as raw:
                ingested = dict(raw.execute("SELECT name, position FROM journal"))
                runs = int(raw.execute("SELECT count(*) FROM run").fetchone()[0])
                return runs, ingested, {str(digest) for digest, _ in raw.execute(NEEDED)}
        finally:
            for suffix in ("", "-wal", "-shm", "-journal"):  # SQLite leaves some on a full disk
                Path(f"{self._copy}{suffix}").unlink(missing_ok=True)

    def _note_missing(self, store: Store, missing: set[str]) -> None:
        missing -= {damage.name for damage in self._damaged}
        if missing:
            where = (
                "which are missing here" if store.has_all_objects else "which lie on the machines that recorded them"
            )
            self._notes.append(f"runs refer to {len(missing)} more objects, {where}")

    def _add_journals(self, store: Store, prefix: str, ingested: dict[str, int]) -> None:
        for path in _journals(store.journals):
            with (
                suppress(FileNotFoundError),
                open_plain(os.fspath(path)) as source,
            ):  # an ended journal moves: listed again
                name = f"{prefix}{_place(path, source, ingested)}"
                if f"{prefix}{JOURNALS}/{path.name}" not in self._files:
                    self._add_open(name, source)

    def _add_objects(self, store: Store, prefix: str) -> None:
        """Add the objects of all directories. An object that one of them has undamaged is not damaged."""
        faults: dict[str, Damage] = {}
        for directory in store.object_directories:
            for digest in stored_digests(Path(directory.root)):
                name = f"{prefix}{OBJECTS}/{digest[:2]}/{digest[2:]}"
                if name in self._files:
                    continue
                try:
                    directory.check(digest)
                    self._add(name, Path(directory.path(digest)))
                except DamagedData as error:
                    faults[name] = Damage(kind="object", name=digest, detail=error.what)
                except (NotFound, FileNotFoundError):
                    pass  # deleted since it was listed, so no row needs it
        self._damaged += [fault for name, fault in faults.items() if name not in self._files]

    def _add(self, name: str, path: Path) -> None:
        with open_plain(os.fspath(path)) as source:
            self._add_open(name, source)

    def _add_open(self, name: str, source: BinaryIO) -> None:
        small = f"{OBJECTS}/" not in name or os.fstat(source.fileno()).st_size < _SMALL
        digest, size = sha256(), 0
        with self._archive.open(_entry(name, small=small), "w", force_zip64=True) as target:
            for chunk in _up_to(source, os.fstat(source.fileno()).st_size):
                digest.update(chunk)
                size += len(chunk)
                target.write(chunk)
        self._files[name] = {"sha256": digest.hexdigest(), "size": size}


def described(manifest: dict[str, Any], path: Path) -> Backup:
    """The finding for a manifest."""
    files = manifest["files"]
    return Backup(
        path=path,
        created_at=manifest["created_at"],
        schema_version=manifest["schema"],
        size_bytes=sum(file["size"] for file in files.values()),
        runs=manifest["runs"],
        trials=manifest.get("trials", 0),  # the first backups have no studies
        journals=sum(name.startswith(f"{JOURNALS}/") for name in files),
        objects=sum(name.startswith(f"{OBJECTS}/") for name in files.keys() - {f"{OBJECTS}/{SALT}"}),
        damaged=tuple(Damage.model_validate(damage) for damage in manifest["damaged"]),
        notes=tuple(map(str, manifest.get("notes", ()))),  # the first backups have none
    )


def _journals(folder: Path) -> Iterator[Path]:
    """Every journal; live ones first, because a journal that ends moves to ``ended``."""
    for directory in (folder, folder / ENDED):
        if directory.is_dir():
            yield from sorted(path for path in directory.iterdir() if path.suffix == SUFFIX)


def _place(path: Path, source: BinaryIO, ingested: dict[str, int]) -> str:
    """The name of a journal in the archive. One that ended after the database was copied is not ingested there yet."""
    size = os.fstat(source.fileno()).st_size
    is_ended = path.parent.name == ENDED and size <= ingested.get(path.name, 0)
    return f"{JOURNALS}/{ENDED}/{path.name}" if is_ended else f"{JOURNALS}/{path.name}"


def _up_to(source: BinaryIO, size: int) -> Iterable[bytes]:
    """The first ``size`` bytes of a file that may be growing."""
    while size > 0 and (chunk := source.read(min(_CHUNK, size))):
        size -= len(chunk)
        yield chunk


def _entry(name: str, *, small: bool) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
    entry.external_attr = (stat.S_IFREG | 0o600) << 16
    return entry
