"""Notes: what could not be captured, and why. Every probe hands its notes back beside its facts."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    Note = Dict[str, str]  # topic and text, as contexta.contract.Note


def note(topic: str, text: str) -> Note:
    """A note whose texts any database can hold, without secrets: paths, URLs and errors may have some in them."""
    from contexta.recorder.redaction.redact import inside

    return {"topic": storable(topic)[:250], "text": inside(text[:20_000], None)[:10_000]}


def storable(text: str) -> str:
    """The text itself, with NUL and lone surrogates (bytes that were no UTF-8) written out: ``\\x00``, ``\\udcff``.

    Undecodable bytes of file names, arguments and variables reach Python as such surrogates (PEP 383).
    """
    if "\0" in text:
        text = text.replace("\0", "\\x00")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text


def reason(error: BaseException) -> str:
    """Why something failed, in one line, without secrets."""
    from contexta.recorder.redaction.redact import inside

    if isinstance(error, OSError) and error.strerror:
        return inside(error.strerror.lower() + (f": {error.filename}" if error.filename else ""), None)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {inside(text, None)}" if text else type(error).__name__
