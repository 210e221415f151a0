"""Write an answer to a file, or to stdout for ``-``."""

from __future__ import annotations

import sys
from pathlib import Path

from contexta.core.files import atomic_files

STDOUT = "-"


def write(target: str | Path, text: str) -> None:
    """Replace a file atomically, so that a full disk leaves the previous content. Raises OSError with the target."""
    if str(target) == STDOUT:
        sys.stdout.write(text)
        return
    path = Path(target)
    if path.exists() and not path.is_file():  # /dev/null, a pipe
        path.write_text(text, encoding="utf-8")
        return
    try:
        atomic_files.write(path.resolve() if path.is_symlink() else path, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error  # the name that the user wrote
