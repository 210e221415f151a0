"""The magic ``%%contexta NAME`` of IPython and Jupyter, which records a cell as a run."""

from __future__ import annotations

import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from contexta.recorder.parts.failure import status_of
from contexta.recorder.session.active_run import session
from contexta.recorder.wrapping.output import BoundedLog
from contexta.recorder.wrapping.printed_metrics import OutputSearch, PrintedMetrics
from contexta.recorder.wrapping.stored_output import note_search, store_output, store_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TextIO

    from contexta.recorder.session.run import LiveRun

_SOURCE = "cell.py"  # the artifact with the code of the cell


def load_ipython_extension(shell: Any) -> None:
    """Register the magic: ``%load_ext contexta``."""

    def contexta(line: str, cell: str) -> None:
        """Record this cell as a run: %%contexta NAME

        The run has the code, the output, the metrics in the output, the values that the cell logs, and its error.
        """
        record_cell(shell, line.strip() or None, cell)

    session.mirror()
    session.record_settings()
    shell.register_magic_function(contexta, "cell")


def record_cell(shell: Any, name: str | None, cell: str) -> None:
    """Run a cell as a run. Raises its error again, so that the cells after it do not run."""
    run = session.start_block(name=name)
    error: BaseException | None = None
    try:
        store_text(run, _SOURCE, "source", cell, {})
        printed = PrintedMetrics(run)
        streams = [_Copied("stdout", sys.stdout, printed), _Copied("stderr", sys.stderr, printed)]
        with ExitStack() as redirected:
            redirected.enter_context(redirect_stdout(streams[0]))
            redirected.enter_context(redirect_stderr(streams[1]))
            result = shell.run_cell(cell)
        error = result.error_before_exec or result.error_in_exec
        for stream in streams:
            stream.finish(run)
        printed.finish()
    except BaseException as fault:  # raised again
        error = fault
        raise
    finally:
        status = status_of(error)
        session.end_block(run, status, error if status == "failed" else None)
    print(f"contexta: recorded {run.ref.value} ({status})", file=sys.stderr)  # noqa: T201  # the answer of the magic
    if error is not None:
        setattr(error, "_render_traceback_", list)  # noqa: B010  # IPython has shown the traceback of the cell
        raise error


class _Copied:
    """A stream that also stores what is written to it, and searches it for metrics."""

    def __init__(self, name: str, stream: TextIO, printed: PrintedMetrics) -> None:
        self._name = name
        self._stream = stream
        self._log = BoundedLog()
        self._search = OutputSearch(printed, None)

    def write(self, text: str) -> int:
        count = self._stream.write(text)
        data = text.encode("utf-8", "backslashreplace")
        self._log.add(data)
        self._search.take(data)
        return count

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def finish(self, run: LiveRun) -> None:
        self._search.finish()
        note_search(run, self._name, self._search)
        store_output(run, self._name, self._log)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
