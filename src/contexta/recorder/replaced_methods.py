"""Replace a method or function of a library by one that calls it and then notifies the recorder.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    After = Callable[..., None]
    Before = Callable[[Any, Any, Any], Any]

_MARK = "_is_followed_by_contexta"


def after(owner: Any, name: str, record: After, before: "Before | None" = None) -> None:
    """Call ``record(self, arguments, options, result)`` after each call of a method that returns.

    owner: a class; or a module, whose function takes its first positional argument, or None, as ``self``. before:
    called as ``before(self, arguments, options)`` before the method; its result is a fifth argument of ``record``, None
    if it failed. A class without the method, or whose method is replaced already, stays as it is. So does a descriptor
    that makes the method, as it may decide for each object whether it has one.
    """
    original = getattr(owner, name, None)
    if not callable(original) or getattr(original, _MARK, False) or _stored(owner, name) is not original:
        return

    @wraps(original)
    def method(*words: Any, **options: Any) -> Any:
        self, arguments = (words[0], words[1:]) if words else (None, ())
        states = []
        if before is not None:
            try:
                states.append(before(self, arguments, options))
            except Exception:  # noqa: BLE001  # the program must not notice
                states.append(None)
        try:
            result = original(*words, **options)
        except BaseException as error:  # raised again
            _hide_frame(error)
            raise
        try:
            record(self, arguments, options, result, *states)
        except Exception:  # noqa: BLE001  # as above
            pass
        return result

    setattr(method, _MARK, True)
    setattr(owner, name, method)


def _stored(owner: Any, name: str) -> Any:
    """The attribute as a class or a module stores it."""
    for holder in getattr(owner, "__mro__", (owner,)):
        if name in vars(holder):
            return vars(holder)[name]
    return None


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
