"""The gate to everything that is asked: importing this raises CannotAsk where the libraries for it are too old.

Each room that needs them imports it before anything else, so what is too old is told instead of failing somewhere
inside; tests/test_layers.py checks that.
"""

from contexta.core.errors import CannotAsk
from contexta.core.requirements import lacking

_lacking = lacking()
if _lacking:
    _needed, _here = " and ".join(_lacking), ", ".join(_lacking.values())
    raise CannotAsk(
        f"asking needs {_needed}; here: {_here}. Recording works here all the same",
        hint="ask from an environment of its own, in the same directory: `uv tool run --from contexta contexta diff`",
    )
