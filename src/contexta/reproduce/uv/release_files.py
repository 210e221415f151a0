"""The files of a release in an index, as uv lists them in pylock.toml (PEP 751)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from contexta.core.files.digests import file_sha256

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class ReleaseFile:
    """A wheel or a source distribution."""

    url: str
    name: str
    hashes: Mapping[str, str]
    """Algorithm -> hex digits; empty if the index gives none."""
    size: int | None = None
    uploaded: datetime | None = None
    is_wheel: bool = True

    @classmethod
    def of(cls, wheel: Path) -> ReleaseFile:
        """A wheel on this machine."""
        return cls(wheel.as_uri(), wheel.name, {"sha256": file_sha256(wheel)})

    @property
    def sha256(self) -> str:
        return self.hashes.get("sha256", "")

    @property
    def pin(self) -> str:
        """Its address, with its digest if the index gives one."""
        return f"{self.url}#sha256={self.sha256}" if self.sha256 else self.url


@dataclass(frozen=True)
class IndexedRelease:
    """A release and its files; for a package from an archive the archive."""

    name: str
    version: str
    files: tuple[ReleaseFile, ...]


def releases_in(pylock: str) -> Iterator[IndexedRelease]:
    """The packages of a pylock.toml."""
    for package in tomllib.loads(pylock).get("packages", ()):
        files = [_file(wheel, is_wheel=True) for wheel in package.get("wheels", ())]
        if (source := package.get("sdist") or package.get("archive")) is not None:
            files.append(_file(source, is_wheel=False))
        yield IndexedRelease(package["name"], package.get("version", ""), tuple(files))


def _file(entry: Mapping[str, Any], *, is_wheel: bool) -> ReleaseFile:
    url = entry.get("url") or Path(entry["path"]).absolute().as_uri()
    name = entry.get("name") or unquote(urlsplit(url).path.rpartition("/")[2])
    time = entry.get("upload-time")
    uploaded = time if isinstance(time, datetime) else None
    return ReleaseFile(url, name, dict(entry.get("hashes", {})), entry.get("size"), uploaded, is_wheel)
