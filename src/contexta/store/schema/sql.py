"""The functions of SQLAlchemy that build statements, imported when the first of them is used.

`import sqlalchemy` takes half of the time of a short command, and most queries need only SQL text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import and_, bindparam, delete, func, insert, not_, or_, select, update

    __all__ = ["and_", "bindparam", "delete", "func", "insert", "not_", "or_", "select", "update"]
else:

    def __getattr__(name: str) -> object:
        import sqlalchemy

        return getattr(sqlalchemy, name)
