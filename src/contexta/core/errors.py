"""The exceptions of Contexta, for wrong use and bad data.

::

    ContextaError
    ├── InvalidInput          (ValueError)   a value breaks a rule
    │   └── InvalidReference                 a reference or a run selector is malformed
    ├── NotFound              (LookupError)  nothing stored under that reference
    │   └── ParentMissing                    the entity that this one belongs to is not stored
    ├── Ambiguous             (LookupError)  a selector fits several runs
    ├── Conflict                             the reference is stored with other content
    ├── WorkspaceError                       the workspace cannot be opened or used
    │   ├── WorkspaceTooNew                  written by a newer Contexta
    │   ├── WorkspaceAway                    its server cannot be reached; trying again later may help
    │   └── WorkspaceClosed                  used after close()
    ├── QueryUnavailable      (ImportError)  the libraries for queries are missing or too old
    ├── IntegrationUnavailable (ImportError) the framework of an integration cannot be imported
    ├── DamagedData                          stored data differs from what was written
    ├── ProcessError                         a child process (core.processes): not found, not started, timed out
    │   └── UvError                          uv (contexta.reproduce) failed
    └── EnvironmentChanged                   a trial edited the environment it ran in

``str(error)`` says what failed, with the value; ``error.hint`` is the next step, or None.
Standard library only, Python 3.8: the recorder raises these inside training processes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class ContextaError(Exception):
    """A failure: what failed, with the value, and the next step."""

    def __init__(self, message: str, *, hint: Optional[str] = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = str(self.args[0])
        return f"{message}\nhint: {self.hint}" if self.hint else message

    @property
    def what(self) -> str:
        """The message without the hint."""
        return str(self.args[0])


class InvalidInput(ContextaError, ValueError):
    """A value breaks a rule."""


class InvalidReference(InvalidInput):
    """A reference or a run selector is malformed."""


class NotFound(ContextaError, LookupError):
    """Nothing is stored under that reference."""


class ParentMissing(NotFound):
    """The entity that this one belongs to is not stored."""


class Ambiguous(ContextaError, LookupError):
    """A selector fits several runs."""


class Conflict(ContextaError):
    """The reference is stored with other content."""


class WorkspaceError(ContextaError):
    """The workspace cannot be opened or used."""


class WorkspaceTooNew(WorkspaceError):
    """The workspace was written by a newer Contexta."""


class WorkspaceAway(WorkspaceError):
    """The server of the workspace cannot be reached. New records wait on this machine."""


class WorkspaceClosed(WorkspaceError):
    """The workspace was used after close()."""


class QueryUnavailable(ContextaError, ImportError):
    """The libraries for queries are missing or too old; recording works."""


class IntegrationUnavailable(ContextaError, ImportError):
    """The framework of an integration cannot be imported."""


class DamagedData(ContextaError):
    """Stored data differs from what was written."""


def shown(value: object, limit: int = 80) -> str:
    """A value as an error message quotes it: printable, on one line, at most ``limit`` characters."""
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except Exception as error:  # noqa: BLE001  # a broken __repr__ must not hide the error that quotes the value
        text = f"<{type(value).__name__} whose repr fails: {type(error).__name__}>"
    if isinstance(value, str) and text.startswith("'"):
        text = '"' + text[1:-1] + '"'
    if len(text) <= limit:
        return text
    size = f" ({len(value)} characters)" if isinstance(value, str) else ""
    return text[:limit] + "..." + size
