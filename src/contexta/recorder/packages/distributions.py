"""The distributions that an interpreter sees, in ``sys.path`` order: of two with one name, the first one runs.

The metadata directories are read here: importing importlib.metadata takes several times as long.
Sources: PEP 376 and 427 (dist-info), PEP 610 (direct_url.json), PEP 503 (names).
"""

from __future__ import annotations

import os

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.packages.legacy_distributions import egg_info, in_archive
from contexta.recorder.packages.metadata import Place, from_metadata, read_head
from contexta.recorder.packages.origins import local_path, origin_of
from contexta.recorder.packages.places import TOPIC as TOPIC
from contexta.recorder.packages.places import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Optional, Sequence

    from contexta.recorder.notes import Note


def installed(path: Optional[Sequence[str]] = None) -> tuple[list[dict[str, Any]], list[Note]]:
    """Every distribution on ``path`` (sys.path), as fields of ``contract.Distribution``; and notes.

    In sys.path order, and by directory name within an entry. Of two with one name only the first is listed, as it runs.
    Unknown fields are left out, and so are ``build`` (see ``installed_files.builds``) and the commits of editable
    distributions (see ``origins.with_checkouts``). Broken metadata is noted. About 30 ms for 300 distributions.
    """
    all_places, notes = places(path)
    by_name: dict[str, tuple[dict[str, Any], Place]] = {}
    for place in all_places:
        for described in _described(place, notes):
            name = described["name"]
            if name not in by_name:
                by_name[name] = (described, place)
                continue
            first, first_place = by_name[name]
            if _is_own_source(first_place, described):
                by_name[name] = (described, place)
            elif first_place.folder == place.folder:
                by_name[name] = _newer(by_name[name], (described, place), notes)
            else:
                notes.append(
                    note(
                        TOPIC,
                        f"{name} {described['version']} in {place.folder} is shadowed by {first['version']} in "
                        f"{first_place.folder}",
                    )
                )
    return [described for described, _ in by_name.values()], notes


def _is_own_source(first: Place, second: dict[str, Any]) -> bool:
    """Whether ``first`` is the egg-info that the build of the editable ``second`` left in its source directory."""
    origin = second["origin"]
    if origin["kind"] != "editable" or not first.file.endswith(".egg-info") or "url" not in origin:
        return False
    source = local_path(origin["url"])
    folder = os.path.realpath(first.folder)
    return source is not None and (folder + os.sep).startswith(os.path.realpath(source) + os.sep)


def _newer(
    first: tuple[dict[str, Any], Place], second: tuple[dict[str, Any], Place], notes: list[Note]
) -> tuple[dict[str, Any], Place]:
    """Of two in one directory, which a broken upgrade leaves, the one whose metadata was written last."""
    first_version, second_version = first[0]["version"], second[0]["version"]
    winner = second if _written(second[1]) > _written(first[1]) else first
    text = f"{first[0]['name']} has two metadata directories in {first[1].folder}: {first_version} and {second_version}"
    notes.append(note(TOPIC, f"{text}; {winner[0]['version']} was written last and is taken"))
    return winner


def _written(place: Place) -> int:
    try:
        return os.stat(place.path).st_mtime_ns
    except OSError:
        return 0


def _described(place: Place, notes: list[Note]) -> Iterator[dict[str, Any]]:
    """The distributions at a place: one, none if its metadata is unreadable, or several in an archive."""
    try:
        if not place.file:
            yield from in_archive(place, notes)
        elif place.is_standard:
            yield from _dist_info(place, notes)
        else:
            yield from egg_info(place, notes)
    except OSError as error:
        notes.append(note(TOPIC, f"{place.path} cannot be read: {reason(error)}"))


def _dist_info(place: Place, notes: list[Note]) -> Iterator[dict[str, Any]]:
    directory = place.path
    head = b""
    files: list[str] = []
    try:
        files = os.listdir(directory)
    except PermissionError as error:  # the name of the directory still says which it is
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
    if installer != "uv":  # uv marks dependencies as requested, too
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
