"""Compare the files of installed distributions with RECORD: the digest of the build, edited files, owners of files.

Source: PEP 376 and the binary distribution format (RECORD: path, hash, size; the hash is urlsafe base64 unpadded).
"""

from __future__ import annotations

import os

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.packages import legacy_distributions
from contexta.recorder.packages.archives import read_inside
from contexta.recorder.packages.metadata import normalised
from contexta.recorder.packages.places import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Dict, Iterator, List, Optional, Sequence, Tuple

    from contexta.recorder.notes import Note
    from contexta.recorder.packages.metadata import Place

    Edit = Dict[str, str]  # name, path, change
    Line = Tuple[str, str, str]  # path, hash, size

TOPIC, EDITED = "files", "edited files"
_CLOCK_SLACK = 2_000_000_000  # ns; FAT and some network file systems keep times to two seconds
_SHOWN = 5  # edited files of one distribution that a note names
# Installers write these files, which differ for the same wheel
_INSTALLERS_OWN = (b"INSTALLER", b"REQUESTED", b"RECORD", b"direct_url.json", b"uv_cache.json", b"uv_build.json")


def builds(path: Optional[Sequence[str]] = None) -> tuple[dict[str, str], list[Note]]:
    """Normalised name -> sha256 in hex of the RECORD of the installed build; and notes.

    It covers the sorted lines that came with the wheel. Lines that an installer adds (INSTALLER, scripts, bytecode)
    differ between environments. A distribution without RECORD is left out. About 50 ms for 300 distributions.
    """
    from hashlib import sha256

    digests: dict[str, str] = {}
    notes: list[Note] = []
    for place, record in _records(path, notes):
        if place.name is not None and place.name not in digests:
            digests[place.name] = sha256(of_wheel(place, record)).hexdigest()
    return digests, notes


def of_wheel(place: Place, record: bytes) -> bytes:
    """The sorted lines of a RECORD that came with the wheel."""
    if b"\r" in record:
        record = record.replace(b"\r\n", b"\n")
    # Bytecode and RECORD itself have no digest. Scripts lie outside, and contain the path of their environment.
    wheel_lines = [line for line in record.split(b"\n") if line and line[-1:] != b"," and line[:3] != b"../"]
    inside = os.fsencode(place.file) + b"/"
    own = tuple(inside + name + b"," for name in _INSTALLERS_OWN)
    wheel_lines = [
        line for line in wheel_lines if not (line.startswith(inside) and line.startswith(own))
    ]  # the first is cheap
    return b"\n".join(sorted(wheel_lines))


def _records(
    path: Optional[Sequence[str]], notes: list[Note], names: Optional[Collection[str]] = None
) -> Iterator[tuple[Place, bytes]]:
    """Each dist-info with its RECORD. names: which distributions; None for all."""
    for place in places(path)[0]:
        if not place.is_standard or (names is not None and place.name not in names):
            continue
        try:
            with open(os.path.join(place.path, "RECORD"), "rb", 0) as file:
                record = file.read()
        except FileNotFoundError:
            continue  # system packages and some build tools leave it out
        except OSError as error:
            notes.append(note(TOPIC, f"RECORD of {place.name} cannot be read: {reason(error)}"))
            continue
        yield place, record


def edited_files(path: Optional[Sequence[str]] = None) -> tuple[list[Edit], list[Note]]:
    """Files of installed distributions that differ from RECORD: name, path, change; and notes.

    change: ``missing``, ``size`` or ``content``. Every file of every distribution is read.
    """
    edits: list[Edit] = []
    notes: list[Note] = []
    paths = set()
    for place, record in _records(path, notes):
        if place.name in paths:
            continue
        paths.add(place.name)
        for file, digest, size in lines(record):
            change = _change(os.path.join(place.folder, file), digest, size, notes)
            if change:
                edits.append({"name": place.name or "", "path": storable(file), "change": change})
    return edits, notes


def edited_where_loaded(loaded: Sequence[str], names: Collection[str]) -> list[Note]:
    """A note for each of these distributions with loaded files that differ from RECORD.

    loaded: absolute paths. names: normalised. A file counts if its size differs, or if it was written after RECORD and
    its content differs. The note contains a digest of its content, so that two edits differ. About 10 ms for
    1 700 files of 19 distributions.
    """
    notes: list[Note] = []
    inside: dict[str, set[bytes]] = {}  # folder -> the loaded files below it
    left = set(names)
    for place, record in _records(None, notes, left) if left else ():
        left.discard(place.name or "")  # a shadowed distribution is not loaded
        folder = os.path.join(os.path.abspath(place.folder), "")
        if folder not in inside:
            below = [file[len(folder) :] for file in loaded if file.startswith(folder)]
            inside[folder] = {os.fsencode(part.replace(os.sep, "/")) for part in below}
        # A name that can be imported contains no comma, so the CSV never quotes it
        listed = [line for line in record.split(b"\n") if line.partition(b",")[0] in inside[folder]]
        written = os.stat(os.path.join(place.path, "RECORD")).st_mtime_ns + _CLOCK_SLACK
        edited = []
        for part, digest, size in lines(b"\n".join(listed)):
            try:
                facts = os.stat(folder + part)
                same = facts.st_mtime_ns <= written and str(facts.st_size) == size
                if not same and _change(folder + part, digest, size, notes):
                    edited.append(f"{part} ({_short_digest(folder + part)})")
            except OSError:
                pass  # deleted since it was loaded
        if edited:
            rest = f" and {len(edited) - _SHOWN} more" if len(edited) > _SHOWN else ""
            notes.append(note(EDITED, f"{place.name} is not as it was installed: {', '.join(edited[:_SHOWN])}{rest}"))
    return notes


