"""Archives on ``sys.path``: zip files, wheels and eggs, also directories inside them."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple


def archive_around(path: str) -> Optional[Tuple[str, str]]:
    """(archive, prefix) of an entry of sys.path that is a file or a directory inside one: ``("app.pyz", "lib/")``.

    None for a directory on the disk.
    """
    inner = ""
    outer = os.path.abspath(path or os.curdir)
    while not os.path.exists(outer):
        outer, name = os.path.split(outer)
        if not name:
            return None
        inner = f"{name}/{inner}"
    return (outer, inner) if os.path.isfile(outer) else None


def read_inside(path: str) -> Optional[bytes]:
    """The content of a file on the disk or in an archive; None if there is none."""
    from zipfile import BadZipFile, ZipFile

    around = archive_around(path)
    try:
        if around is not None and around[1]:
            with ZipFile(around[0]) as archive:
                return archive.read(around[1].rstrip("/"))
        with open(path, "rb") as file:
            return file.read()
    except (OSError, KeyError, BadZipFile, RuntimeError, NotImplementedError, EOFError):
        return None
