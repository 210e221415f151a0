"""Describe how a run ended by the exception that ended it.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder.notes import storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional


def status_of(error: Optional[BaseException]) -> str:
    """The status of a run that an exception ended; None is a good end."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "completed"
    return "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"


def _type_name(error: BaseException) -> str:
    kind = type(error)
    own = kind.__module__ == "builtins" or kind.__module__.startswith("contexta.")
    return kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}"


def failure_of(error: BaseException) -> Dict[str, str]:
    """Type, message and traceback of the exception that ended a run."""
    from traceback import format_exception

    try:
        message = str(error)
        trace = "".join(format_exception(type(error), error, error.__traceback__))
    except Exception as fault:  # noqa: BLE001  # __str__ of a user's class may raise anything; the run must still end
        message, trace = f"<its message cannot be shown: {type(fault).__name__}>", ""
    return {
        "type": _type_name(error),
        "message": storable(message[:10_000]),
        "traceback": storable(trace[-20_000:]),
    }
