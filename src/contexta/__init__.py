"""Contexta: the flight recorder for machine-learning runs.

Names are handed out lazily (PEP 562): importing this package costs about as much as importing ``json``,
and the recorder's part of it works on Python 3.8 with nothing else installed.
"""

__version__ = "0.1.0"

_HOMES = {
    "Contexta": "contexta.client",
    "UnifiedConfig": "contexta.config",
    "WorkspaceConfig": "contexta.config",
    "ContextaError": "contexta.errors",
    "init": "contexta.recorder.current",
    "log": "contexta.recorder.current",
    "finish": "contexta.recorder.current",
}

__all__ = ["Contexta", "ContextaError", "UnifiedConfig", "WorkspaceConfig", "init", "log", "finish", "__version__"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contexta.client import Contexta
    from contexta.config import UnifiedConfig, WorkspaceConfig
    from contexta.errors import ContextaError
    from contexta.recorder.current import finish, init, log


def __getattr__(name):  # type: ignore[no-untyped-def]  # annotations would cost the import of typing
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__():  # type: ignore[no-untyped-def]  # as above
    return sorted({*globals(), *__all__})
