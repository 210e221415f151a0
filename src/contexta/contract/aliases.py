"""Second names of fields: ``run_id = alias("run_ref")``."""

from __future__ import annotations

from operator import attrgetter
from typing import Any


def alias(field: str) -> Any:
    """A property with the value of another attribute, or of one of its attributes: ``project_ref.value``."""
    return property(attrgetter(field), doc=f"The same as ``{field}``.")
