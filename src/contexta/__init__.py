"""Contexta: the flight recorder for machine-learning runs.

Names are handed out lazily (PEP 562): importing this package costs about as much as importing ``json``,
and the recorder's part of it works on Python 3.8 with nothing else installed.

PYTEST_DONT_REWRITE: pytest would rewrite the asserts of every package that has a plugin, and warn if it is imported.
"""

__version__ = "0.1.0"

_HOMES = {
    "BisectOptions": "contexta.bisect.inputs.request",
    "BisectProgress": "contexta.bisect.session.progress",
    "BisectRequest": "contexta.bisect.inputs.request",
    "Contexta": "contexta.client.contexta",
    "UnifiedConfig": "contexta.config",
    "WorkspaceConfig": "contexta.config",
    "ContextaError": "contexta.core.errors",
    "init": "contexta.recorder.session.active_run",
    "log": "contexta.recorder.session.active_run",
    "finish": "contexta.recorder.session.active_run",
    "load_ipython_extension": "contexta.integrations.jupyter",
}

__all__ = [
    "BisectOptions",
    "BisectProgress",
    "BisectRequest",
    "Contexta",
    "ContextaError",
    "UnifiedConfig",
    "WorkspaceConfig",
    "init",
    "log",
    "finish",
    "__version__",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contexta.bisect.inputs.request import BisectOptions, BisectRequest
    from contexta.bisect.session.progress import BisectProgress
    from contexta.client.contexta import Contexta
    from contexta.config import UnifiedConfig, WorkspaceConfig
    from contexta.core.errors import ContextaError
    from contexta.integrations.jupyter import load_ipython_extension as load_ipython_extension
    from contexta.recorder.session.active_run import finish, init, log


def __getattr__(name):  # type: ignore[no-untyped-def]  # annotations would cost the import of typing
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__():  # type: ignore[no-untyped-def]  # as above
    return sorted({*globals(), *__all__})
