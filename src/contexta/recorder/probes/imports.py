"""What a process really imported: which distributions, and which modules that belong to none, the user's own code."""

from __future__ import annotations

import os
import sys

from contexta.recorder.notes import note, reason, storable
from contexta.recorder.packages.installed_files import owners

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Optional, Sequence

    from contexta.recorder.notes import Note

TOPIC = "imports"


def imported(
    modules: Optional[Mapping[str, Any]] = None,
    distributions: Sequence[Mapping[str, Any]] = (),
    path: Optional[Sequence[str]] = None,
) -> tuple[dict[str, Any], list[Note]]:
    """``{"distributions": {name: [top-level module, ...]}, "own": [{"module": ..., "path": ...}, ...]}``; and notes.

    modules: default sys.modules. distributions: as ``distributions.installed`` gave them, to tell what editable ones
    own. path of an own module: relative to the current directory when below it, with "/". The standard library, the
    recorder itself and modules without a file (made at run time) are left out.
    About 50 ms for 300 distributions and 3 000 modules.
    """
    notes: list[Note] = []
    try:
        return _imported(dict(sys.modules if modules is None else modules), distributions, path, notes), notes
    except Exception as error:  # noqa: BLE001  # sys.modules holds whatever a program put there
        notes.append(note(TOPIC, f"the imported modules cannot be told: {reason(error)}"))
        return {"distributions": {}, "own": []}, notes


def _imported(
    modules: dict[str, Any],
    distributions: Sequence[Mapping[str, Any]],
    path: Optional[Sequence[str]],
    notes: list[Note],
) -> dict[str, Any]:
    files = _files(modules)
    owned, owner_notes = owners(list(files.values()), path)
    notes.extend(owner_notes)
    sources = _editable_sources(distributions)
    found: dict[str, set[str]] = {}
    own: dict[str, str] = {}
    for name, file in files.items():
        owner = owned.get(file) or _source_of(file, sources)
        if owner:
            found.setdefault(owner, set()).add(name.partition(".")[0])
        else:
            own[name] = _relative(file)
    return {
        "distributions": {name: sorted(map(storable, found[name])) for name in sorted(found)},
        "own": [{"module": storable(name), "path": storable(own[name])} for name in sorted(own)],
    }


def _files(modules: dict[str, Any]) -> dict[str, str]:
    """Module -> file, for top-level modules, and for what lies right in packages without a file (namespaces)."""
    stdlib = _stdlib_folders()
    files = {}
    settled = {"contexta", "__mp_main__"}
    for name in sorted(modules):  # a package before what is in it
        parent = name.rpartition(".")[0]
        if parent in settled or name in settled:
            settled.add(name)
            continue
        file = _file_of(modules[name])
        if file is None and _facts(modules[name]).get("__path__") is not None:
            continue  # a namespace: whose it is, its parts tell
        settled.add(name)
        if file is not None and not _is_stdlib(file, stdlib):
            files[name] = file
    return files


def loaded_files() -> list[str]:
    """The file of every module that is loaded, absolute."""
    return [file for file in map(_file_of, list(sys.modules.values())) if file is not None]


def _file_of(module: Any) -> Optional[str]:
    """The file a module came from, absolute, or None."""
    file = _facts(module).get("__file__")
    return os.path.abspath(file) if isinstance(file, str) else None


def _facts(module: Any) -> dict[str, Any]:
    """What a module holds, without asking it: a lazy module must not be made to load."""
    try:
        facts = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _editable_sources(distributions: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(directory, name) of editable distributions, the deepest directory first."""
    from contexta.recorder.packages.origins import local_path

    found = []
    for described in distributions:
        origin = described.get("origin", {})
        source = local_path(origin.get("url", "")) if origin.get("kind") == "editable" else None
        if source:
            found.append((os.path.realpath(source) + os.sep, described["name"]))
    return sorted(found, key=lambda item: -len(item[0]))


def _source_of(file: str, sources: Sequence[tuple[str, str]]) -> Optional[str]:
    if not sources:
        return None
    real = os.path.realpath(file)
    return next((name for folder, name in sources if real.startswith(folder)), None)


def _stdlib_folders() -> tuple[str, ...]:
    """Where the standard library lies: the directories of ``os`` and of a compiled module, and the zip file."""
    folders = [os.path.dirname(os.__file__)]
    folders += [entry for entry in sys.path if entry.endswith("lib-dynload")]
    folders += [entry for entry in sys.path if os.path.basename(entry).startswith("python") and entry.endswith(".zip")]
    if sys.platform == "win32":
        folders.append(os.path.join(sys.base_prefix, "DLLs"))
    return tuple(folder + os.sep for folder in {*folders, *map(os.path.realpath, folders)})


def _is_stdlib(file: str, folders: tuple[str, ...]) -> bool:
    return file.startswith(folders) and "site-packages" not in file and "dist-packages" not in file


def _relative(file: str) -> str:
    try:
        below = os.path.relpath(file)
    except (ValueError, OSError):  # another drive; a current directory that is gone
        return file
    return file if below.startswith(os.pardir) else below.replace(os.sep, "/")
