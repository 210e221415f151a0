"""The directory of a site: the files of the site, and the pages that are up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contexta.core.errors import InvalidInput
from contexta.core.files import atomic_files

MANIFEST = "contexta-site.json"
_FORMAT = 1
_PAGE = re.compile(r"(?:index|(?:runs|compare|projects)/[a-z0-9][a-z0-9.-]*)\.html\Z")
_FOLDERS = ("runs", "compare", "projects")


class SiteDirectory:
    """Pages with a key each. A page whose key is the recorded one is up to date.

    Raises InvalidInput for a directory with other files in the place of pages, or without a manifest of a site.
    """

    def __init__(self, path: Path, planned: set[str]) -> None:
        self.path = path
        self._keys = self._read_manifest()
        self._require_no_foreign_file(planned)
        for folder in _FOLDERS:
            (path / folder).mkdir(parents=True, exist_ok=True)
        self.removed = self._remove(set(self._keys) - planned)
        # From now on every planned page belongs to the site, also if this process is killed before it has written all.
        self._keys = {name: self._keys.get(name, "") for name in planned}
        self._write_manifest()
        self.written = 0

    def is_current(self, name: str, key: str) -> bool:
        return bool(key) and self._keys[name] == key and (self.path / name).is_file()

    def write(self, name: str, key: str, html: str) -> None:
        """key: empty for a page that has to be written each time."""
        atomic_files.write(self.path / name, html.encode())
        self._keys[name] = key
        self.written += 1

    def close(self) -> None:
        self._write_manifest()

    def _read_manifest(self) -> dict[str, str]:
        hint = "name an empty directory, or one that `contexta report --site` wrote"
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInput(f"{self.path} is not a directory", hint=hint)
        file = self.path / MANIFEST
        if not file.is_file():
            if self.path.is_dir() and any(self.path.iterdir()):
                raise InvalidInput(f"{self.path} contains other files", hint=hint)
            return {}
        try:
            pages = _pages(json.loads(file.read_text(encoding="utf-8")))
        except ValueError:
            pages = None
        if pages is None:
            raise InvalidInput(f"{file} is damaged", hint="delete the directory, and write the site again")
        return pages

    def _require_no_foreign_file(self, planned: set[str]) -> None:
        """Refuse links to other places, and files that the manifest does not name."""
        hint = "move it away, or name another directory"
        for folder in _FOLDERS:
            place = self.path / folder
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                raise InvalidInput(f"{place} is not a directory of this site", hint=hint)
        for name in sorted(planned - set(self._keys)):
            if (self.path / name).exists():
                raise InvalidInput(f"{self.path / name} was not written by `contexta report --site`", hint=hint)

    def _remove(self, names: set[str]) -> int:
        for name in names:
            (self.path / name).unlink(missing_ok=True)
        return len(names)

    def _write_manifest(self) -> None:
        manifest = {"format": _FORMAT, "pages": dict(sorted(self._keys.items()))}
        atomic_files.write(self.path / MANIFEST, f"{json.dumps(manifest, indent=0)}\n".encode())


def _pages(manifest: Any) -> dict[str, str] | None:
    """The pages of a manifest; None if it has another form. Names outside the site are refused."""
    pages = manifest.get("pages") if isinstance(manifest, Mapping) and manifest.get("format") == _FORMAT else None
    if not isinstance(pages, Mapping):
        return None
    is_valid = all(isinstance(name, str) and _PAGE.match(name) and isinstance(key, str) for name, key in pages.items())
    return dict(pages) if is_valid else None
