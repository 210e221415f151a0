"""Read the moment of a reconstruction: a date, a date with a time, a file, or a commit or tag."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

from contexta.core.errors import InvalidInput, shown
from contexta.reconstruct.trace_values import PointInTime
from contexta.recorder.source import git_history

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
_EXAMPLES = "give a date (2025-02-15), a time (2025-02-15T10:30), a commit or tag, or a file of that time"


def moment_of(text: str, directory: Path, now: datetime) -> PointInTime:
    """The moment that a user names. Times without an offset are UTC.

    Raises InvalidInput for a text that names no moment, or one in the future.
    """
    moment = _moment(text.strip(), directory)
    if moment.earliest > now:
        raise InvalidInput(f"{shown(text)} is in the future", hint=_EXAMPLES)
    return moment


def _moment(text: str, directory: Path) -> PointInTime:
    if _DATE.match(text):
        day = _parsed(text)
        return PointInTime(day, day + timedelta(days=1, seconds=-1), text)
    if _DATE_TIME.match(text):
        time = _parsed(text)
        return PointInTime(time, time, text)
    path = directory / text
    if text and path.is_file():
        time = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        is_tracked = git_history.is_tracked(path)
        note = f"git tracks {text}: its modification time may be that of the checkout; its commit is a surer moment"
        return PointInTime(time, time, text, notes=(note,) if is_tracked else ())
    if text and not text.startswith("-") and (commit := git_history.commit_named(directory, text)) is not None:
        return PointInTime(commit.when, commit.when, text, commit.name)
    raise InvalidInput(f"{shown(text)} is no date, file, commit or tag", hint=_EXAMPLES)


def _parsed(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "T", 1))
    except ValueError as error:
        raise InvalidInput(f"{shown(text)} is no date: {error}", hint=_EXAMPLES) from error
    return (time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
