"""Find the release notes of packages in their metadata: where they are installed, or in the package index."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from contexta.analysis.environments.release_notes import release_notes
from contexta.core.errors import InvalidInput
from contexta.findings import ChangedRelease, IssueDraft
from contexta.findings.comparisons import NOT_INSTALLED
from contexta.reproduce.environments.wheel_digest import metadata_of
from contexta.reproduce.uv.commands import Uv, find_uv
from contexta.reproduce.uv.error_messages import UvError


def with_addresses(
    draft: IssueDraft, interpreters: Iterable[Mapping[str, Any] | None], python_version: str | None, online: bool
) -> IssueDraft:
    """The draft with the addresses of the release notes.

    interpreters: recorded ones, whose packages are read first if they are still on this machine. online: read the
    metadata of other packages from the configured package index; no wheel is downloaded. Raises UvMissing.
    """
    folders = _package_folders(interpreters)
    changes = [_with_installed(change, folders) for change in draft.changes]
    if online and any(change.reason == NOT_INSTALLED for change in changes):
        uv = find_uv()
        changes = [
            _with_indexed(change, uv, python_version or "") if change.reason == NOT_INSTALLED else change
            for change in changes
        ]
    return draft.model_copy(update={"changes": tuple(changes)})


def _with_installed(change: ChangedRelease, folders: Sequence[str]) -> ChangedRelease:
    """From the installed release of the new version, else of the old one, else of any."""
    texts: dict[str, str] = {}
    for distribution in distributions(name=change.key, path=list(folders)):
        if (text := distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")) is not None:
            texts.setdefault(distribution.version, text)
    if not texts:
        return change.model_copy(update={"reason": NOT_INSTALLED})
    versions = [version for version in (change.right_value, change.left_value) if version in texts]
    return _with_address(change, texts[versions[0]] if versions else next(iter(texts.values())), "installed")


def _with_indexed(change: ChangedRelease, uv: Uv, python_version: str) -> ChangedRelease:
    try:
        releases = uv.compile(python_version, {change.key: change.right_value or change.left_value or ""})
        wheels = [file for release in releases for file in release.files if file.is_wheel]
        if not wheels:
            return change.model_copy(update={"reason": "the package index has no wheel of it"})
        return _with_address(change, metadata_of(wheels[0].url), "index")
    except (UvError, InvalidInput, OSError, ValueError) as error:
        reason = f"the package index gave no metadata: {(str(error).splitlines() or [''])[0]}"
        return change.model_copy(update={"reason": reason})


def _with_address(change: ChangedRelease, metadata: str, source: str) -> ChangedRelease:
    address = release_notes(metadata)
    if address is None:
        return change.model_copy(update={"reason": "its metadata has no address"})
    return change.model_copy(update={"label": address[0], "url": address[1], "source": source})


def _package_folders(interpreters: Iterable[Mapping[str, Any] | None]) -> list[str]:
    """The directories of packages of recorded interpreters that are on this machine, then those of this one."""
    folders: list[str] = []
    for interpreter in interpreters:
        prefix = (interpreter or {}).get("prefix")
        if isinstance(prefix, str):
            folders += map(str, (*Path(prefix).glob("lib/python*/site-packages"), Path(prefix, "Lib", "site-packages")))
    return list(dict.fromkeys([*folders, *sys.path]))
