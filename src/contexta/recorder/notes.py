"""Notes about facts that could not be captured, with the reason. Each probe returns its notes with its facts."""

from __future__ import annotations

from contexta.core.validation import storable as storable
from contexta.recorder.redaction.redact import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    Note = Dict[str, str]  # topic and text, as contexta.contract.Note


def note(topic: str, text: str) -> Note:
    """A note whose texts any database can hold, without secrets: paths, URLs and errors may contain some."""
    return {"topic": storable(topic)[:250], "text": inside(text[:20_000], None)[:10_000]}


def reason(error: BaseException) -> str:
    """Why something failed, in one line, without secrets."""
    if isinstance(error, OSError) and error.strerror:
        return inside(error.strerror.lower() + (f": {error.filename}" if error.filename else ""), None)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {inside(text, None)}" if text else type(error).__name__
