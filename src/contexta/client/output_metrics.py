"""Read the metrics of a run from its stored output. The function is a method of ``Contexta``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from contexta.client.reading.workspace import Workspace
from contexta.core.errors import InvalidInput, NotFound, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contexta.findings import RunDetails
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
    measurements = [measurement for text in texts for measurement in _measurements(text, expression)]
    if not measurements and expression is not None:
        has_match = any(expression.search(line) for text in texts for line in re.split(r"[\r\n]", text))
        fault = "matches no number" if has_match else "matches nothing"
        raise InvalidInput(
            f"{shown(expression.pattern)} {fault} in the output of {ref}", hint=f"contexta log {ref.name}"
        )
    with store.writing() as connection:
        replace_printed(connection, key, measurements, details.ended_at or details.started_at)
    with workspace._reading() as connection:
        return loading.details(connection, key)


def _measurements(text: str, expression: re.Pattern[str] | None) -> Iterator[Measurement]:
    from contexta.recorder.printed.parser import measurements_of
    from contexta.recorder.printed.user_pattern import PatternParser

    if expression is None:
        yield from measurements_of(text)
        return
    parser = PatternParser(expression)
    for line in re.split(r"[\r\n]", text):
        yield from parser.feed(line)
