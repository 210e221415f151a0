"""Raise QueryUnavailable at import if the libraries for queries are missing or too old.

Each package that needs them imports this module first, so the user sees this error and not one from deep inside a
library. tests/test_layers.py checks the order.
"""

from contexta.core.errors import QueryUnavailable
from contexta.core.own_source import tool_hint
from contexta.core.requirements import missing_requirements

_missing = missing_requirements()
if _missing:
    raise QueryUnavailable(
        f"this environment can record runs, but queries need {' and '.join(_missing)} "
        f"(found {', '.join(_missing.values())})",
        hint=f"query from another environment, in the same directory: {tool_hint('diff')}",
    )
