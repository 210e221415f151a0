"""Read the parts that all kinds of lock files have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from packaging.markers import Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from contexta.bisect.inputs.direct_references import commit_pin, file_pin
from contexta.bisect.inputs.pins import Pins
from contexta.bisect.option_names import option
from contexta.core.errors import InvalidInput, shown


class LockedPins:
    """The pins of a lockfile while it is read. where: its path, for messages."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._packages: dict[str, str] = {}
        self._hashes: dict[str, tuple[str, ...]] = {}
        self._notes: list[str] = []

    def add_package(self, package: Mapping[str, Any]) -> None:
        """Add an entry of ``packages`` as pylock.toml has it (PEP 751).

        Raises InvalidInput for a package that no index has, without a version, or for a second pin.
        """
        name = canonicalize_name(package["name"])
        vcs, archive = package.get("vcs", {}), package.get("archive", {})
        if "directory" in package:
            self.leave_out(name, package["directory"]["path"])
        elif vcs.get("type") == "git" and "url" in vcs:
            self.add(name, commit_pin(name, vcs["url"], vcs["commit-id"], vcs.get("subdirectory")))
        elif "url" in archive:
            digest = archive.get("hashes", {}).get("sha256")
            digest = None if digest is None else f"sha256:{digest}"
            self.add(name, file_pin(name, archive["url"], digest, archive.get("subdirectory")))
        elif vcs or archive:
            self.refuse(name, f"{vcs['type']} or a path" if vcs else "a path")
        else:
            files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
            self.add(name, package.get("version"), [file.get("hashes", {}).get("sha256") for file in files])

    def add(self, name: str, pin: str | None, digests: Sequence[str | None] = ()) -> None:
        """digests: sha256 of each file of the release. Raises InvalidInput without a pin, or for a second pin."""
        if pin is None:
            raise InvalidInput(f"{self._where} does not say which version of {name}", hint="lock it with its version")
        if self._packages.setdefault(name, pin) != pin:
            raise InvalidInput(f"{self._where} installs {name} twice, {self._packages[name]} and {pin}")
        if digests and all(digests):
            self._hashes[name] = tuple(sorted(f"sha256:{digest}" for digest in digests))

    def refuse(self, name: str, origin: str) -> None:
        """Raise InvalidInput for a package that no index has."""
        raise InvalidInput(
            f"{self._where}: {name} comes from {shown(origin)}, not from an index: no mix can have it",
            hint=f"lock it by a release: {name}==VERSION",
        )

    def leave_out(self, name: str, directory: str) -> None:
        self._notes.append(
            f"{self._where}: {name} is in {shown(directory)}: it is source, and not installed in any mix"
        )

    def pins(self) -> Pins:
        return Pins(dict(sorted(self._packages.items())), tuple(sorted(self._notes)), hashes=self._hashes)


def another_interpreter() -> str:
    """The hint for a lock file that is for other interpreters."""
    return (
        f"name an interpreter it is for: {option('old_python')}, {option('new_python')}, or {option('python')} for both"
    )


def require_python(where: str, requires: str, markers: Mapping[str, str]) -> None:
    """Raise InvalidInput where a lockfile is for other interpreters."""
    try:
        fits = SpecifierSet(requires).contains(markers["python_full_version"], prereleases=True)
    except InvalidSpecifier as error:
        raise InvalidInput(f"{where}: requires-python cannot be {shown(requires)}") from error
    if not fits:
        raise InvalidInput(
            f"{where} is for Python {requires}, not {markers['python_full_version']}",
            hint=another_interpreter(),
        )


def applies(marker: object, markers: Mapping[str, str], extras: Sequence[str] = ("",)) -> bool:
    """Whether a package is for this interpreter. Raises InvalidMarker, a ValueError."""
    return not marker or any(Marker(str(marker)).evaluate({**markers, "extra": extra}) for extra in extras)


def sha256_of(hashes: Iterable[object]) -> list[str]:
    """Digests of the files of a release, as ``sha256:DIGITS`` in a lock."""
    return [str(digest).removeprefix("sha256:") for digest in hashes]
