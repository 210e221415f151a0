"""Store the output of a program with its run, and note what was not read from it.

Standard library only, Python 3.8.
"""

from __future__ import annotations

from contexta.recorder.notes import reason
from contexta.recorder.redaction import cutting, redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

    from contexta.recorder.session.run import LiveRun
    from contexta.recorder.wrapping.output import BoundedLog
    from contexta.recorder.wrapping.printed_metrics import OutputSearch


def store_output(run: LiveRun, stream: str, log: BoundedLog) -> None:
    """Store a stream as a log of the run, without secrets. An empty one leaves no log."""
    if not log.size:
        return
    text, long_lines = cutting.with_short_lines(log.content().decode("utf-8", "backslashreplace"))
    if long_lines:
        lines = f"{long_lines} lines of {stream} are" if long_lines > 1 else f"a line of {stream} is"
        run.note("log", f"{lines} over {cutting.MAX_LINE} characters: the middle is left out")
    store_text(run, stream, "log", text, {"bytes_written": log.size})


def store_text(run: LiveRun, name: str, kind: str, text: str, attributes: Mapping[str, Any]) -> None:
    """Store a text as an artifact of the run, without secrets."""
    clean = redact.inside(text, run._salt).encode("utf-8", "backslashreplace")
    try:
        digest = run._objects.put(clean)
    except OSError as error:
        run.note(kind, f"{name} could not be stored: {reason(error)}")
        return
    run._journal.write(
        "artifact",
        name=name,
        kind=kind,
        location=f"object:{digest}",
        digest=f"sha256:{digest}",
        size=len(clean),
        attributes=attributes,
    )


def note_search(run: LiveRun, stream: str, search: OutputSearch) -> None:
    """Note why the search for metrics in a stream did not read all of it."""
    if search.failure:
        run.note("metrics", f"the search for metrics in {stream} failed: {search.failure}"[:1000])
    if search.skipped:
        run.note("metrics", f"{search.skipped} bytes of {stream} came too fast to be searched for metrics")
