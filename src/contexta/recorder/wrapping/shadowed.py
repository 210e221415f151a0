"""Record a program that contains its own package named contexta, which it imports instead of this package.

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
_MARK = os.path.join("recorder", "wrapping", "bootstrap.py")  # a file of every copy of this package


def path_of_programs_own(kind: str, program: str) -> str:
    """The path of the program's own contexta; empty if it has none. kind, program: of ``program_of``.

    The directory of the program is not on ``sys.path`` yet. A directory without modules does not count.
    """
    from _frozen_importlib_external import PathFinder

    folder = _folder(kind, program)
    is_cached = folder in sys.path_importer_cache
    spec = PathFinder.find_spec(_NAME, [folder, *sys.path] if folder else None)
    if not is_cached:
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
    """Remove the modules of this package from ``sys.modules`` until the process ends. path: of the program's own."""
    import atexit

    from contexta.recorder.session import active_run

    session = active_run.session
    if session.joined is not None:
        run = session.joined
        run._journal.on_beat = None  # it imports modules of this package while the program runs
        run.note(
            "contexta", f"the program has its own package contexta, {path}: the program cannot use this one to record"
        )
    own_modules = _removed_modules()
    atexit.unregister(session.end_at_exit)
    atexit.register(_with, own_modules, session.end_at_exit)


def forget() -> None:
    """Remove the modules of this package from ``sys.modules``; they have no lasting effect."""
    _removed_modules()


def _with(own_modules: Dict[str, ModuleType], call: Callable[[], None]) -> None:
    program_modules = _removed_modules()
    sys.modules.update(own_modules)
    try:
        call()
    finally:
        own_modules.update(_removed_modules())
        sys.modules.update(program_modules)


def _removed_modules() -> Dict[str, ModuleType]:
    names: List[str] = [name for name in sys.modules if name == _NAME or name.startswith(f"{_NAME}.")]
    return {name: sys.modules.pop(name) for name in names}


def _folder(kind: str, program: str) -> str:
    """The directory that Python will put first on ``sys.path``."""
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
