"""Notebooks: outputs, `pip install` lines in cells, and the version of Python."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from contexta.reconstruct.documents.install_lines import traces_of_commands
from contexta.reconstruct.documents.install_logs import traces_in_text
from contexta.reconstruct.trace_values import PYTHON, Document, Traces, collected


def recognises(name: str) -> bool:
    return name.endswith(".ipynb")


def read(document: Document) -> Traces:
    try:
        notebook = json.loads(document.text)
    except ValueError as error:
        return Traces(notes=(f"{document.where()} is no notebook: {error}",))
    return Traces.joined(_parts(document, notebook))


def _parts(document: Document, notebook: Mapping[str, Any]) -> Iterator[Traces]:
    version = notebook.get("metadata", {}).get("language_info", {}).get("version")
    if isinstance(version, str):
        yield Traces(evidence=collected(document.evidence(PYTHON, version)))
    for cell in notebook.get("cells", ()):
        if cell.get("cell_type") != "code":
            continue
        when = _executed(cell)
        for output in cell.get("outputs", ()):
            text = _text(output.get("text") or output.get("data", {}).get("text/plain"))
            yield Traces(evidence=tuple(traces_in_text(document, text, when)))
        commands = [line.lstrip(" !%") for line in _text(cell.get("source")).splitlines() if line.lstrip()[:1] in "!%"]
        yield traces_of_commands(document, "\n".join(commands))


def _executed(cell: Mapping[str, Any]) -> datetime | None:
    time = cell.get("metadata", {}).get("execution", {}).get("iopub.execute_input")
    try:
        return datetime.fromisoformat(time.replace("Z", "+00:00")) if isinstance(time, str) else None
    except ValueError:
        return None


def _text(value: object) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else value if isinstance(value, str) else ""
