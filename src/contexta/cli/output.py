"""Where an answer goes that may be kept: a file, or stdout where the file is ``-``."""

from __future__ import annotations

import sys
from pathlib import Path

from contexta.core.files import atomic_files

STDOUT = "-"


def write(target: str | Path, text: str) -> None:
    """Write an answer whole, or leave what was there: a full disk leaves no half file. Raises OSError that names
    the target."""
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
