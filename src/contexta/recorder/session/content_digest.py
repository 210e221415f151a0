"""Compute the content digest of a file or a directory: equal for two runs that read the same data.

The prefix names one of three kinds. ``sha256:`` covers all bytes of a file, as sha256sum does. ``sampled-sha256:``
covers the size and blocks spread evenly over a file. ``tree-sha256:`` covers the manifest of a directory: a line of
path, size and digest for each file, in order. The kind depends on the sizes alone, so the same data has the same kind.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import stat

from contexta.recorder.notes import note, reason, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Tuple

    from contexta.recorder.notes import Note

TOPIC = "artifact"
LIMIT = 1024**3  # bytes up to which everything is read: some seconds
_SAMPLED = 64 * 1024**2  # bytes read of a file beyond the limit
_BLOCK = 64 * 1024
_MOST_FILES = 200_000  # read of a directory; of more only every n-th is read, the others count by name and size


def contents(path: str, limit: int = LIMIT) -> Tuple[Dict[str, Any], List[Note]]:
    """(facts, notes): ``digest``, ``size``, ``modified`` (microseconds since 1970, the latest of all files); for a
    directory ``files``; ``sampled`` when not every byte was read.

    limit: bytes up to which everything is read; beyond, only a sample. Raises OSError when it cannot be read,
    ValueError when it is neither a file nor a directory.
    """
    facts = os.stat(path)
    if stat.S_ISDIR(facts.st_mode):
        return _directory(path, limit)
    if not stat.S_ISREG(facts.st_mode):
        raise ValueError("it is neither a file nor a directory")
    size = facts.st_size
    digest = _digest(path, size, limit if size <= limit else min(limit, _SAMPLED))
    content: Dict[str, Any] = {"digest": digest, "size": size, "modified": facts.st_mtime_ns // 1000}
    if not digest.startswith("sha256:"):
        content["sampled"] = True
    after = os.stat(path)
    changed = (after.st_size, after.st_mtime_ns) != (size, facts.st_mtime_ns)
    return content, [note(TOPIC, f"{path} changed while it was read")] if changed else []


def _digest(path: str, size: int, budget: int) -> str:
    """The digest of a file of ``size`` bytes. At most ``budget`` bytes are read, in blocks spread evenly."""
    from hashlib import sha256

    state = sha256()
    with open(path, "rb", 0) as file:
        if size <= budget:
            for chunk in iter(lambda: file.read(1 << 20), b""):
                state.update(chunk)
            return f"sha256:{state.hexdigest()}"
        state.update(b"%d\n" % size)
        blocks = max(budget // _BLOCK, 2)
        for number in range(blocks):
            file.seek(number * (size - _BLOCK) // (blocks - 1))
            state.update(file.read(_BLOCK))
    return f"sampled-sha256:{state.hexdigest()}"


def _directory(root: str, limit: int) -> Tuple[Dict[str, Any], List[Note]]:
    from hashlib import sha256

    notes: List[Note] = []
    files = sorted(_files(root, notes))
    total = sum(size for _, size, _ in files)
    every, budget = 1, limit
    if total > limit:
        every = -(-len(files) // _MOST_FILES)
        budget = max(limit * every // len(files), 2 * _BLOCK)
    state, sampled, unread = sha256(), total > limit and every > 1, []
    for number, (name, size, _) in enumerate(files):
        digest = ""
        if number % every == 0:
            try:
                digest = _digest(os.path.join(root, name), size, budget)
            except OSError as error:
                unread.append(f"{name} ({reason(error).partition(':')[0]})")
        sampled = sampled or digest.startswith("sampled")
        line = f"{name.replace(os.sep, '/')}\0{size}\0{digest}\n"
        state.update(line.encode("utf-8", "surrogatepass"))
    if unread:
        more = f" and {len(unread) - 10} more" if len(unread) > 10 else ""
        notes.append(note(TOPIC, f"{root}: not read, so only name and size count: {', '.join(unread[:10])}{more}"))
    facts: Dict[str, Any] = {"digest": f"tree-sha256:{state.hexdigest()}", "size": total, "files": len(files)}
    if files:
        facts["modified"] = max(modified for _, _, modified in files)
    if sampled:
        facts["sampled"] = True
    return facts, notes


def _files(root: str, notes: List[Note]) -> Iterator[Tuple[str, int, int]]:
    """(path below root, size, modified) of the regular files. Links to files are followed, those to directories not."""

    def tell(error: OSError) -> None:
        notes.append(note(TOPIC, f"a directory of {root} cannot be listed: {reason(error)}"))

    for folder, folders, names in os.walk(root, onerror=tell):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        if links:
            notes.append(note(TOPIC, f"links to directories in {folder} are not followed: {', '.join(links[:10])}"))
        for name in names:
            path = os.path.join(folder, name)
            try:
                facts = os.stat(path)
            except OSError as error:
                notes.append(note(TOPIC, f"{storable(path)} does not count: {reason(error).partition(':')[0]}"))
                continue
            if stat.S_ISREG(facts.st_mode):
                yield os.path.relpath(path, root), facts.st_size, facts.st_mtime_ns // 1000
