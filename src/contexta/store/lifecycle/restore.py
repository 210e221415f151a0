"""Restore a backup: check all of it before writing anything, and make the workspace appear in one step.

A backup may come from anywhere. Its names must be those of files that a backup contains, so none leads elsewhere.
Links, devices and directories are refused. Sizes are counted while reading instead of trusted.
"""

from __future__ import annotations

import json
import os
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
from contexta.core.settings import DATABASE, JOURNALS, OBJECTS
from contexta.findings import Backup
from contexta.recorder.session.salt import NAME as SALT
from contexta.store.backends.copying import file_to_server
from contexta.store.backends.engine import Store, open_store
from contexta.store.ingest.ingest import ingest_journals
from contexta.store.lifecycle.backup import FORMAT, MANIFEST, described, open_private
from contexta.store.lifecycle.workspace_files import BISECT, OBJECT, SALT_FILE, kind_of, stored_digests
from contexta.store.schema import sqlite_ddl, tables
from contexta.store.schema.versions import require_usable

MAX_FILES = 5_000_000
MAX_RATIO = 200  # of unpacked to packed bytes; real workspaces stay far below
_SLACK = 16 * 1024 * 1024  # bytes that are not subject to the ratio
_MAX_MANIFEST = 1024 * 1024 * 1024
_CHUNK = 1024 * 1024
_LOCAL_HEADER = 30
_HINT = "use another backup"


def restore(path: Path, into: Path) -> Backup:
    """Restore a backup into a new or empty directory.

    Raises InvalidInput for a directory in use or a file that is no backup, DamagedData if its content does not match
    its manifest, WorkspaceTooNew if a newer Contexta wrote it, WorkspaceError without enough space.
    """
    _require_empty(into)
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = _checked_entries(archive, path)
            manifest = _manifest(archive, entries, path)
            for name in manifest["files"]:
                for _ in _verified(archive, entries[name], manifest, path):
                    pass
            _write(archive, entries, manifest, into, path)
    except FileNotFoundError:
        raise InvalidInput(f"there is no file {path}", hint="give a file that `contexta backup` wrote") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        _refuse(path, f"is not a backup, or is damaged: {error}")
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be restored into {into}: {error.strerror or error}", hint="choose another directory"
        ) from error
    return described(manifest, into)


def restore_to_server(path: Path, open_: Callable[[], Store]) -> Backup:
    """Restore a backup into the empty database of a server, and its studies into the directory on this machine.

    open_: opens the server, after the complete backup was checked. The journals are ingested first. All rows appear in
    one transaction after their objects, so a killed restore leaves everything or no rows. Raises as ``restore``.
    """
    with TemporaryDirectory(prefix="contexta-restore-") as folder:
        place = Path(folder) / "workspace"
        finding = restore(path, place)
        unpacked = open_store(place)
        try:
            ingest_journals(unpacked)
            store = open_()
            try:
                _fill(store, unpacked)
                notes = _copy_studies(unpacked.root, store.root)
            except sqlite3.Error as error:
                _refuse(path, f"contains a database that cannot be read: {error}")
            finally:
                store.close()
        finally:
            unpacked.close()
    return finding.model_copy(update={"path": path, "notes": (*finding.notes, *notes)})


def _copy_studies(unpacked: Path, root: Path) -> list[str]:
    """Copy the studies of `bisect` to this machine. Returns a note if it has other studies, or no space."""
    source, target = unpacked / BISECT, root / BISECT
    if not source.is_dir():
        return []
    if target.exists():
        return [
            f"{target} exists: the studies of the backup were not restored; restore it into a directory to see them"
        ]
    partial = root / f".new-{os.getpid()}-{BISECT}"
    try:
        shutil.copytree(source, partial)
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        return [f"the studies of the backup cannot be written to {target}: {error.strerror or error}"]
    return []


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
            raise InvalidInput(f"{store.name} is not empty", hint="create a new database: nothing is overwritten")


def _refuse(path: Path, words: str) -> NoReturn:
    raise DamagedData(f"{path} {words}", hint=_HINT) from None


def _require_empty(into: Path) -> None:
    if into.is_symlink() or (into.exists() and not into.is_dir()):
        raise InvalidInput(f"{into} is no directory", hint="name a new directory")
    if into.is_dir() and any(into.iterdir()):
        raise InvalidInput(f"{into} is not empty", hint="name a new directory: nothing is overwritten")


