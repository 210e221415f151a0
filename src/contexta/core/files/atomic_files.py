"""Write files atomically, and flush directories to the disk.

A file is written under a temporary name and takes its own name in one step. Standard library only, Python 3.8.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Optional, Type, Union

    Path = Union[str, "os.PathLike[str]"]

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class NewFile:
    """A file under a temporary name; the end of its ``with`` block removes it unless it took another name before."""

    def __init__(self, folder: Path, mode: int = 0o666) -> None:
        """folder: on the file system of the final name."""
        self._path = os.path.join(os.fspath(folder), f".{os.getpid()}.{os.urandom(8).hex()}")
        self.file = os.fdopen(os.open(self._path, _FLAGS, mode), "wb")

    def __enter__(self) -> NewFile:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            self.file.close()
        finally:
            if os.path.exists(self._path):
                os.unlink(self._path)

    def replace(self, path: Path, *, is_durable: bool = False) -> None:
        """Take a name, also one that another file has. is_durable: flush to the disk before this returns. Raises
        OSError."""
        self._close(is_durable)
        os.replace(self._path, path)
        if is_durable:
            sync_directory(os.path.dirname(os.path.abspath(path)))

    def take(self, path: Path) -> bool:
        """Take a free name, durably; False if a file has the name. Raises OSError."""
        self._close(is_durable=True)
        try:
            os.link(self._path, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links
            os.replace(self._path, path)
        sync_directory(os.path.dirname(os.path.abspath(path)))
        return True

    def _close(self, is_durable: bool) -> None:
        self.file.flush()
        if is_durable:
            os.fsync(self.file.fileno())
        self.file.close()


def write(path: Path, content: bytes, *, is_durable: bool = False) -> None:
    """Replace a file. Raises OSError; then the old file is still there."""
    with NewFile(os.path.dirname(os.path.abspath(path))) as new:
        new.file.write(content)
        new.replace(path, is_durable=is_durable)


def create(path: Path, content: bytes, mode: int = 0o666) -> bool:
    """Create a file, durably; False if another process created it first. Raises OSError."""
    with NewFile(os.path.dirname(os.path.abspath(path)), mode) as new:
        new.file.write(content)
        return new.take(path)


def make_directory(*folders: str) -> None:
    """Create missing directories and their parents, durably.

    Directories in one directory cost one ``fsync`` of it together.
    """
    missing = [os.path.abspath(folder) for folder in folders if not os.path.isdir(folder)]
    above = dict.fromkeys(os.path.dirname(folder) for folder in missing)
    for folder in above:
        make_directory(folder)
    for folder in missing:
        os.makedirs(folder, exist_ok=True)
    for folder in above:
        sync_directory(folder)


def make_workspace(root: str, *folders: str) -> None:
    """Create folders of a workspace, and if needed the workspace itself with a .gitignore for its content."""
    is_new = not os.path.isdir(root)
    make_directory(*folders)
    if is_new:
        create(os.path.join(root, ".gitignore"), b"*\n")


def sync_directory(folder: Path) -> None:
    """Flush the entries of a directory to the disk, if the system supports it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