def _short_digest(path: str) -> str:
    from hashlib import sha256

    with open(path, "rb") as file:
        return f"sha256:{sha256(file.read()).hexdigest()[:16]}"


def _change(path: str, digest: str, size: str, notes: list[Note]) -> str:
    if not digest or path.endswith((".pyc", "RECORD")):
        return ""  # bytecode and what the installer adds have no digest
    try:
        if size.isdigit() and os.stat(path).st_size != int(size):
            return "size"
        return "" if _matches(path, digest) else "content"
    except FileNotFoundError:
        return "missing"
    except (OSError, ValueError) as error:
        notes.append(note(TOPIC, f"{path} cannot be checked: {reason(error)}"))
        return ""


def _matches(path: str, digest: str) -> bool:
    """Whether the file has the digest ``algorithm=base64``. Raises OSError; ValueError for an unknown algorithm."""
    import hashlib
    from base64 import urlsafe_b64encode

    algorithm, _, expected = digest.partition("=")
    state = hashlib.new(algorithm)
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            state.update(chunk)
    return urlsafe_b64encode(state.digest()).rstrip(b"=").decode() == expected


def lines(record: bytes) -> List[Line]:
    """The lines of a RECORD file: path with "/" between its parts, hash, size. Malformed lines are ignored."""
    from csv import Error, reader

    text = record.decode("utf-8", "surrogateescape").replace("\0", "")
    parsed: list[Line] = []
    rows = reader(text.splitlines())
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return parsed
        except Error:
            continue
        if len(row) == 3 and row[0]:
            parsed.append((row[0], row[1], row[2]))


def owners(files: Sequence[str], path: Optional[Sequence[str]] = None) -> tuple[dict[str, str], list[Note]]:
    """Absolute file of a module -> normalised name of the distribution that installed it; and notes.

    Files of no distribution are left out. A distribution with the name of the file's package is tried first, so few
    RECORD files are read. About 15 ms for 60 packages among 300 distributions.
    """
    notes: list[Note] = []
    owned: dict[str, str] = {}
    by_folder: dict[str, list[Place]] = {}
    for place in places(path)[0]:
        folder = os.path.join(os.path.abspath(place.folder), "")
        if place.name and place.file:
            by_folder.setdefault(folder, []).append(place)
        elif not place.file and any(file.startswith(folder) for file in files):
            by_folder.setdefault(folder, []).extend(inner for inner in legacy_distributions.inside(place) if inner.name)
    files_by_folder: dict[str, list[str]] = {}
    for file in files:
        folder = max((folder for folder in by_folder if file.startswith(folder)), key=len, default="")
        if folder:
            files_by_folder.setdefault(folder, []).append(file)
    listings: dict[str, bytes] = {}
    for folder, inside in files_by_folder.items():
        names = {place.name: place for place in by_folder[folder]}
        for file in inside:
            part = file[len(folder) :].replace(os.sep, "/")
            likely = names.get(normalised(part.partition("/")[0].partition(".")[0]))
            candidates = [likely, *by_folder[folder]] if likely else by_folder[folder]
            owner = next((place for place in candidates if _lists(place, part, listings, notes)), None)
            if owner is not None:
                owned[file] = owner.name or ""
    return owned, notes


def _lists(place: Place, part: str, listings: dict[str, bytes], notes: list[Note]) -> bool:
    """Whether the distribution at a place lists a path below its folder."""
    listing = listings.get(place.path)
    if listing is None:
        listing = listings[place.path] = _listing(place, notes)
    if listing.startswith(b"\0"):  # top-level names only
        return b"\0%s\0" % os.fsencode(part.partition("/")[0].partition(".")[0]) in listing
    line = os.fsencode(part) + b","
    return b"\n" + line in listing or listing.startswith(line) or b'\n"' + line[:-1] + b'"' in listing


def _listing(place: Place, notes: list[Note]) -> bytes:
    """RECORD, or the words of top_level.txt between NULs, or b""."""
    try:
        with open(os.path.join(place.path, "RECORD"), "rb", 0) as file:
            return file.read()
    except NotADirectoryError:  # it is in an archive, or is an egg-info file
        return _archived_listing(place)
    except FileNotFoundError:
        pass  # an egg-info, or a system package
    except OSError as error:
        notes.append(note(TOPIC, f"RECORD of {place.name} cannot be read: {reason(error)}"))
    try:
        with open(os.path.join(place.path, "top_level.txt"), "rb", 0) as file:
            return _names(file.read())
    except OSError:
        return b""


def _archived_listing(place: Place) -> bytes:
    record = read_inside(os.path.join(place.path, "RECORD"))
    top_level = read_inside(os.path.join(place.path, "top_level.txt")) if record is None else None
    return record or (_names(top_level) if top_level else b"")


def _names(top_level: bytes) -> bytes:
    return b"\0" + b"\0".join(top_level.split()) + b"\0"
