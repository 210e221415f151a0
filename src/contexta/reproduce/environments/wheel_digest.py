"""Read the build digest and the metadata of a wheel that is not installed, by two small reads without a download."""

from __future__ import annotations

import io
import urllib.request
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

from contexta.recorder.packages.installed_files import of_wheel
from contexta.recorder.packages.metadata import Place

_TAIL = 64 * 1024
_SECONDS = 20.0


def build_of(url: str) -> str:
    """The build digest (``contract.Distribution.build``) of the wheel at a URL (https, http or file).

    Raises OSError or ValueError, with the reason, when that needs the whole file.
    """
    return _read(url, _digest)


def metadata_of(url: str) -> str:
    """The METADATA of the wheel at a URL. Raises as ``build_of``."""
    return _read(url, lambda wheel: wheel.read(_member(wheel, "METADATA")).decode("utf-8", "replace"))


def _read(url: str, part: Callable[[zipfile.ZipFile], str]) -> str:
    parts = urlsplit(url)
    if parts.scheme == "file":
        with zipfile.ZipFile(Path(unquote(parts.path))) as wheel:
            return part(wheel)
    if parts.scheme not in ("https", "http"):
        raise ValueError(f"{parts.scheme} addresses are not read")
    try:
        with zipfile.ZipFile(io.BufferedReader(_Remote(url), 16 * 1024)) as wheel:
            return part(wheel)
    except zipfile.BadZipFile as error:
        raise ValueError(f"no wheel: {error}") from error


def _member(wheel: zipfile.ZipFile, file: str) -> str:
    names = [name for name in wheel.namelist() if name.endswith(f".dist-info/{file}") and name.count("/") == 1]
    if len(names) != 1:
        raise ValueError(f"the wheel has no {file}")
    return names[0]


def _digest(wheel: zipfile.ZipFile) -> str:
    record = _member(wheel, "RECORD")
    info = record.partition("/")[0]
    data = info[: -len(".dist-info")].encode() + b".data/"
    lines = []
    for line in wheel.read(record).replace(b"\r\n", b"\n").split(b"\n"):
        if line.startswith(data):
            scheme, _, rest = line[len(data) :].partition(b"/")
            if scheme not in (b"purelib", b"platlib"):
                continue  # is installed outside site-packages
            line = rest
        lines.append(line)
    return sha256(of_wheel(Place("", info), b"\n".join(lines))).hexdigest()


class _Remote(io.RawIOBase):
    """A file behind HTTP, read by ranges. Its end, where a zip file has its directory, is read at once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._at = 0
        self._tail, self.size = self._fetch(f"bytes=-{_TAIL}")

    def _fetch(self, span: str) -> tuple[bytes, int]:
        # build_of accepts only http and https
        request = urllib.request.Request(self._url, headers={"Range": span, "Accept-Encoding": "identity"})
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            if answer.status != 206:
                raise ValueError("the index does not serve parts of files")
            return answer.read(), int(answer.headers["Content-Range"].rpartition("/")[2])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self.size)[whence]
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # of the two kinds that are given
        start, stop = self._at, min(self._at + len(buffer), self.size)
        if stop <= start:
            return 0
        tail_at = self.size - len(self._tail)
        if start >= tail_at:
            data = self._tail[start - tail_at : stop - tail_at]
        else:
            data = self._fetch(f"bytes={start}-{stop - 1}")[0]
        buffer[: len(data)] = data
        self._at = start + len(data)
        return len(data)
