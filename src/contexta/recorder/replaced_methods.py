"""Replace a method of a library by one that calls it and then notifies the recorder.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    After = Callable[[Any, Any, Any, Any], None]
    Before = Callable[[Any], Any]

_MARK = "_is_followed_by_contexta"


def after(owner: Any, name: str, record: After, before: "Before | None" = None) -> None:
    """Call ``record(self, arguments, options, state)`` after each call of a method that returns. state: the result of
    ``before(self)`` before the call, None if it failed; without ``before`` the result of the method. A class without
    the method, or whose method is replaced already, stays as it is.
    """
    original = getattr(owner, name, None)
    if not callable(original) or getattr(original, _MARK, False):
        return

    @wraps(original)
    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        state = None
        if before is not None:
            try:
                state = before(self)
            except Exception:  # noqa: BLE001  # the program must not notice
                pass
        try:
            result = original(self, *arguments, **options)
        except BaseException as error:
            _hide_frame(error)
            raise
        try:
            record(self, arguments, options, result if before is None else state)
        except Exception:  # noqa: BLE001  # as above
            pass
        return result

    setattr(method, _MARK, True)
    setattr(owner, name, method)


def _hide_frame(error: BaseException) -> None:
    """Remove the frame of the caller from the traceback of a program. Before Python 3.11 ``raise`` adds it again."""
    traceback = error.__traceback__
    error.__traceback__ = traceback.tb_next if traceback is not None else None


def argument(arguments: Any, options: Any, position: int, *names: str, default: Any = None) -> Any:
    """The argument at a position behind ``self``, or by one of the names that versions of the tracker give it."""
    if len(arguments) > position:
        return arguments[position]
    for name in names:
        if name in options:
            return options[name]
    return default
