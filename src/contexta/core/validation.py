"""Check texts, numbers and times by the rules of the contract.

The recorder applies them inside training processes, the models outside. Standard library only, Python 3.8.
"""

from __future__ import annotations

import math
import numbers
import re
import sys
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from contexta.core.errors import InvalidInput, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn, Optional, Union

MAX_NAME = 250
MAX_DIGITS = 1_000


def storable(text: str) -> str:
    """The text itself, with NUL and lone surrogates written as escapes: ``\\x00``, ``\\udcff``.

    Undecodable bytes of file names, arguments and variables reach Python as such surrogates (PEP 383).
    """
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text


def require_storable(text: str) -> str:
    """The text itself. Raises InvalidInput if it holds NUL or a lone surrogate."""
    if "\0" in text:
        raise InvalidInput(f"{shown(text)} contains a NUL character at index {text.index(chr(0))}", hint="remove it")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{shown(text)} contains a lone surrogate at index {error.start}, which is no text",
            hint='decode the bytes it came from with errors="replace"',
        ) from None
    return text


def text(value: Any, *, limit: int = MAX_NAME, blank: bool = False, printable: bool = False) -> str:
    """The text itself. Raises InvalidInput if it is not a text, longer than ``limit``, blank, or not printable."""
    if not isinstance(value, str):
        raise InvalidInput(f"{shown(value)} is no text", hint="write str(value)")
    if not blank and not value.strip():
        raise InvalidInput(f"{shown(value)} is blank", hint="give it a name")
    if len(value) > limit:
        raise InvalidInput(f"{shown(value)} is too long", hint=f"at most {limit} characters are allowed here")
    require_storable(value)
    if printable and not value.isprintable():
        raise InvalidInput(
            f"{shown(value)} has characters that cannot be printed", hint="remove line breaks and the like"
        )
    return str.__str__(value)  # for a subclass, such as an enum, the text itself


_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds_in(duration: str, *, needs_unit: bool = False) -> float:
    """The seconds of a duration such as ``90``, ``30m``, ``2h``, ``1.5d`` or ``4w``. Raises InvalidInput."""
    match = re.match(r"(\d+(?:\.\d+)?)\s*([smhdw]?)\Z", duration, re.ASCII)
    if match is None:
        raise InvalidInput(f"{shown(duration)} is no duration", hint="e.g. 90 (seconds), 30m, 2h, 1.5d, 4w")
    if needs_unit and not match.group(2):
        raise InvalidInput(f"{shown(duration)} has no unit", hint="e.g. 30m, 12h, 30d, 4w")
    return float(match.group(1)) * _SECONDS[match.group(2)]


def number(value: Any) -> Union[int, float]:
    """An int or a float with exactly that value; of a Decimal the nearest float.

    Scalars, tensors and arrays of one element of NumPy, PyTorch or JAX are numbers too.
    Raises InvalidInput for a bool, a text, a number a float cannot hold, or an integer of over 1 000 digits.
    """
    if not isinstance(value, (int, float, str)):
        value = _python_number(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        kind = type(value).__name__
        hint = "write int(value)" if "bool" in kind else "write float(value)"
        raise InvalidInput(f"{shown(value)} is a {kind}, not a number", hint=hint)
    if isinstance(value, numbers.Integral):
        whole = int(value)
        if abs(whole) >= 10**MAX_DIGITS:
            raise InvalidInput(f"an integer of over {MAX_DIGITS} digits is no metric value", hint="write float(value)")
        return whole
    try:
        real = float(value)
    except OverflowError:
        real = math.inf
    if real == value or math.isnan(real):
        return real
    raise InvalidInput(f"{shown(value)} cannot be held exactly by a float", hint="write float(value)")


def _python_number(value: Any) -> Any:
    """The Python number of a scalar of another library, or of a Decimal; anything else as it is."""
    try:
        if callable(getattr(value, "item", None)):
            return value.item()
        decimals = sys.modules.get("decimal")  # a Decimal exists only where its module is loaded
        if decimals is None or not isinstance(value, decimals.Decimal):
            return value
        real = float(value)
    except Exception as error:  # noqa: BLE001  # an array of several elements, a signalling NaN, or a broken class
        raise InvalidInput(f"{shown(value)} is no single number: {error}", hint="write float(value)") from None
    if math.isinf(real) and value.is_finite():
        raise InvalidInput(f"{shown(value)} is beyond what a float can hold", hint="write float(value)")
    return real


_TIMESTAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # of UTC: arithmetic without a zone is several times faster
_TICK = timedelta(microseconds=1)


def timestamp(value: Any) -> str:
    """The canonical text of a time: ``2025-02-15T08:00:00Z``, with six decimals when it has microseconds.

    value: such a text, or an aware datetime. Raises InvalidInput for anything else; never guesses a time zone.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInput(
                f"the datetime {value.isoformat()} has no time zone", hint="use datetime.now(timezone.utc)"
            )
        return _written(value)
    if not isinstance(value, str):
        raise InvalidInput(f"{shown(value)} is no timestamp", hint="e.g. 2025-02-15T08:00:00Z, or a datetime")
    match = _TIMESTAMP.match(value)
    if match is None:
        raise InvalidInput(f"{shown(value)} is no ISO 8601 timestamp", hint="e.g. 2025-02-15T08:00:00Z")
    *parts, fraction, zone = match.groups()
    if len((fraction or "").rstrip("0")) > 6:
        raise InvalidInput(
            f"timestamp {shown(value)} is finer than a microsecond",
            hint=f"write six decimals: .{fraction[:6]}Z",
        )
    if zone != "Z":
        _refuse_zone(value, zone)
    try:
        moment = datetime(*map(int, parts), int((fraction or "0")[:6].ljust(6, "0")), tzinfo=timezone.utc)  # type: ignore[arg-type, misc]  # six numbers by the pattern
    except ValueError as error:
        raise InvalidInput(f"{shown(value)} is no moment of the calendar: {error}", hint="check the date") from None
    return _written(moment)


def _refuse_zone(value: str, zone: Optional[str]) -> NoReturn:
    if zone is None:
        raise InvalidInput(f"timestamp {shown(value)} does not end in Z", hint="if it is UTC, add the Z")
    try:
        moment = datetime.fromisoformat(value if ":" in zone else f"{value[:-2]}:{value[-2:]}")
        hint = f"in UTC it is {_written(moment)}"
    except (ValueError, OverflowError):
        hint = "e.g. 2025-02-15T08:00:00Z"
    raise InvalidInput(f"timestamp {shown(value)} is not in UTC", hint=hint)


def _written(moment: datetime) -> str:
    try:
        utc = moment.astimezone(timezone.utc).replace(tzinfo=None)
    except OverflowError:
        raise InvalidInput(
            f"the datetime {moment.isoformat()} is outside the years 1 to 9999 in UTC", hint="check the year"
        ) from None
    return utc.isoformat() + "Z"


def to_microseconds(moment: str) -> int:
    """Microseconds since 1970 of a canonical timestamp; exact."""
    return (datetime.fromisoformat(moment[:-1]).replace(tzinfo=timezone.utc) - _EPOCH) // _TICK


def from_microseconds(ticks: int) -> str:
    """The canonical timestamp of microseconds since 1970; exact."""
    seconds, rest = divmod(ticks, 1_000_000)
    return f"{_second(seconds)}.{rest:06}Z" if rest else f"{_second(seconds)}Z"


@lru_cache(maxsize=4_096)  # records that are read together are close in time
def _second(seconds: int) -> str:
    return (_NAIVE_EPOCH + timedelta(seconds=seconds)).isoformat()
