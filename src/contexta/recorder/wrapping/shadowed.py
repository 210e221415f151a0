"""Recording a program that has a package of its own named contexta: that is what it imports, and ours is out of sight.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict, List

_NAME = "contexta"
_MARK = os.path.join("recorder", "wrapping", "bootstrap.py")  # what every copy of ours has


def path_of_programs_own(kind: str, program: str) -> str:
    """Where the program's own contexta is; empty where it has none. kind, program: see ``command_lines.program_of``.

    Its directory is not on ``sys.path`` yet. A directory without any module is no package of that name.
    """
    from _frozen_importlib_external import PathFinder

    folder = _folder(kind, program)
    known = folder in sys.path_importer_cache
    spec = PathFinder.find_spec(_NAME, [folder, *sys.path] if folder else None)
    if not known:
        sys.path_importer_cache.pop(folder, None)
    if spec is None:
        return ""
    places = list(spec.submodule_search_locations or ())
    if any(os.path.exists(os.path.join(place, _MARK)) for place in places):
        return ""
    if spec.origin is None and not any(_has_modules(place) for place in places):
        return ""
    return spec.origin or places[0]


def hide(path: str) -> None:
    """Take our modules out of ``sys.modules`` until the process ends. path: of the program's own."""
    import atexit

    from contexta.recorder.session import active_run

    session = active_run.session
    if session.joined is not None:
        run = session.joined
        run._journal.beside = None  # it imports our modules while the program runs
        run.note("contexta", f"the program has a contexta of its own, {path}: ours is not there for it to record with")
    ours = _taken_out()
    atexit.unregister(session.end_at_exit)
    atexit.register(_with, ours, session.end_at_exit)


def forget() -> None:
    """Take our modules out of ``sys.modules``: they have done nothing that lasts."""
    _taken_out()


def _with(ours: Dict[str, ModuleType], call: Callable[[], None]) -> None:
    theirs = _taken_out()
    sys.modules.update(ours)
    try:
        call()
    finally:
        ours.update(_taken_out())
        sys.modules.update(theirs)


def _taken_out() -> Dict[str, ModuleType]:
    names: List[str] = [name for name in sys.modules if name == _NAME or name.startswith(f"{_NAME}.")]
    return {name: sys.modules.pop(name) for name in names}


def _folder(kind: str, program: str) -> str:
    """What Python will put first on ``sys.path``."""
    if getattr(sys.flags, "safe_path", False):
        return ""
    try:
        if kind != "script" or program in ("", "-"):
            return os.getcwd()
        path = os.path.realpath(program)
        return path if os.path.isdir(path) else os.path.dirname(path)
    except OSError:
        return ""


def _has_modules(place: Any) -> bool:
    try:
        return any(name.endswith(".py") for name in os.listdir(place))
    except OSError:
        return False
