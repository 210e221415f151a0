"""The distributions that a process has imported, and the modules of no distribution: the user's own code."""

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

    modules: default sys.modules. distributions: as returned by ``distributions.installed``; they say which directories
    editable ones own. path of an own module: relative to the current directory if it is below it, with "/". The
    standard library, Contexta and modules without a file are left out. About 50 ms for 300 distributions and 3 000
    modules.
    """
    notes: list[Note] = []
    try:
        return _imported(dict(sys.modules if modules is None else modules), distributions, path, notes), notes
    except Exception as error:  # noqa: BLE001  # sys.modules may contain anything
        notes.append(note(TOPIC, f"the imported modules cannot be read: {reason(error)}"))
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
    by_distribution: dict[str, set[str]] = {}
    own: dict[str, str] = {}
    for name, file in files.items():
        owner = owned.get(file) or _source_of(file, sources)
        if owner:
            by_distribution.setdefault(owner, set()).add(name.partition(".")[0])
        else:
            own[name] = _relative(file)
    return {
        "distributions": {name: sorted(map(storable, by_distribution[name])) for name in sorted(by_distribution)},
        "own": [{"module": storable(name), "path": storable(own[name])} for name in sorted(own)],
    }


def _files(modules: dict[str, Any]) -> dict[str, str]:
    """Module -> file, for top-level modules and for the modules of namespace packages."""
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
            continue  # a namespace package, whose parts may belong to several distributions
        settled.add(name)
        if file is not None and not _is_stdlib(file, stdlib):
            files[name] = file
    return files


def loaded_files() -> list[str]:
    """The absolute file of each loaded module."""
    return [file for file in map(_file_of, list(sys.modules.values())) if file is not None]


def _file_of(module: Any) -> Optional[str]:
    """The absolute file of a module, or None."""
    file = _facts(module).get("__file__")
    return os.path.abspath(file) if isinstance(file, str) else None


def _facts(module: Any) -> dict[str, Any]:
    """The attributes of a module, read so that a lazy module is not loaded."""
    try:
        facts = object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _editable_sources(distributions: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(directory, name) of editable distributions, the deepest directory first."""
    from contexta.recorder.packages.origins import local_path

    sources = []
    for described in distributions:
        origin = described.get("origin", {})
        source = local_path(origin.get("url", "")) if origin.get("kind") == "editable" else None
        if source:
            sources.append((os.path.realpath(source) + os.sep, described["name"]))
    return sorted(sources, key=lambda item: -len(item[0]))


def _source_of(file: str, sources: Sequence[tuple[str, str]]) -> Optional[str]:
    if not sources:
        return None
    real = os.path.realpath(file)
    return next((name for folder, name in sources if real.startswith(folder)), None)


def _stdlib_folders() -> tuple[str, ...]:
    """The directories of the standard library: those of ``os`` and of compiled modules, and the zip file."""
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
