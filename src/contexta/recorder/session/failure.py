"""How something ended, by the exception that ended it.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder.notes import storable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional


def status_of(error: Optional[BaseException]) -> str:
    """How what that exception ended has ended; None is a good end."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "completed"
    return "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"


def _type_name(error: BaseException) -> str:
    kind = type(error)
    own = kind.__module__ == "builtins" or kind.__module__.startswith("contexta.")
    return kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}"


def failure_of(error: BaseException) -> Dict[str, str]:
    """What ended a run: its type, its message and where it came from."""
    from traceback import format_exception

    try:
        words = str(error)
        trace = "".join(format_exception(type(error), error, error.__traceback__))
    except Exception as fault:  # noqa: BLE001  # a user's __str__ may raise anything; the run must still end
        words, trace = f"<its message cannot be shown: {type(fault).__name__}>", ""
    return {
        "type": _type_name(error),
        "message": storable(words[:10_000]),
        "traceback": storable(trace[-20_000:]),
    }
