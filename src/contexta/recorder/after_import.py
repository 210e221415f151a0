"""Call a function after the program imports a module, without importing it.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict

    AfterImport = Callable[[ModuleType], None]


def watch(functions: Dict[str, AfterImport]) -> None:
    """functions: module name -> function, called after each import of the module, and now if it is already imported.
    Errors of a function are ignored, so the program does not notice them.
    """
    for name, function in functions.items():
        module = sys.modules.get(name)
        if module is not None:
            _call(function, module)
    sys.meta_path.insert(0, _Finder(functions))


def _call(function: AfterImport, module: ModuleType) -> None:
    try:
        function(module)
    except Exception:  # noqa: BLE001  # the program must not notice
        pass


class _Finder:
    """Finds modules with the other finders, and makes their loaders call the functions."""

    def __init__(self, functions: Dict[str, AfterImport]) -> None:
        self._functions = functions

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        function = self._functions.get(name)
        if function is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, function)  # type: ignore[assignment]  # it acts as the loader
                return spec
        return None


class _Loader:
    """Loads a module with its own loader, and calls a function after that."""

    def __init__(self, loader: Any, function: AfterImport) -> None:
        self._loader = loader
        self._function = function

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: Any) -> Any:
        create = getattr(self._loader, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _call(self._function, module)
