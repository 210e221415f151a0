"""Install commands in the history of the user's shells, read only when the user asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from contexta.reconstruct.documents.install_lines import traces_of_history
from contexta.reconstruct.trace_values import Document, PointInTime, Traces

_FILES = (".bash_history", ".zsh_history", ".local/share/fish/fish_history")


def traces_of_shells(moment: PointInTime) -> Iterator[Traces]:
    for name in _FILES:
        path = Path.home() / name
        try:
            content, modified = path.read_bytes(), path.stat().st_mtime
        except OSError:
            continue
        document = Document(f"~/{name}", content, datetime.fromtimestamp(modified, timezone.utc))
        yield traces_of_history(document, moment.latest)
