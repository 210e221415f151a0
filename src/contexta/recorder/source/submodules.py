"""Submodules whose commit or files are not what the repository around them says: each is read like a repository.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

from contexta.recorder.notes import note, storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Sequence

    from contexta.recorder.notes import Note

    Source = tuple[dict[str, Any], Optional[bytes], list[Note]]

_KEPT = ("commit", "branch", "remote", "dirty", "patch_applies", "reason")


def is_changed_submodule(entry: str) -> bool:
    """Whether an entry of ``git status --porcelain=v2`` is of a submodule."""
    return entry.split(" ", 3)[2].startswith("S")


def of_submodules(
    root: str, paths: Sequence[str], read: Callable[[str, str], Source], topic: str
) -> tuple[list[dict[str, Any]], bytes, list[Note]]:
    """(facts of each: path, commit, branch, remote, dirty; their patches in one; notes).

    paths: of the submodules that changed, relative to root. read: the source of a directory; its paths in the patch
    begin with the second argument.
    """
    facts: list[dict[str, Any]] = []
    patches: list[bytes] = []
    notes: list[Note] = []
    for path in paths:
        folder = os.path.join(root, path)
        if not os.path.lexists(os.path.join(folder, ".git")):
            notes.append(note(topic, f"submodule {storable(path)} is not checked out: what is in it is unknown"))
            continue
        theirs, patch, about = read(folder, f"{path}/")
        below = theirs.pop("submodules", ())
        facts.append({"path": storable(path), **{name: theirs[name] for name in _KEPT if theirs.get(name) is not None}})
        facts += [{**each, "path": f"{storable(path)}/{each['path']}"} for each in below]
        patches += [patch] if patch else []
        notes += [note(each["topic"], f"submodule {storable(path)}: {each['text']}") for each in about]
    return facts, b"".join(patches), notes
