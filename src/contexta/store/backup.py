"""A whole workspace in one file: taken while runs are live, checked as a whole before anything is restored from it.

A backup is a ZIP archive: the database as of one moment, the journals, the objects, and ``manifest.json`` with the
sha256 and the size of each. The order makes it consistent. Journals only grow, so those copied after the database
hold all that it has taken in; what an object is needed for is written after it, so objects copied last are all there.
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
from urllib.parse import quote

from contexta import __version__
from contexta.errors import DamagedData, InvalidInput, WorkspaceError
from contexta.findings import Backup, Damage
from contexta.recorder.journal import SUFFIX
from contexta.recorder.objects import open_plain, sync_directory
from contexta.recorder.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.scalars import from_microseconds
from contexta.store import tables
from contexta.store.engine import Store
from contexta.store.maintenance import alone

MANIFEST = "manifest.json"
FORMAT = "contexta-backup"
SALT = ".salt"  # what secrets are hashed with: the hashes of later runs stay comparable with those of earlier ones
_CHUNK = 1024 * 1024
_SMALL = 1024 * 1024  # larger objects are stored as they are: models and archives hardly shrink


def backup(store: Store, path: Path) -> Backup:
    """Write everything to a new file; runs may go on meanwhile.

    What is damaged is left out and named. Raises InvalidInput when the file exists, WorkspaceError when it cannot be
    written. A backup that does not come to its end leaves no file under that name.
    """
    if path.exists():
        raise InvalidInput(f"{path} exists", hint="name a new file: a backup never overwrites another one")
    partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.partial")
    try:
        with alone(store.root), partial.open("xb") as file:
            found = _written(store, file, partial.with_suffix(".db"))
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
        partial.with_suffix(".db").unlink(missing_ok=True)
    return found.model_copy(update={"path": path})


def _publish(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except FileExistsError:
        raise InvalidInput(f"{path} exists", hint="name a new file: a backup never overwrites another one") from None
    except OSError:  # a file system without hard links
        partial.rename(path)
    sync_directory(os.fspath(path.parent))


def _written(store: Store, file: BinaryIO, copy: Path) -> Backup:
    files: dict[str, dict[str, Any]] = {}
    damaged: list[Damage] = []
    runs, taken_in = _copy_database(store.root / DATABASE, copy)
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        with copy.open("rb") as source:
            files[DATABASE] = _add(archive, DATABASE, source, small=True)
        for path in _journals(store.journals):
            with (
                suppress(FileNotFoundError),
                open_plain(os.fspath(path)) as source,
            ):  # gone: set aside, and listed again there
                name = _place(path, source, taken_in)
                if f"{JOURNALS}/{path.name}" not in files:
                    files[name] = _add(archive, name, source, small=True)
        objects = Path(store.objects.root)
        for digest in stored_digests(objects):
            if (added := _add_object(archive, store, digest, damaged)) is not None:
                files[f"{OBJECTS}/{digest[:2]}/{digest[2:]}"] = added
        with suppress(FileNotFoundError), open_plain(os.fspath(objects / SALT)) as source:
            files[f"{OBJECTS}/{SALT}"] = _add(archive, f"{OBJECTS}/{SALT}", source, small=True)
        about = {
            "format": FORMAT,
            "version": 1,
            "contexta": __version__,
            "schema": tables.SCHEMA_VERSION,
            "created_at": from_microseconds(time.time_ns() // 1000),
            "runs": runs,
            "files": files,
            "damaged": [each.model_dump(mode="json") for each in damaged],
        }
        archive.writestr(_entry(MANIFEST, small=True), json.dumps(about, indent=1))
    return described(about, Path(copy.name))


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
    )


def _copy_database(database: Path, copy: Path) -> tuple[int, dict[str, int]]:
    """The database as of one moment, by SQLite's online backup. Returns (how many runs it has, how many bytes of each
    journal it has taken in)."""
    with (
        closing(sqlite3.connect(f"file:{quote(os.fspath(database))}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        pages, free = (target.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        if free * 2 > pages:  # mostly what was deleted
            target.execute("VACUUM")
        taken_in = dict(target.execute("SELECT name, position FROM journal"))
        return int(target.execute("SELECT count(*) FROM run").fetchone()[0]), taken_in


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


def stored_digests(folder: Path) -> Iterator[str]:
    """The digests that the files of an object directory are named by, in order."""
    if not folder.is_dir():
        return
    for first in sorted(path for path in folder.iterdir() if len(path.name) == 2 and path.is_dir()):
        for rest in sorted(path.name for path in first.iterdir()):
            if len(rest) == 62 and not set(first.name + rest) - set("0123456789abcdef"):
                yield first.name + rest


def _add_object(archive: zipfile.ZipFile, store: Store, digest: str, damaged: list[Damage]) -> dict[str, Any] | None:
    try:
        store.objects.check(digest)
    except DamagedData as error:
        damaged.append(Damage(kind="object", name=digest, detail=error.what))
        return None
    with open_plain(store.objects.path(digest)) as source:
        small = os.fstat(source.fileno()).st_size < _SMALL
        return _add(archive, f"{OBJECTS}/{digest[:2]}/{digest[2:]}", source, small=small)


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
