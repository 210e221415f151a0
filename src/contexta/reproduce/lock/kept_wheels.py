"""Keep the exact wheels of a run in a directory, because releases get deleted and yanked."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO
from urllib.parse import unquote, urlsplit

from contexta.core.errors import ContextaError
from contexta.core.files.digests import file_sha256
from contexta.findings import KeptWheels, Missing, MissingReason
from contexta.recorder.redaction.redact import clean_url
from contexta.reproduce.environments.progress import ProgressCallback
from contexta.reproduce.lock.formats import Locked
from contexta.reproduce.lock.lock import locked_files
from contexta.reproduce.rebuild import RebuildOptions, RecordedEnvironment
from contexta.reproduce.uv.commands import Uv, find_uv
from contexta.reproduce.uv.release_files import ReleaseFile

WHEELS = "wheels"
"""The directory of a workspace that `contexta keep` fills."""

_SECONDS = 60.0
_CHUNK = 1024 * 1024


class _NotKept(ContextaError):
    """A file that could not be downloaded, or is another one."""


@dataclass(frozen=True)
class _Result:
    name: str
    is_new: bool
    size: int


def keep_wheels(
    recorded: RecordedEnvironment, options: RebuildOptions, uv: Uv, into: Path, progress: ProgressCallback
) -> KeptWheels:
    """Download the wheels of a run, each checked by the hash of the index. A wheel that is already there is not read
    from the index again. Raises IndexUnreachable when no index answers."""
    packages, missing = locked_files(recorded, options, uv)
    into.mkdir(parents=True, exist_ok=True)
    results, lost = [], list(missing)
    for number, package in enumerate(packages):
        progress("keeping wheels", number, len(packages))
        try:
            results.append(_keep(package, into))
        except (ContextaError, OSError) as error:
            text = error.what if isinstance(error, ContextaError) else f"the download failed: {error}"
            lost.append(Missing(name=package.name, version=package.version, reason=_reason(error), detail=text))
    return KeptWheels(
        run_ref=recorded.run_ref,
        directory=os.fspath(into),
        kept=tuple(sorted(result.name for result in results)),
        new_count=sum(result.is_new for result in results),
        size_bytes=sum(result.size for result in results),
        exact=tuple(package.name for package in packages if package.exact),
        missing=tuple(lost),
    )


def _reason(error: Exception) -> MissingReason:
    return "no wheel" if isinstance(error, _NotKept) else "index unreachable"


def _keep(package: Locked, into: Path) -> _Result:
    file = next((file for file in package.files if file.sha256), None)
    if file is None:
        raise _NotKept(f"{package.requirement} has no wheel with a hash")
    target = into / Path(file.name).name
    if target.is_file():
        if file_sha256(target) == file.sha256:
            return _Result(target.name, False, target.stat().st_size)
        raise _NotKept(f"{target} is another file of that name", hint="keep this run in another directory")
    with tempfile.NamedTemporaryFile(dir=into, suffix=".part", delete=False) as part:
        try:
            digest = _copy(file, part)
            part.close()
            if digest != file.sha256:
                raise _NotKept(f"{clean_url(file.url)} has another hash than the index promised")
            Path(part.name).replace(target)
        except BaseException:  # Ctrl-C too: half a wheel is deleted
            part.close()
            Path(part.name).unlink(missing_ok=True)
            raise
    return _Result(target.name, True, target.stat().st_size)


def _copy(file: ReleaseFile, target: IO[bytes]) -> str:
    """The sha256 of what was copied."""
    digest = hashlib.sha256()
    with _opened(file.url) as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            target.write(chunk)
    return digest.hexdigest()


def _opened(url: str) -> BinaryIO:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.path)).open("rb")
    if parts.scheme not in ("https", "http"):
        raise _NotKept(f"{parts.scheme} addresses are not read")
    host = parts.netloc.rpartition("@")[2]
    request = urllib.request.Request(parts._replace(netloc=host, fragment="").geturl())
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        request.add_unredirected_header("Authorization", f"Basic {b64encode(login.encode()).decode()}")
    opened: BinaryIO = urllib.request.urlopen(request, timeout=_SECONDS)
    return opened


def with_kept_wheels(uv: Uv | None, workspace: Path) -> Uv:
    """uv that uses the wheels that were kept in a workspace before those of an index.

    uv: None for that of this machine. Raises UvMissing.
    """
    uv = uv or find_uv()
    folder = (workspace / WHEELS).absolute()
    return replace(uv, kept_wheels=os.fspath(folder)) if folder.is_dir() else uv
