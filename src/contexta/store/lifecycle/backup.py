"""A whole workspace in one file: taken while runs are live, checked as a whole before anything is restored from it.

A backup is a ZIP archive: the database as of one moment, the journals, the objects, and ``manifest.json`` with the
sha256 and the size of each. The order makes it consistent. Journals only grow, so those copied after the database
hold all that it has taken in; what an object is needed for is written after it, so objects copied last are all there.

A server's database is in it as a file of SQLite, so that a backup of either kind can be restored as either kind. No
journals are: what this machine's say has just been taken in, and those of others go on to wait on their machines.

Only its owner may read the file: with the salt in it, weak passwords can be guessed from the hashes that stand for
them. ``with_salt=False`` makes one to share.
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
from contexta.core.errors import DamagedData, InvalidInput, NotFound, WorkspaceError
from contexta.core.files.atomic_files import sync_directory
from contexta.core.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.core.validation import from_microseconds
from contexta.findings import Backup, Damage
from contexta.recorder.journal.objects import Objects, open_plain
from contexta.recorder.journal.writer import SUFFIX
from contexta.store.backends.engine import Store
from contexta.store.lifecycle.object_inventory import NEEDED, SALT, stored_digests
from contexta.store.schema import tables

MANIFEST = "manifest.json"
FORMAT = "contexta-backup"
_WITHOUT_SALT = "without the salt: hidden values and hosts of later runs cannot be compared with those of these runs"
_CHUNK = 1024 * 1024
_SMALL = 1024 * 1024  # larger objects are stored as they are: models and archives hardly shrink


def backup(store: Store, path: Path, *, with_salt: bool = True) -> Backup:
    """Write everything to a new file that only its owner can read; runs may go on meanwhile.

    with_salt: False leaves the salt out. A workspace restored from that file makes a new one.

    What is damaged is left out and named. Raises InvalidInput when the file exists, WorkspaceError when it cannot be
    written. A backup that does not come to its end leaves no file under that name.
    """
    if path.exists():
        raise InvalidInput(f"{path} exists", hint="name a new file: a backup never overwrites another one")
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.partial")
    try:
        with store.alone(), open_private(partial) as file:
            open_private(partial.with_suffix(".db")).close()  # SQLite keeps the permissions of a file that is there
            found = _written(store, file, partial.with_suffix(".db"), with_salt)
            file.flush()
            os.fsync(file.fileno())
        _publish(partial, path)
    except (OSError, sqlite3.Error) as error:
        raise WorkspaceError(
            f"{path} cannot be written: {getattr(error, 'strerror', None) or error}",
            hint="choose another place with enough space",
        ) from error
    finally:
        for suffix in (".partial", ".db", ".db-wal", ".db-shm", ".db-journal"):  # SQLite leaves some on a full disk
            partial.with_suffix(suffix).unlink(missing_ok=True)
    return found.model_copy(update={"path": path})


def open_private(path: Path) -> BinaryIO:
    """A new file that only its owner can read. Raises FileExistsError."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))  # Path.open has no opener


