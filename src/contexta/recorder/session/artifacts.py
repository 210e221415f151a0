"""Record the files that a run reads and writes.

Of an input only the digest is recorded. An output is stored as an object of the workspace, up to a size; of a larger
one only the digest is recorded. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import re

from contexta.core.errors import InvalidInput
from contexta.core.validation import text
from contexta.recorder.notes import note, reason, storable
from contexta.recorder.parts.numbers import strict_step
from contexta.recorder.redaction import redact
from contexta.recorder.session.content_digest import LIMIT, TOPIC, contents
from contexta.recorder.source.files import may_hold_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Dict, List, Optional, Sequence, Tuple, Union

    from contexta.recorder.journal.objects import Objects
    from contexta.recorder.notes import Note

    Fields = Dict[str, Any]
    Path = Union[str, "os.PathLike[str]"]

INPUT, OUTPUT = "input", "output"
IMAGE, FIGURE, TABLE = "image", "figure", "table"
KEPT = 256 * 1024**2  # bytes up to which an output is stored
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_SCANNED = 1024**2  # bytes up to which a text is searched for secrets
_SETTINGS = (".json", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".txt")


def read(name: str, path: Path, salt: bytes, limit: int = LIMIT) -> Tuple[Fields, List[Note]]:
    """(fields, notes) of the record of an input."""
    place = os.fspath(path)
    fields = _fields(name, INPUT, place, salt)
    if _REMOTE.match(place) and not os.path.exists(place):
        fields["location"] = redact.inside(place, salt)
        return fields, [_not_read(fields, "it is not a local file")]
    return fields, _add_content(fields, place, limit, salt)


def made(
    name: str, path: Path, salt: bytes, objects: Objects, kind: str = OUTPUT, limit: int = KEPT
) -> Tuple[Fields, List[Note]]:
    """(fields, notes) of the record of an output. Its bytes are stored in ``objects``, a directory as a tar archive."""
    place = os.fspath(path)
    fields = _fields(name, kind, place, salt)
    notes = _add_content(fields, place, LIMIT, salt)
    if "digest" not in fields:
        return fields, notes
    if fields["size"] > limit:
        return fields, [*notes, _not_stored(fields, f"its {fields['size']} bytes are over the limit of {limit}")]
    try:
        if os.path.isdir(place):
            digest, left_out = _archived(place, objects)
            fields["attributes"]["format"] = "tar"
            if left_out:
                notes.append(
                    _not_stored(fields, f"whole: these files may hold secrets: {storable(', '.join(left_out[:20]))}")
                )
        elif _shows_secrets(place):
            return fields, [*notes, _not_stored(fields, "it may contain a secret")]
        else:
            digest, size = objects.put_file(os.path.realpath(place))
            fields.update(digest=f"sha256:{digest}", size=size)  # of the stored bytes, should the file change meanwhile
    except OSError as error:
        return fields, [*notes, _not_stored(fields, reason(error))]
    fields["location"] = f"object:{digest}"
    return fields, notes


def media(
    salt: bytes,
    objects: Objects,
    kind: str,
    name: str,
    value: Any,
    step: Optional[int],
    columns: Optional[Sequence[str]] = None,
) -> Tuple[Fields, List[Note]]:
    """(fields, notes) of the record of an image, a figure or a table; empty fields if it could not be stored.

    Raises InvalidInput for a value of another kind.
    """
    from contexta.recorder.session import media as contents_of

    name = text(name, printable=True)
    attributes = {} if step is None else {"step": strict_step(name, step)}
    if kind != TABLE and isinstance(value, (str, os.PathLike)):
        fields, notes = made(name, value, salt, objects, kind)
        fields["attributes"].update(attributes, **contents_of.file_facts(os.fspath(value)))
        return fields, notes
    try:
        if kind == TABLE:
            table, facts = contents_of.table_text(value, columns, salt)
            content, facts["head"] = table.encode(), contents_of.head_of(table)
        else:
            content, facts = (contents_of.image_content if kind == IMAGE else contents_of.figure_content)(value)
            if facts["format"] == "html" and redact.holds_secret(content[:_SCANNED].decode("utf-8", "replace")):
                raise ValueError("it may contain a secret")
        digest = objects.put(content)
    except InvalidInput:
        raise
    except Exception as error:  # noqa: BLE001  # a library that draws may raise anything, and the training goes on
        return {}, [note(TOPIC, f"{kind} {redact.inside(name, salt)} is not kept: {reason(error)}")]
    fields = {"name": redact.inside(name, salt), "kind": kind, "attributes": {**attributes, **facts}}
    fields.update(location=f"object:{digest}", digest=f"sha256:{digest}", size=len(content))
    most = contents_of.MOST_ROWS
    is_cut = facts.get("rows", 0) > most
    missing = f"only {most} of {facts.get('rows')} rows of the table {fields['name']} are kept"
    return fields, [note(TOPIC, missing)] if is_cut else []


def _fields(name: str, kind: str, place: str, salt: bytes) -> Fields:
    where = redact.inside(place, salt)
    return {
        "name": redact.inside(name, salt),
        "kind": redact.name(kind, salt),
        "location": redact.inside(os.path.abspath(place), salt),
        "attributes": {"path": where},
    }


def _add_content(fields: Fields, place: str, limit: int, salt: bytes) -> List[Note]:
    """Add the digest of a local file or directory to ``fields``."""
    if may_hold_secrets(os.path.abspath(place).replace(os.sep, "/")):
        return [_not_read(fields, "it may hold secrets, by its name")]
    try:
        facts, notes = contents(place, limit)
    except (OSError, ValueError) as error:
        return [_not_read(fields, reason(error).partition(":")[0] if isinstance(error, OSError) else str(error))]
    fields.update(digest=facts.pop("digest"), size=facts.pop("size"))
    fields["attributes"].update(facts)
    if facts.get("sampled"):
        notes.append(note(TOPIC, f"{fields['name']} has {fields['size']} bytes; its digest is of a sample of them"))
    return [note(entry["topic"], redact.inside(entry["text"], salt)) for entry in notes]


def _not_read(fields: Fields, why: str) -> Note:
    return note(TOPIC, f"{fields['kind']} {fields['name']} at {fields['attributes']['path']} was not read: {why}")


def _not_stored(fields: Fields, why: str) -> Note:
    return note(TOPIC, f"{fields['kind']} {fields['name']} at {fields['attributes']['path']} is not kept: {why}")


def _shows_secrets(path: str) -> bool:
    """Whether a small text holds a token of a known shape, a private key or, in a settings file, a secret's value."""
    if os.path.getsize(path) > _SCANNED:
        return False
    with open(path, "rb") as file:
        data = file.read(_SCANNED)
    try:
        text = storable(data.decode())
    except UnicodeDecodeError:
        return False
    return redact.holds_secret(text, settings=path.lower().endswith(_SETTINGS))


def _archived(root: str, objects: Objects) -> Tuple[str, List[str]]:
    """(digest, files that were left out) of a directory stored as one object. The same files give the same bytes."""
    import tarfile
    import tempfile

    left_out: List[str] = []
    paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names)
    os.makedirs(objects.root, exist_ok=True)
    with tempfile.TemporaryFile(dir=objects.root) as target:
        with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path in paths:
                below = os.path.relpath(path, root).replace(os.sep, "/")
                if not os.path.isfile(path):
                    continue  # a pipe or a broken link: noted when its digest was computed
                if may_hold_secrets(below) or _shows_secrets(path):
                    left_out.append(below)
                    continue
                with open(path, "rb") as source:
                    _add(archive, below, source)
        target.seek(0)
        return objects.put_stream(target)[0], left_out


def _add(archive: Any, name: str, source: BinaryIO) -> None:
    import tarfile

    member = tarfile.TarInfo(name)
    facts = os.fstat(source.fileno())
    member.size = facts.st_size
    member.mode = 0o755 if facts.st_mode & 0o100 else 0o644
    archive.addfile(member, source)  # raises OSError when the file has become shorter
