"""Store objects: bytes under their own SHA-256, each once.

Another kind of storage needs only ``put`` (or ``put_file``), ``get`` (or ``copy``) and ``exists``. Names of users never
become paths here; they are data in the database.

Standard library only, Python 3.8: the recorder writes environment bodies inside training processes.
"""

from __future__ import annotations

import os
import re
import stat

from contexta.core.errors import DamagedData, InvalidInput, NotFound, shown
from contexta.core.files.atomic_files import NewFile, make_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, Iterator, Tuple, Union

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_CHUNK = 1024 * 1024
_RESTORE = "restore the workspace from a backup"
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# A link is not followed, and opening a pipe or a device does not wait.
_READ_PLAIN = _READ | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Objects:
    """A directory of objects; ``<root>/ab/cdef...`` holds the bytes whose SHA-256 is ``abcdef...``."""

    def __init__(self, root: Union[str, "os.PathLike[str]"]) -> None:
        self.root = os.fspath(root)

    def put(self, data: bytes) -> str:
        """Store ``data`` and return its digest; on disk when this returns. Raises OSError when it cannot."""
        from hashlib import sha256

        digest = sha256(data).hexdigest()
        if not (self.touch(digest) and self._reads_back(digest, data)):
            self._write(iter((data,)), digest)
        return digest

    def put_file(self, path: Union[str, "os.PathLike[str]"]) -> "Tuple[str, int]":
        """Store the bytes of a regular file, in pieces, and return (digest, size); on disk when this returns.

        A file that another process writes to is stored as it was read. Raises InvalidInput for a link, directory,
        device or pipe, FileNotFoundError, OSError when it cannot be read or stored.
        """
        with open_plain(os.fspath(path)) as file:
            return self._write(_chunks(file), None)

    def put_stream(self, file: "BinaryIO") -> "Tuple[str, int]":
        """``put_file`` with the rest of an open file."""
        return self._write(_chunks(file), None)

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, verified. Raises NotFound, or DamagedData if they have another digest."""
        return b"".join(self._read(digest))

    def copy(self, digest: str, path: Union[str, "os.PathLike[str]"]) -> int:
        """Write an object to a new file and return its size. Raises FileExistsError, NotFound, or DamagedData if the
        bytes have another digest; then no file is left."""
        size = 0
        with open(path, "xb") as file:
            try:
                for chunk in self._read(digest):
                    size += file.write(chunk)
            except BaseException:  # also Ctrl-C: no half file stays behind
                file.close()
                os.unlink(path)
                raise
        return size

    def check(self, digest: str) -> None:
        """Verify an object. Raises NotFound, or DamagedData if its bytes have another digest."""
        for _ in self._read(digest):
            pass

    def exists(self, digest: str) -> bool:
        """Whether there is an object of that digest; its bytes are not verified."""
        return os.path.isfile(self.path(digest))

    def path(self, digest: str) -> str:
        """The path of an object. Raises NotFound for a text that is not a digest."""
        if not _DIGEST.match(digest):
            raise NotFound(f"{shown(digest)} is no object digest")
        return os.path.join(self.root, digest[:2], digest[2:])

    def touch(self, digest: str) -> bool:
        """Whether the object exists; then it counts as new, so that ``gc`` does not delete it."""
        try:
            os.utime(self.path(digest))
        except FileNotFoundError:
            return False
        except OSError:
            return self.exists(digest)  # the file of another user cannot be touched
        return True

    def _reads_back(self, digest: str, data: bytes) -> bool:
        """Whether the stored bytes are these; a damaged object is written again. Costs less than the digest."""
        try:
            with open_plain(self.path(digest)) as file:
                return file.read(len(data) + 1) == data
        except InvalidInput:
            return False  # no regular file
        except OSError:
            return True  # the file of another user, which cannot be read here

    def _write(self, chunks: "Iterator[bytes]", digest: "Union[str, None]") -> "Tuple[str, int]":
        """digest: None computes it while the bytes are written."""
        from hashlib import sha256

        make_directory(self.root)
        computed, size = sha256(), 0
        with NewFile(self.root) as new:
            for chunk in chunks:
                if digest is None:
                    computed.update(chunk)
                size += new.file.write(chunk)
            digest = digest or computed.hexdigest()
            path = self.path(digest)
            make_directory(os.path.dirname(path))
            new.replace(path, is_durable=True)
        return digest, size

    def _read(self, digest: str) -> "Iterator[bytes]":
        """The bytes of an object; raises DamagedData at their end if they have another digest."""
        from hashlib import sha256

        computed = sha256()
        try:
            with open_plain(self.path(digest)) as file:
                for chunk in _chunks(file):
                    computed.update(chunk)
                    yield chunk
        except FileNotFoundError:
            raise NotFound(f"object {digest} is missing from {self.root}", hint=_RESTORE) from None
        except InvalidInput as error:
            raise DamagedData(f"object {digest}: {error.what}", hint=_RESTORE) from None
        if computed.hexdigest() != digest:
            raise DamagedData(
                f"object {digest} in {self.root} is damaged: its bytes have another digest", hint=_RESTORE
            )


def _chunks(file: "BinaryIO") -> "Iterator[bytes]":
    return iter(lambda: file.read(_CHUNK), b"")


def open_plain(path: str) -> "BinaryIO":
    """A regular file, opened for reading. Raises InvalidInput for anything else."""
    if os.path.islink(path):
        raise InvalidInput(f"{shown(path)} is a symbolic link", hint=f"name the file itself: {os.path.realpath(path)}")
    if os.path.isdir(path):
        raise InvalidInput(f"{shown(path)} is a directory", hint="name a file")
    handle = os.open(path, _READ_PLAIN)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise InvalidInput(f"{shown(path)} is a device, a pipe or a socket", hint="name a regular file")
        return os.fdopen(handle, "rb")
    except BaseException:  # also Ctrl-C: the handle is not left open
        os.close(handle)
        raise