def _publish(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except FileExistsError:
        raise InvalidInput(f"{path} exists", hint="name a new file: a backup never overwrites another one") from None
    except OSError:  # a file system without hard links
        partial.rename(path)
    sync_directory(os.fspath(path.parent))


def _written(store: Store, file: BinaryIO, copy: Path, with_salt: bool) -> Backup:
    files: dict[str, dict[str, Any]] = {}
    damaged: list[Damage] = []
    store.copy_database(copy)
    runs, taken_in, needed = _said_in(copy)
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        with copy.open("rb") as source:
            files[DATABASE] = _add(archive, DATABASE, source, small=True)
        if store.is_local:
            _add_journals(archive, store, taken_in, files)
        _add_objects(archive, store, files, damaged)
        if with_salt:
            _add_salt(archive, store, files)
        about = {
            "format": FORMAT,
            "version": 1,
            "contexta": __version__,
            "schema": tables.SCHEMA_VERSION,
            "created_at": from_microseconds(time.time_ns() // 1000),
            "runs": runs,
            "files": files,
            "damaged": [each.model_dump(mode="json") for each in damaged],
            "notes": [
                *_elsewhere(store, needed - {name[-65:].replace("/", "") for name in files}, damaged),
                *([] if with_salt else [_WITHOUT_SALT]),
            ],
        }
        archive.writestr(_entry(MANIFEST, small=True), json.dumps(about, indent=1))
    return described(about, Path(copy.name))


def _elsewhere(store: Store, missing: set[str], damaged: list[Damage]) -> list[str]:
    """What of the objects that are needed is not in it, beyond those that are damaged."""
    missing -= {each.name for each in damaged}
    if not missing:
        return []
    where = "which are missing here" if store.has_all_objects else "which lie on the machines that recorded them"
    return [f"runs refer to {len(missing)} more objects, {where}"]


def described(about: dict[str, Any], path: Path) -> Backup:
    """A manifest in a few words."""
    files = about["files"]
    return Backup(
        path=path,
        created_at=about["created_at"],
        schema_version=about["schema"],
        size_bytes=sum(each["size"] for each in files.values()),
        runs=about["runs"],
        journals=sum(name.startswith(f"{JOURNALS}/") for name in files),
        objects=sum(name.startswith(f"{OBJECTS}/") for name in files.keys() - {f"{OBJECTS}/{SALT}"}),
        damaged=tuple(Damage.model_validate(each) for each in about["damaged"]),
        notes=tuple(map(str, about.get("notes", ()))),  # the first backups have none
    )


def _said_in(copy: Path) -> tuple[int, dict[str, int], set[str]]:
    """(how many runs a copied database has, how many bytes of each journal it has taken in, the objects it needs)"""
    with closing(sqlite3.connect(copy)) as raw:
        taken_in = dict(raw.execute("SELECT name, position FROM journal"))
        runs = int(raw.execute("SELECT count(*) FROM run").fetchone()[0])
        return runs, taken_in, {str(digest) for digest, _ in raw.execute(NEEDED)}


def _journals(folder: Path) -> Iterator[Path]:
    """Every journal; those of live runs before those that have ended, as that is the way they go."""
    for below in (folder, folder / ENDED):
        if below.is_dir():
            yield from sorted(path for path in below.iterdir() if path.suffix == SUFFIX)


def _place(path: Path, source: BinaryIO, taken_in: dict[str, int]) -> str:
    """Where a journal goes. One that ended after the database was copied is still to be taken in there."""
    size = os.fstat(source.fileno()).st_size
    ended = path.parent.name == ENDED and size <= taken_in.get(path.name, 0)
    return f"{JOURNALS}/{ENDED}/{path.name}" if ended else f"{JOURNALS}/{path.name}"


def _add_journals(
    archive: zipfile.ZipFile, store: Store, taken_in: dict[str, int], files: dict[str, dict[str, Any]]
) -> None:
    for path in _journals(store.journals):
        with (
            suppress(FileNotFoundError),
            open_plain(os.fspath(path)) as source,
        ):  # gone: set aside, and listed again there
            name = _place(path, source, taken_in)
            if f"{JOURNALS}/{path.name}" not in files:
                files[name] = _add(archive, name, source, small=True)


def _add_objects(
    archive: zipfile.ZipFile, store: Store, files: dict[str, dict[str, Any]], damaged: list[Damage]
) -> None:
    """Of every directory; what one of them has whole is not damaged."""
    faults: dict[str, Damage] = {}
    for directory in store.object_directories:
        for digest in stored_digests(Path(directory.root)):
            name = f"{OBJECTS}/{digest[:2]}/{digest[2:]}"
            if name not in files:
                try:
                    files[name] = _add_object(archive, name, directory, digest)
                except DamagedData as error:
                    faults[name] = Damage(kind="object", name=digest, detail=error.what)
                except NotFound:
                    pass  # removed since it was listed: nobody needs it
    damaged += [fault for name, fault in faults.items() if name not in files]


def _add_salt(archive: zipfile.ZipFile, store: Store, files: dict[str, dict[str, Any]]) -> None:
    with suppress(FileNotFoundError), open_plain(os.fspath(store.root / OBJECTS / SALT)) as source:
        files[f"{OBJECTS}/{SALT}"] = _add(archive, f"{OBJECTS}/{SALT}", source, small=True)


def _add_object(archive: zipfile.ZipFile, name: str, directory: Objects, digest: str) -> dict[str, Any]:
    directory.check(digest)
    with open_plain(directory.path(digest)) as source:
        return _add(archive, name, source, small=os.fstat(source.fileno()).st_size < _SMALL)


def _add(archive: zipfile.ZipFile, name: str, source: BinaryIO, *, small: bool) -> dict[str, Any]:
    found, size = sha256(), 0
    with archive.open(_entry(name, small=small), "w", force_zip64=True) as target:
        for chunk in _up_to(source, os.fstat(source.fileno()).st_size):
            found.update(chunk)
            size += len(chunk)
            target.write(chunk)
    return {"sha256": found.hexdigest(), "size": size}


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
