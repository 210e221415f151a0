"""Convert numbers, steps and parameters of any library, strictly or leniently.

Standard library only, Python 3.8.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from contexta.core.errors import InvalidInput, shown
from contexta.core.validation import MAX_DIGITS, MAX_NAME, number
from contexta.recorder.notes import reason, storable
from contexta.recorder.redaction import cutting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Tuple, Union

_INT64 = 2**63
_MAX_DEPTH = 20
_MAX_VALUE = 100_000  # characters of a parameter, as JSON: more than any table can show


def flattened(values: Any, prefix: str = "", depth: int = 0) -> "Iterator[Tuple[Any, Any]]":
    """(key, value) of every value; a mapping inside becomes ``outer.inner``."""
    for key, value in list(values.items()):
        name = f"{prefix}{key}" if prefix else key
        if isinstance(value, Mapping) and depth < _MAX_DEPTH:
            yield from flattened(value, f"{name}.", depth + 1)
        else:
            yield name, value


def number_of(value: Any) -> "Tuple[Union[int, float, None], str]":
    """(number, "") for a number, a bool (0 or 1), and an array or tensor of one element; else (None, why not).

    Decimals and fractions become the nearest float.
    """
    try:
        if callable(getattr(value, "item", None)):  # NumPy, PyTorch, JAX
            value = value.item()
        if isinstance(value, int):
            return (int(value), "") if abs(value) < 10**MAX_DIGITS else (None, f"has over {MAX_DIGITS} digits")
        if isinstance(value, (str, bytes, bytearray)) or not hasattr(value, "__float__"):
            kind = "None" if value is None else f"a {type(value).__name__}"
            return None, f"{kind} is not a number"
        real = float(value)
    except Exception as error:  # noqa: BLE001  # a value of any class may raise anything, and the training goes on
        return None, f"a {type(value).__name__} cannot be read as a number: {reason(error)}"
    if math.isinf(real) and not isinstance(value, float) and value not in (math.inf, -math.inf):
        return None, f"a {type(value).__name__} is beyond what a float can hold"
    return real, ""


def step_of(step: Any) -> "Tuple[Union[int, None], str]":
    """(step, "") for a whole number; else (None, why not)."""
    number, why = number_of(step)
    if number is None:
        return None, why
    if not math.isfinite(number) or number != int(number):
        return None, f"{number!r} is not a whole number"
    if not -_INT64 <= number < _INT64:
        return None, f"{int(number)} does not fit 64 bits"
    return int(number), ""


def name_of(key: Any) -> str:
    """The name of a metric for a key: printable, not blank, of at most 250 characters."""
    try:
        text = storable(str(key))
    except Exception:  # noqa: BLE001  # as above
        text = type(key).__name__
    text = "".join(letter if letter.isprintable() else " " for letter in text).strip()[:MAX_NAME].strip()
    return text or "unnamed"


def strict_number(key: str, value: Any) -> Any:
    """The number of a value, as ``number`` reads it. Raises InvalidInput."""
    try:
        return number(value)
    except InvalidInput as error:
        raise InvalidInput(f"metric {shown(key)}: {error.what}", hint=error.hint) from None


def strict_step(key: str, step: Any) -> int:
    """The step as an int; a NumPy integer is a step too. Raises InvalidInput."""
    from numbers import Integral

    if isinstance(step, bool) or not isinstance(step, Integral) or not -_INT64 <= int(step) < _INT64:
        raise InvalidInput(f"metric {shown(key)}: step {shown(step)} is no integer", hint="count steps 0, 1, 2 ...")
    return int(step)


def plain(value: Any, depth: int = 0) -> Any:
    """The JSON value nearest to a value; of a scalar of NumPy or PyTorch, or an array without dimensions, its value."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else number(value)
    if isinstance(value, str):
        return storable(value)
    if depth < 20 and isinstance(value, Mapping):
        return {storable(str(key))[:MAX_NAME]: plain(inner, depth + 1) for key, inner in value.items()}
    if depth < 20 and isinstance(value, (list, tuple)):
        return [plain(inner, depth + 1) for inner in value]
    try:
        if depth < 20 and getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
            return plain(value.item(), depth + 1)  # also a bool or a text, which is no number
        return number(value) if getattr(value, "shape", ()) == () else storable(str(value))
    except Exception:  # noqa: BLE001  # a value of any class may raise anything
        return storable(str(value))


def bounded(value: Any) -> "Tuple[Any, str]":
    """(value, "") for a parameter that is recorded whole; else (its shortened form, what was left out).

    value: of ``plain``. A long text is shortened to its beginning and end, a large list or mapping to that of its JSON.
    """
    if isinstance(value, str):
        short = cutting.shortened(value, _MAX_VALUE)
        return short, "" if short is value else f"of {len(value)} characters the middle is left out"
    if not isinstance(value, (dict, list)):
        return value, ""
    written = json.dumps(value, ensure_ascii=False)
    if len(written) <= _MAX_VALUE:
        return value, ""
    return cutting.shortened(written, _MAX_VALUE), f"of {len(written)} characters of JSON the middle is left out"
