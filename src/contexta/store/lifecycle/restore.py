"""Restoring a backup: nothing is written before all of it was checked, and nothing appears before all of it is there.

What comes in such a file may have been made by anybody. Names are compared with the few forms that a backup has, so
none can lead elsewhere; links, devices and directories are refused; sizes are counted while reading, not believed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn
from urllib.parse import quote

from sqlalchemy import Connection, select

from contexta import __version__
from contexta.core.errors import ContextaError, DamagedData, InvalidInput, WorkspaceError, WorkspaceTooNew, shown
from contexta.core.files.atomic_files import make_directory, sync_directory
from contexta.core.own_source import upgrade_hint
from contexta.core.settings import DATABASE, ENDED, JOURNALS, OBJECTS
from contexta.findings import Backup
from contexta.store.backends.copying import file_to_server
from contexta.store.backends.engine import Store, open_store
from contexta.store.ingest.ingest import take_in
from contexta.store.lifecycle.backup import FORMAT, MANIFEST, described, open_private
from contexta.store.lifecycle.object_inventory import SALT, stored_digests
from contexta.store.schema import sqlite_ddl, tables
from contexta.store.schema.versions import require_usable

MAX_FILES = 5_000_000
MAX_RATIO = 200  # of what is unpacked to what is packed; real workspaces stay far below
_SLACK = 16 * 1024 * 1024  # bytes that may always be unpacked
_MAX_MANIFEST = 1024 * 1024 * 1024
_CHUNK = 1024 * 1024
_COMPONENT = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_OBJECT = re.compile(rf"{OBJECTS}/([0-9a-f]{{2}})/([0-9a-f]{{62}})\Z")
_JOURNAL = re.compile(rf"{JOURNALS}/(?:{ENDED}/)?{_COMPONENT}\.{_COMPONENT}(?:\.\d{{1,10}}-[0-9a-f]{{8}})?\.jsonl\Z")
_LOCAL_HEADER = 30
_HINT = "use another backup"


def restore(path: Path, into: Path) -> Backup:
    """Make a workspace of a backup. into: the workspace's directory; it is new, or empty.

    Raises InvalidInput when the directory is in use or the file is no backup, DamagedData when something in it is not
    what its manifest says, WorkspaceTooNew when a newer Contexta made it, WorkspaceError when there is no space.
    """
    _require_empty(into)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = _checked_entries(archive, path)
            about = _manifest(archive, entries, path)
            for name in about["files"]:
                for _ in _verified(archive, entries[name], about, path):
                    pass
            _write(archive, entries, about, into, path)
    except FileNotFoundError:
        raise InvalidInput(f"there is no file {path}", hint="give a file that `contexta backup` wrote") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        _refuse(path, f"is no backup, or damaged: {error}")
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be restored into {into}: {error.strerror or error}", hint="choose another directory"
        ) from error
    return described(about, into)


def restore_to_server(path: Path, open_: Callable[[], Store]) -> Backup:
    """Fill a server's database, which holds nothing, with a backup.

    open_: opens it, once all of the backup was checked. All rows appear in one transaction, and their objects before
    them: killed at any moment, it holds everything or no rows. What the backup's journals say is in the rows. Raises
    as ``restore``.
    """
    with TemporaryDirectory(prefix="contexta-restore-") as folder:
        place = Path(folder) / "workspace"
        found = restore(path, place)
        unpacked = open_store(place)
        try:
            take_in(unpacked)
            store = open_()
            try:
                _fill(store, unpacked)
            except sqlite3.Error as error:
                _refuse(path, f"holds a database that cannot be read: {error}")
            finally:
                store.close()
        finally:
            unpacked.close()
    return found.model_copy(update={"path": path})


def _fill(store: Store, unpacked: Store) -> None:
    with store.reading() as connection:
        _require_no_rows(connection, store)
    for digest in stored_digests(Path(unpacked.objects.root)):
        store.objects.put_file(unpacked.objects.path(digest))
    salt = store.root / OBJECTS / SALT
    if not salt.exists() and (unpacked.root / OBJECTS / SALT).exists():
        with open_private(salt) as file:
            file.write((unpacked.root / OBJECTS / SALT).read_bytes())
    with store.writing() as connection:
        _require_no_rows(connection, store)
        file_to_server(unpacked.root / DATABASE, connection)


def _require_no_rows(connection: Connection, store: Store) -> None:
    for table in tables.metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise InvalidInput(f"{store.name} is not empty", hint="make a new database: nothing is overwritten")


def _refuse(path: Path, words: str) -> NoReturn:
    raise DamagedData(f"{path} {words}", hint=_HINT) from None


def _require_empty(into: Path) -> None:
    if into.is_symlink() or (into.exists() and not into.is_dir()):
        raise InvalidInput(f"{into} is no directory", hint="name a new directory")
    if into.is_dir() and any(into.iterdir()):
        raise InvalidInput(f"{into} is not empty", hint="name a new directory: nothing is overwritten")


def _checked_entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The archive's entries by name, when each is one that a backup may have."""
    listed = archive.infolist()
    if len(listed) > MAX_FILES:
        _refuse(path, f"holds {len(listed)} files; {MAX_FILES} is the most")
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in listed:
        name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
        if entry.orig_filename != name or not (
            name in (MANIFEST, DATABASE, f"{OBJECTS}/{SALT}") or _OBJECT.match(name) or _JOURNAL.match(name)
        ):
            _refuse(path, f"holds {shown(entry.orig_filename)}, which is no part of a backup")
        if name in entries:
            _refuse(path, f"holds {shown(name)} twice")
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & 0x1:
            _refuse(path, f"holds {shown(name)} as a link, a device or encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            _refuse(path, f"holds {shown(name)} packed in a way that backups are not")
        entries[name] = entry
        if entry.file_size > _SLACK + MAX_RATIO * entry.compress_size:
            _refuse(path, f"would unpack {shown(name)} to {entry.file_size} bytes from {entry.compress_size}")
    _require_apart(listed, path)
    return entries


def _require_apart(entries: list[zipfile.ZipInfo], path: Path) -> None:
    """Entries that share their bytes are how a small archive becomes endless."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            _refuse(path, f"holds {shown(entry.filename)} within another file")
        end = entry.header_offset + _LOCAL_HEADER + len(entry.filename) + entry.compress_size


def _manifest(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], path: Path) -> dict[str, Any]:
    if MANIFEST not in entries:
        _refuse(path, "is no backup: it has no manifest")
    if entries[MANIFEST].file_size > _MAX_MANIFEST:
        _refuse(path, f"has a manifest of {entries[MANIFEST].file_size} bytes")
    try:
        about = json.loads(archive.read(entries[MANIFEST]))
        if about["format"] != FORMAT:
            _refuse(path, "is no backup of a workspace")
        if about["version"] == 1 and isinstance(about["schema"], str) and about["schema"] <= tables.SCHEMA_VERSION:
            require_usable(str(path), about["schema"])
        else:
            raise WorkspaceTooNew(
                f"{path} was written by Contexta {about['contexta']} (schema {about['schema']}), this is {__version__}",
                hint=upgrade_hint(),
            )
        described(about, path)
        for name, told in about["files"].items():
            if name not in entries or told["size"] != entries[name].file_size or not isinstance(told["sha256"], str):
                _refuse(path, f"does not hold {shown(name)} as its manifest says")
    except ContextaError as error:
        if isinstance(error, (DamagedData, WorkspaceError)):
            raise
        _refuse(path, f"has a manifest that cannot be read: {error.what}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]  # zipfile imports it
        _refuse(path, f"has a manifest that cannot be read: {error}")
    if entries.keys() != about["files"].keys() | {MANIFEST} or DATABASE not in entries:
        _refuse(path, "does not hold what its manifest says")
    return dict(about)


def _verified(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, about: dict[str, Any], path: Path) -> Iterator[bytes]:
    """The bytes of an entry; raises at their end if they are not what the manifest says."""
    import zlib

    name, told = entry.filename, about["files"][entry.filename]
    found, size = sha256(), 0
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                if size > told["size"]:
                    _refuse(path, f"holds {shown(name)} larger than its manifest says")
                found.update(chunk)
                yield chunk
    except zlib.error as error:
        _refuse(path, f"is damaged in {shown(name)}: {error}")
    named = "".join(match.groups()) if (match := _OBJECT.match(name)) else told["sha256"]
    if size != told["size"] or not (found.hexdigest() == told["sha256"] == named):
        _refuse(path, f"is damaged: {shown(name)} is not what was backed up")


def _require_ours(database: Path, about: dict[str, Any], path: Path) -> None:
    """Nothing in a database may act by itself, before it is opened as ours: neither triggers nor views of others."""
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fspath(database))}?mode=ro&immutable=1", uri=True)) as raw:
            raw.execute("PRAGMA trusted_schema = OFF")
            definitions = raw.execute(sqlite_ddl.DEFINITIONS).fetchall()
            version = raw.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchall()
    except sqlite3.Error as error:
        _refuse(path, f"holds a database that cannot be read: {error}")
    if version != [(about["schema"],)]:
        _refuse(path, "holds a database of another schema than its manifest says")
    active = [shown(str(name)) for kind, name, *_ in definitions if kind in ("trigger", "view")]
    if active:
        names = ", ".join(sorted(active)[:5])
        _refuse(path, f"holds a database with triggers or views that are not Contexta's: {names}")


def _write(
    archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], about: dict[str, Any], into: Path, path: Path
) -> None:
    """Everything beside its place first; then it takes that place in one step."""
    into = into.absolute()
    needed = sum(told["size"] for told in about["files"].values())
    make_directory(os.fspath(into.parent))
    if (free := shutil.disk_usage(into.parent).free) < needed:
        raise WorkspaceError(f"{into} needs {needed} bytes, and {free} are free", hint="choose another place")
    partial = into.with_name(f".{into.name}.{os.getpid()}-{os.urandom(4).hex()}.partial")
    try:
        for folder in (partial, partial / JOURNALS, partial / OBJECTS):
            folder.mkdir(mode=0o777)
        for name in about["files"]:
            target = partial.joinpath(*name.split("/"))
            target.parent.mkdir(exist_ok=True)
            with open_private(target) if target.name == SALT else target.open("xb") as file:
                for chunk in _verified(archive, entries[name], about, path):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        for folder in sorted({partial, *(each.parent for each in partial.rglob("*"))}):
            sync_directory(os.fspath(folder))
        _require_ours(partial / DATABASE, about, path)
        open_store(partial).close()
        if into.is_dir():
            into.rmdir()
        partial.rename(into)
        sync_directory(os.fspath(into.parent))
    finally:
        if partial.exists():
            shutil.rmtree(partial)