def _checked_entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Name -> entry of the archive, if a backup may contain each of them."""
    listed = archive.infolist()
    if len(listed) > MAX_FILES:
        _refuse(path, f"contains {len(listed)} files; {MAX_FILES} is the most")
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in listed:
        name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
        is_backed_up = name == MANIFEST or ((file := kind_of(name)) is not None and file.is_backed_up)
        if entry.orig_filename != name or not is_backed_up:
            _refuse(path, f"contains {shown(entry.orig_filename)}, which is not part of a backup")
        if name in entries:
            _refuse(path, f"contains {shown(name)} twice")
        if kind not in (0, stat.S_IFREG) or entry.flag_bits & 0x1:
            _refuse(path, f"contains {shown(name)} as a link, a device or encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            _refuse(path, f"contains {shown(name)} packed with another method than backups")
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
            _refuse(path, f"contains {shown(entry.filename)} within another file")
        end = entry.header_offset + _LOCAL_HEADER + len(entry.filename) + entry.compress_size


def _manifest(archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], path: Path) -> dict[str, Any]:
    if MANIFEST not in entries:
        _refuse(path, "is not a backup: it has no manifest")
    if entries[MANIFEST].file_size > _MAX_MANIFEST:
        _refuse(path, f"has a manifest of {entries[MANIFEST].file_size} bytes")
    try:
        manifest = json.loads(archive.read(entries[MANIFEST]))
        if manifest["format"] != FORMAT:
            _refuse(path, "is not a backup of a workspace")
        if (
            manifest["version"] == 1
            and isinstance(manifest["schema"], str)
            and manifest["schema"] <= tables.SCHEMA_VERSION
        ):
            require_usable(str(path), manifest["schema"])
        else:
            version = f"Contexta {manifest['contexta']} (schema {manifest['schema']})"
            raise WorkspaceTooNew(f"{path} was written by {version}, this is {__version__}", hint=upgrade_hint())
        described(manifest, path)
        for name, file in manifest["files"].items():
            if name not in entries or file["size"] != entries[name].file_size or not isinstance(file["sha256"], str):
                _refuse(path, f"does not contain {shown(name)} as its manifest says")
    except ContextaError as error:
        if isinstance(error, (DamagedData, WorkspaceError)):
            raise
        _refuse(path, f"has a manifest that cannot be read: {error.what}")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]  # zipfile imports it
        _refuse(path, f"has a manifest that cannot be read: {error}")
    if entries.keys() != manifest["files"].keys() | {MANIFEST} or DATABASE not in entries:
        _refuse(path, "does not match its manifest")
    return dict(manifest)


def _verified(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, manifest: dict[str, Any], path: Path
) -> Iterator[bytes]:
    """The bytes of an entry. Raises DamagedData at their end if they do not match the manifest."""
    import zlib

    name, expected = entry.filename, manifest["files"][entry.filename]
    digest, size = sha256(), 0
    try:
        with archive.open(entry) as file:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                if size > expected["size"]:
                    _refuse(path, f"contains {shown(name)} larger than its manifest says")
                digest.update(chunk)
                yield chunk
    except zlib.error as error:
        _refuse(path, f"is damaged in {shown(name)}: {error}")
    name_digest = name[-65:].replace("/", "") if kind_of(name) is OBJECT else expected["sha256"]
    if size != expected["size"] or not (digest.hexdigest() == expected["sha256"] == name_digest):
        _refuse(path, f"is damaged: {shown(name)} does not match its digest in the manifest")


def _require_ours(database: Path, manifest: dict[str, Any], path: Path) -> None:
    """Refuse a database with another schema, or with triggers or views, which would run when it is opened."""
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fspath(database))}?mode=ro&immutable=1", uri=True)) as raw:
            raw.execute("PRAGMA trusted_schema = OFF")
            definitions = raw.execute(sqlite_ddl.DEFINITIONS).fetchall()
            version = raw.execute(f"SELECT version_num FROM {tables.VERSION_TABLE}").fetchall()
    except sqlite3.Error as error:
        _refuse(path, f"contains a database that cannot be read: {error}")
    if version != [(manifest["schema"],)]:
        _refuse(path, "contains a database with another schema than its manifest says")
    active = [shown(str(name)) for kind, name, *_ in definitions if kind in ("trigger", "view")]
    if active:
        names = ", ".join(sorted(active)[:5])
        _refuse(path, f"contains a database with triggers or views that are not Contexta's: {names}")


def _write(
    archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], manifest: dict[str, Any], into: Path, path: Path
) -> None:
    """Write everything next to the workspace first; then rename it in one step."""
    into = into.absolute()
    needed = sum(file["size"] for file in manifest["files"].values())
    make_directory(os.fspath(into.parent))
    if (free := shutil.disk_usage(into.parent).free) < needed:
        raise WorkspaceError(f"{into} needs {needed} bytes, and {free} are free", hint="choose another place")
    partial = into.with_name(f".{into.name}.{os.getpid()}-{os.urandom(4).hex()}.partial")
    try:
        workspaces = [partial, *([partial / BISECT] if f"{BISECT}/{DATABASE}" in entries else [])]
        for folder in workspaces:
            for part in (folder, folder / JOURNALS, folder / OBJECTS):
                part.mkdir(mode=0o777)
        for name in manifest["files"]:
            target = partial.joinpath(*name.split("/"))
            target.parent.mkdir(parents=True, exist_ok=True)
            with open_private(target) if kind_of(name) is SALT_FILE else target.open("xb") as file:
                for chunk in _verified(archive, entries[name], manifest, path):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        for folder in sorted({partial, *(written.parent for written in partial.rglob("*"))}):
            sync_directory(os.fspath(folder))
        for workspace in workspaces:
            _require_ours(workspace / DATABASE, manifest, path)
            open_store(workspace).close()
        if into.is_dir():
            into.rmdir()
        partial.rename(into)
        sync_directory(os.fspath(into.parent))
    finally:
        if partial.exists():
            shutil.rmtree(partial)
