"""Read the metrics of a run from its stored output. The function is a method of ``Contexta``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contexta.client.reading.workspace import Workspace
from contexta.core.errors import InvalidInput, NotFound, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from contexta.findings import RunDetails
    from contexta.recorder.printed.disagreements import Disagreement
    from contexta.recorder.printed.parser import Measurement


def read_output_metrics(workspace: Workspace, run: str, pattern: str | None = None) -> RunDetails:
    """Read metrics from the stored output of a run, as `contexta run` does during the run.

    They replace metrics that were read before. Metrics that the program logged stay. pattern: a regular expression with
    groups ``key`` and ``value``, or groups named like metrics, and perhaps ``step``; by default the known formats.
    Raises NotFound without output, InvalidInput for a pattern that finds no number and for a run that is still open.
    """
    from contexta.recorder.printed.user_pattern import compiled
    from contexta.store.entities import artifacts
    from contexta.store.ingest.printed_points import replace_printed
    from contexta.store.read import loading

    expression = None if pattern is None else compiled(pattern)
    store = workspace._opened()
    with workspace._reading() as connection:
        key, ref = workspace._find(connection, run)
        details = loading.details(connection, key)
        logs = [artifact for artifact in details.artifacts if artifact.kind == "log" and artifact.kept]
        texts = [artifacts.log_text(store.objects, log) for log in logs if expression is None or log.name != "stderr"]
    if details.status == "open":
        raise InvalidInput(f"{ref} is still open", hint="its output is stored when the command has ended")
    if not texts:
        raise NotFound(f"{ref} has no stored output", hint="`contexta run -- COMMAND` stores what COMMAND writes")
    measurements, differing = _measurements(texts, expression)
    if not measurements and expression is not None:
        has_match = any(expression.search(line) for text in texts for line in re.split(r"[\r\n]", text))
        fault = "matches no number" if has_match else "matches nothing"
        raise InvalidInput(
            f"{shown(expression.pattern)} {fault} in the output of {ref}", hint=f"contexta log {ref.name}"
        )
    with store.writing() as connection:
        uncertain = differing if differing and _have_common_output(connection, key) else {}
        replace_printed(connection, key, measurements, details.ended_at or details.started_at, uncertain)
    with workspace._reading() as connection:
        return loading.details(connection, key)


def _measurements(
    texts: Sequence[str], expression: re.Pattern[str] | None
) -> tuple[list[Measurement], dict[str, Disagreement]]:
    """(the measurements, the metrics that lines of the same form print with different values for one step)"""
    from contexta.recorder.printed.parser import OutputParser, pieces
    from contexta.recorder.printed.user_pattern import PatternParser

    measurements: list[Measurement] = []
    differing: dict[str, Disagreement] = {}
    for text in texts:
        parser = OutputParser() if expression is None else PatternParser(expression)
        for piece, is_redrawn in pieces(text):
            measurements += parser.feed(piece, is_redrawn=is_redrawn)
        measurements += parser.finish()
        differing.update(parser.disagreements.by_name())
    return measurements, differing


def _have_common_output(connection: Connection, run_id: int) -> bool:
    """Whether several programs of a run wrote to its output at the same time."""
    from contexta.recorder.journal.process_journals import are_concurrent
    from contexta.store.read.run_processes import processes_of

    processes = processes_of(connection, run_id)[1:]  # the first one is the `contexta run` around them
    return are_concurrent((process.rank, process.parent, process.first_at, process.last_at) for process in processes)
