"""The distributions an interpreter sees, in ``sys.path`` order: the first of two of one name is the one that runs.

Reads the metadata directories itself: importing importlib.metadata and asking it costs several times as much.
Sources: PEP 376 and 427 (dist-info), PEP 610 (direct_url.json), PEP 503 (names), setuptools (egg-info, egg-link).
"""

from __future__ import annotations

import os
import re
import sys

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.probes.origins import origin_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Optional, Sequence

    from contexta.recorder.notes import Note

TOPIC = "distributions"
_ENDINGS = (".dist-info", ".egg-info", ".egg-link", ".egg")
_STDLIB_ZIP = re.compile(r"python\d+\.zip\Z")
_FIELDS = re.compile(rb"^(Name|Version|Requires-Dist):[ \t]*([^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_EGG_TAG = re.compile(r"-py\d[\d.]*(?:-.*)?\Z")  # name-version-py3.11-linux_x86_64.egg
_SEPARATORS = re.compile(r"[-_.]+")
_SHAPE = "3"  # of what installed() returns: what was remembered in another shape must not be found by its fingerprint
_HEAD = 16 * 1024


def normalised(name: str) -> str:
    """The name by which indexes compare (PEP 503)."""
    return _SEPARATORS.sub("-", name).lower()


class Place:
    """Where the metadata of one distribution lies; name and version as its directory name spells them, or None.

    folder: the sys.path entry. file: name of the metadata directory or file in it; "" when it is the entry itself.
    """

    __slots__ = ("file", "folder", "linked", "name", "version")

    def __init__(self, folder: str, file: str, linked: bool = False) -> None:
        self.folder = folder
        self.file = file
        self.linked = linked  # an .egg-link leads here: setup.py develop
        stem = os.path.splitext(file or os.path.basename(folder))[0]
        name, dash, version = _EGG_TAG.sub("", stem).rpartition("-")
        if not dash:
            name, version = stem, ""
        self.name = normalised(name) if _NAME.match(name) else None
        self.version = version or None

    @property
    def path(self) -> str:
        return os.path.join(self.folder, self.file) if self.file else self.folder

    @property
    def is_standard(self) -> bool:
        return self.file.endswith(".dist-info")


# ---------------------------------------------------------------------------------------------- finding


class _Folder:
    """One entry of sys.path as listed: the names in it that say something about distributions."""

    __slots__ = ("archive", "files", "path", "problem")

    def __init__(self, path: str, files: Sequence[str] = (), problem: str = "", archive: bool = False) -> None:
        self.path = path
        self.files = files
        self.problem = problem
        self.archive = archive


def _folders(path: Optional[Sequence[Any]]) -> Iterator[_Folder]:
    """The entries in order, each directory once even when two entries lead to it (lib64, the current directory)."""
    seen = set()
    for entry in sys.path if path is None else path:
        if not isinstance(entry, str):
            yield _Folder(repr(entry), problem="it is no text, so Python passes over it")
            continue
        folder = entry or os.curdir
        try:
            facts = os.stat(folder)
        except (OSError, ValueError) as error:
            from contexta.recorder.probes.legacy_distributions import archive_around

            if archive_around(folder) is not None:
                yield _Folder(folder, archive=True)
            elif not _STDLIB_ZIP.search(folder):
                yield _Folder(folder, problem=reason(error).partition(":")[0])
            continue
        key = (facts.st_dev, facts.st_ino)
        if key in seen:
            continue
        seen.add(key)
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
    """A hex digest that changes when a distribution is installed, removed or replaced. About 2 ms for 300.

    Made of the names, inodes and modification times of the metadata directories and of the order they are found in.
    It does not see an editable checkout that moved to another commit, nor files edited in place.
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
    from contexta.recorder.probes.legacy_distributions import archive_around

    return (archive_around(entry) or (entry, ""))[0]


def places(path: Optional[Sequence[str]] = None) -> tuple[list[Place], list[Note]]:
    """Where metadata lies, in sys.path order, shadowed ones included; nothing is opened but egg-links. About 2 ms."""
    found: list[Place] = []
    notes: list[Note] = []
    linked: dict[str, str] = {}
    for folder in _folders(path):
        if folder.problem:
            notes.append(note(TOPIC, f"sys.path entry {folder.path} is passed over: {folder.problem}"))
        elif folder.archive:
            found.append(Place(folder.path, ""))
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
                found.append(Place(folder.path, "EGG-INFO" if name == "EGG-INFO" else name))
    _mark_linked(found, linked, notes)
    return found, notes


def _follow(link: str, linked: dict[str, str], notes: list[Note]) -> None:
    try:
        with open(link, "rb") as file:
            target = os.fsdecode(file.readline().strip())
    except OSError as error:
        notes.append(note(TOPIC, f"{link} cannot be read: {reason(error)}"))
        return
    linked[os.path.realpath(target)] = link


def _mark_linked(found: list[Place], linked: dict[str, str], notes: list[Note]) -> None:
    if not linked:
        return
    for place in found:
        target = os.path.realpath(place.folder)
        if target in linked and place.file.endswith(".egg-info"):
            place.linked = True
    reached = {os.path.realpath(place.folder) for place in found}
    for target, link in linked.items():
        if target not in reached:
            notes.append(note(TOPIC, f"{link} leads to {target}, where sys.path finds no distribution"))


# ---------------------------------------------------------------------------------------------- reading


def installed(path: Optional[Sequence[str]] = None) -> tuple[list[dict[str, Any]], list[Note]]:
    """Every distribution on ``path`` (sys.path), each as the fields of ``contract.Distribution``; and notes.

    In sys.path order, by directory name within an entry; of one name only the first, which is what runs. Fields that
    are unknown are left out. ``build`` is not here (see ``files.builds``), nor what git says of editable ones (see
    ``origins.with_checkouts``). Never raises: what is broken is noted. About 30 ms for 300 distributions.
    """
    found, notes = places(path)
    kept: dict[str, tuple[dict[str, Any], Place]] = {}
    for place in found:
        for described in _described(place, notes):
            name = described["name"]
            if name not in kept:
                kept[name] = (described, place)
                continue
            first, first_place = kept[name]
            if _is_own_source(first_place, described):
                kept[name] = (described, place)
            elif first_place.folder == place.folder:
                kept[name] = _newer(kept[name], (described, place), notes)
            else:
                notes.append(
                    note(
                        TOPIC,
                        f"{name} {described['version']} in {place.folder} is shadowed by {first['version']} in "
                        f"{first_place.folder}",
                    )
                )
    return [described for described, _ in kept.values()], notes


def _is_own_source(first: Place, second: dict[str, Any]) -> bool:
    """Whether ``first`` is only the egg-info that building the editable ``second`` left in its source directory."""
    origin = second["origin"]
    if origin["kind"] != "editable" or not first.file.endswith(".egg-info") or "url" not in origin:
        return False
    from contexta.recorder.probes.origins import local_path

    source = local_path(origin["url"])
    folder = os.path.realpath(first.folder)
    return source is not None and (folder + os.sep).startswith(os.path.realpath(source) + os.sep)


def _newer(
    first: tuple[dict[str, Any], Place], second: tuple[dict[str, Any], Place], notes: list[Note]
) -> tuple[dict[str, Any], Place]:
    """Of two in one directory, which happens after a broken upgrade, the one whose metadata was written last."""
    one, two = first[0]["version"], second[0]["version"]
    winner = second if _written(second[1]) > _written(first[1]) else first
    text = f"{first[0]['name']} has two metadata directories in {first[1].folder}: {one} and {two}"
    notes.append(note(TOPIC, f"{text}; {winner[0]['version']} was written last and is taken"))
    return winner


def _written(place: Place) -> int:
    try:
        return os.stat(place.path).st_mtime_ns
    except OSError:
        return 0


def _described(place: Place, notes: list[Note]) -> Iterator[dict[str, Any]]:
    """What ``place`` says: one distribution; none when it is broken beyond reading; several from an archive."""
    try:
        if not place.file:
            from contexta.recorder.probes.legacy_distributions import in_archive

            yield from in_archive(place, notes)
        elif place.is_standard:
            yield from _dist_info(place, notes)
        else:
            from contexta.recorder.probes.legacy_distributions import egg_info

            yield from egg_info(place, notes)
    except OSError as error:
        notes.append(note(TOPIC, f"{place.path} cannot be read: {reason(error)}"))


def _dist_info(place: Place, notes: list[Note]) -> Iterator[dict[str, Any]]:
    directory = place.path
    head = b""
    files: list[str] = []
    try:
        files = os.listdir(directory)
    except PermissionError as error:  # its name still says what it is
        notes.append(note(TOPIC, f"{directory} cannot be listed: {reason(error).partition(':')[0]}"))
    if "METADATA" in files:
        try:
            head = read_head(os.path.join(directory, "METADATA"))
        except OSError as error:
            notes.append(note(TOPIC, f"METADATA in {directory} cannot be read: {reason(error)}"))
    described = from_metadata(head, place, notes)
    if described is None:
        return
    installer = _installer(directory, notes) if "INSTALLER" in files else None
    if installer:
        described["installer"] = installer
    if installer != "uv":  # uv marks all it installs as asked for, dependencies too
        if "REQUESTED" in files:
            described["requested"] = True
        elif installer == "pip":
            described["requested"] = False
    described["origin"] = origin_of(directory, "direct_url.json" in files, described, notes)
    yield described


def _installer(directory: str, notes: list[Note]) -> Optional[str]:
    try:
        with open(os.path.join(directory, "INSTALLER"), "rb", 0) as file:
            text = storable(file.read(250).decode("utf-8", "backslashreplace").strip())
    except OSError as error:
        notes.append(note(TOPIC, f"INSTALLER in {directory} cannot be read: {reason(error)}"))
        return None
    return text if text.isprintable() else ascii(text)[1:-1][:250]


def read_head(path: str) -> bytes:
    """The header of a METADATA or PKG-INFO file: all up to the first blank line. The description is not read."""
    with open(path, "rb", 0) as file:
        data = file.read(_HEAD) or b""
        end = _end_of_head(data)
        while end < 0:
            more = file.read(1 << 20)
            if not more:
                return data
            data += more
            end = _end_of_head(data)
    return data[:end]


def _end_of_head(data: bytes) -> int:
    end = data.find(b"\n\n")
    windows = data.find(b"\r\n\r\n", 0, end if end >= 0 else len(data))
    return windows if windows >= 0 else end


def from_metadata(head: bytes, place: Place, notes: list[Note]) -> Optional[dict[str, Any]]:
    """Name, display name, version and requirements by a metadata header; where it fails, by the directory's name.

    None, and a note, when neither gives a name and a version.
    """
    fields: dict[bytes, str] = {}
    requires: list[str] = []
    damaged = False
    for key, raw in _FIELDS.findall(head):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text, damaged = raw.decode("utf-8", "backslashreplace"), True
        if key == b"Requires-Dist":
            requires.append(requirement(text))
        else:
            fields.setdefault(key, text.strip())
    name, version = fields.get(b"Name", ""), fields.get(b"Version", "")
    if damaged:
        notes.append(note(TOPIC, f"the metadata in {place.path} is not UTF-8; its bytes are written as escapes"))
    if not (_NAME.match(name) and len(name) <= 250 and _is_version(version)):
        return _from_file_name(place, name, version, requires, notes)
    described: dict[str, Any] = {"name": normalised(name), "version": version}
    if name != described["name"]:
        described["display_name"] = name
    if requires:
        described["requires"] = requires
    return described


def requirement(text: str) -> str:
    """A line of requirements as it is recorded: on one line, without credentials in its URL."""
    text = " ".join(text.split()) if "\n" in text else text.strip()
    if "://" not in text:
        return storable(text)
    from contexta.recorder.redaction.redact import clean_url

    return clean_url(text)


def _from_file_name(
    place: Place, name: str, version: str, requires: list[str], notes: list[Note]
) -> Optional[dict[str, Any]]:
    usable = normalised(name) if _NAME.match(name) and len(name) <= 250 else place.name
    number = version if _is_version(version) else place.version
    if usable is None or len(usable) > 250 or number is None or not _is_version(number):
        what = f"{usable}: no version can be read" if usable else "no name and version can be read"
        notes.append(note(TOPIC, f"{place.path} is left out: {what}"))
        return None
    notes.append(note(TOPIC, f"the metadata of {usable} is broken; {usable} {number} is read from {place.path}"))
    return {"name": usable, "version": number, **({"requires": requires} if requires else {})}


def _is_version(text: str) -> bool:
    return 0 < len(text) <= 250 and text.isprintable() and " " not in text
