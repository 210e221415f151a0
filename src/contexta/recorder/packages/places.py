"""Find the metadata of distributions, in the order of ``sys.path``.

Sources: PEP 376 and 427 (dist-info), setuptools (egg-info, egg-link).
"""

from __future__ import annotations

import os
import re
import sys

from contexta.recorder.notes import note, reason
from contexta.recorder.packages.archives import archive_around
from contexta.recorder.packages.metadata import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Optional, Sequence

    from contexta.recorder.notes import Note

TOPIC = "distributions"
_ENDINGS = (".dist-info", ".egg-info", ".egg-link", ".egg")
_STDLIB_ZIP = re.compile(r"python\d+\.zip\Z")
_SHAPE = "3"  # version of the data stored under a fingerprint; another format must have another fingerprint


class _Folder:
    """An entry of sys.path. files: the names in it that belong to metadata. problem: why Python passes over it."""

    __slots__ = ("archive", "files", "path", "problem")

    def __init__(self, path: str, files: Sequence[str] = (), problem: str = "", archive: bool = False) -> None:
        self.path = path
        self.files = files
        self.problem = problem
        self.archive = archive


def _folders(path: Optional[Sequence[Any]]) -> Iterator[_Folder]:
    """The entries in order, each directory once, even if two entries lead to it (lib64, the current directory)."""
    paths = set()
    for entry in sys.path if path is None else path:
        if not isinstance(entry, str):
            yield _Folder(repr(entry), problem="it is no text")
            continue
        folder = entry or os.curdir
        try:
            facts = os.stat(folder)
        except (OSError, ValueError) as error:
            if archive_around(folder) is not None:
                yield _Folder(folder, archive=True)
            elif not _STDLIB_ZIP.search(folder):
                yield _Folder(folder, problem=reason(error).partition(":")[0])
            continue
        key = (facts.st_dev, facts.st_ino)
        if key in paths:
            continue
        paths.add(key)
        try:
            names = os.listdir(folder)
        except NotADirectoryError:
            yield _Folder(folder, archive=True)
        except OSError as error:
            yield _Folder(folder, problem=reason(error).partition(":")[0])
        else:
            files = [name for name in names if name.endswith(_ENDINGS) or name[:1] == "~"]
            if folder.endswith(".egg") and "EGG-INFO" in names:
                files.append("EGG-INFO")
            files.sort()
            yield _Folder(folder, files)


def fingerprint(path: Optional[Sequence[str]] = None) -> str:
    """A hex digest that changes if a distribution is installed, removed or replaced. About 2 ms for 300.

    It covers the names, inodes, modification times and order of the metadata directories, but neither the commits of
    editable checkouts nor files that were edited in place.
    """
    from hashlib import sha256

    parts = [_SHAPE]
    for folder in _folders(path):
        if folder.files or folder.problem or folder.archive:
            parts.append(f"{folder.path}\0{folder.problem}")
        for name in [""] if folder.archive else folder.files:
            try:
                facts = os.stat(os.path.join(folder.path, name) if name else _archive_of(folder.path))
                parts.append(f"{name}\0{facts.st_ino}\0{facts.st_mtime_ns}")
            except OSError as error:
                parts.append(f"{name}\0{type(error).__name__}")
    return sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _archive_of(entry: str) -> str:
    return (archive_around(entry) or (entry, ""))[0]


def places(path: Optional[Sequence[str]] = None) -> tuple[list[Place], list[Note]]:
    """The places of metadata, in sys.path order, including shadowed distributions. About 2 ms.

    Only egg-links are opened.
    """
    metadata: list[Place] = []
    notes: list[Note] = []
    linked: dict[str, str] = {}
    for folder in _folders(path):
        if folder.problem:
            notes.append(note(TOPIC, f"sys.path entry {folder.path} is ignored: {folder.problem}"))
        elif folder.archive:
            metadata.append(Place(folder.path, ""))
        leftovers = [name for name in folder.files if name[0] == "~"]
        if leftovers:
            notes.append(
                note(TOPIC, f"left by an interrupted uninstall in {folder.path}, not counted: {', '.join(leftovers)}")
            )
        for name in folder.files:
            if name[0] == "~" or (name.endswith(".egg") and name != "EGG-INFO"):
                continue  # an .egg counts when it is an entry itself
            if name.endswith(".egg-link"):
                _follow(os.path.join(folder.path, name), linked, notes)
            else:
                metadata.append(Place(folder.path, "EGG-INFO" if name == "EGG-INFO" else name))
    _mark_linked(metadata, linked, notes)
    return metadata, notes


def _follow(link: str, linked: dict[str, str], notes: list[Note]) -> None:
    try:
        with open(link, "rb") as file:
            target = os.fsdecode(file.readline().strip())
    except OSError as error:
        notes.append(note(TOPIC, f"{link} cannot be read: {reason(error)}"))
        return
    linked[os.path.realpath(target)] = link


def _mark_linked(metadata: list[Place], linked: dict[str, str], notes: list[Note]) -> None:
    if not linked:
        return
    for place in metadata:
        target = os.path.realpath(place.folder)
        if target in linked and place.file.endswith(".egg-info"):
            place.linked = True
    reached = {os.path.realpath(place.folder) for place in metadata}
    for target, link in linked.items():
        if target not in reached:
            notes.append(note(TOPIC, f"{link} leads to {target}, where sys.path finds no distribution"))
