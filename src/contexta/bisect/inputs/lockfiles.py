"""What one side installs, from a lock: pylock.toml (PEP 751) or uv.lock. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import parse_qsl

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from contexta.bisect.inputs.direct_references import commit_pin, file_pin
from contexta.bisect.inputs.pins import Pins
from contexta.core.errors import ContextaError, InvalidInput, shown

DEFAULT_GROUPS = ("dev",)  # what `uv sync` installs besides, where [tool.uv] does not say
_KNOWN_VERSION = 1  # of uv.lock
_EXPORT = "`uv export --frozen --no-hashes --no-emit-project` writes it as a requirements file"

Table = Mapping[str, Any]


def pins_of_pylock(lock: Table, markers: Mapping[str, str], where: str) -> Pins:
    """What a pylock.toml installs for an interpreter, with its default groups and without extras.

    Raises InvalidInput for a lock that is damaged, is for other interpreters, or installs what no index has;
    ContextaError where the installed packaging does not know the format.
    """
    try:
        from packaging.pylock import Pylock, PylockValidationError
    except ImportError as error:
        raise ContextaError(
            f"{where}: the installed packaging does not know pylock.toml",
            hint="`pip install -U packaging`, or give a requirements file",
        ) from error
    try:
        read = Pylock.from_dict(lock)
    except PylockValidationError as error:
        raise InvalidInput(f"{where} is no valid pylock.toml: {error}") from error
    _require_python(where, str(read.requires_python or ""), markers)
    if read.environments and not any(each.evaluate(dict(markers)) for each in read.environments):
        told = " or ".join(f"({each})" for each in read.environments)
        raise InvalidInput(f"{where} is for {told}", hint="name an interpreter it is for: --old-python, --new-python")
    asked: dict[str, str | AbstractSet[str]] = {
        **markers,
        "extras": frozenset(),
        "dependency_groups": frozenset(read.default_groups or ()),
    }

    pins: dict[str, str] = {}
    hashes: dict[str, tuple[str, ...]] = {}
    notes = []
    for package in read.packages:
        if package.marker is not None and not package.marker.evaluate(asked, context="lock_file"):
            continue
        name = canonicalize_name(package.name)
        if package.directory is not None:
            notes.append(_left_out(where, name, package.directory.path))
            continue
        if (vcs := package.vcs) is not None and vcs.type == "git" and vcs.url is not None:
            _add(pins, where, name, commit_pin(name, vcs.url, vcs.commit_id, vcs.subdirectory), None)
            continue
        if (archive := package.archive) is not None and archive.url is not None:
            digest = f"sha256:{archive.hashes['sha256']}" if "sha256" in archive.hashes else None
            _add(pins, where, name, file_pin(name, archive.url, digest, archive.subdirectory), None)
            continue
        origin = f"{package.vcs.type} or a path" if package.vcs else "a path" if package.archive else None
        _add(pins, where, name, str(package.version) if package.version else None, origin)
        digests = [wheel.hashes.get("sha256") for wheel in package.wheels or ()]
        digests += [] if package.sdist is None else [package.sdist.hashes.get("sha256")]
        hashes.update(_hashes(name, digests))
    return Pins(dict(sorted(pins.items())), tuple(notes), hashes=hashes)


def pins_of_uv_lock(lock: Table, markers: Mapping[str, str], where: str, groups: Sequence[str] | None) -> Pins:
    """What ``uv sync`` installs of a uv.lock for an interpreter: the project, or all members of a workspace without
    one, with their default groups and without extras; what stands in directories left out.

    groups: of dependencies, installed besides; None for all. Raises InvalidInput for a lock that is of a newer format,
    is for other interpreters, or installs what no index has.
    """
    if lock.get("version") != _KNOWN_VERSION:
        raise InvalidInput(f"{where} is of version {shown(lock.get('version'))}, which is not known", hint=_EXPORT)
    _require_python(where, str(lock.get("requires-python", "")), markers)
    packages: list[Table] = lock["package"]
    found = _Installed(packages, markers, where)
    for entry in _roots(lock, groups):
        found.follow(entry)
    pins: dict[str, str] = {}
    hashes: dict[str, tuple[str, ...]] = {}
    notes = []
    for number in found.packages:
        package = packages[number]
        name, source = canonicalize_name(package["name"]), package.get("source", {})
        directory = next((source[kind] for kind in ("virtual", "editable", "directory") if kind in source), None)
        if directory is not None:
            if "virtual" not in source:
                notes.append(_left_out(where, name, directory))
            continue
        elsewhere = _address(name, package)
        origin = None if elsewhere or "registry" in source else next(iter(source), "nowhere")
        _add(pins, where, name, elsewhere or package.get("version"), origin)
        if elsewhere is None:
            hashes.update(_hashes(name, [file.get("hash", "").partition("sha256:")[2] for file in _files(package)]))
    return Pins(dict(sorted(pins.items())), tuple(sorted(notes)), hashes=hashes)


def _address(name: str, package: Table) -> str | None:
    """The pin of a package of a uv.lock that comes from a repository or a file of the web; None for any other."""
    source = package.get("source", {})
    if "git" in source:
        address, _, commit = source["git"].partition("#")
        repository, _, query = address.partition("?")
        if not commit:
            return None
        return commit_pin(name, repository, commit, dict(parse_qsl(query)).get("subdirectory"))
    if "url" in source:
        digest = next((file["hash"] for file in _files(package) if "hash" in file), None)
        return file_pin(name, source["url"], digest, source.get("subdirectory"))
    return None


def _files(package: Table) -> list[Table]:
    return [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]


def _hashes(name: str, digests: Sequence[str | None]) -> dict[str, tuple[str, ...]]:
    """The files that a release may consist of; {} where one of them has no sha256."""
    told = [f"sha256:{digest}" for digest in digests if digest]
    return {name: tuple(sorted(told))} if told and len(told) == len(digests) else {}


class _Installed:
    """The packages that are reached from what is asked for."""

    def __init__(self, packages: Sequence[Table], markers: Mapping[str, str], where: str) -> None:
        self._all, self._markers, self._where = packages, markers, where
        self._seen: set[tuple[int, str]] = set()
        self.packages: dict[int, None] = {}

    def follow(self, entry: Table) -> None:
        """Take in what a line of dependencies leads to, where its marker holds."""
        waiting = [entry]
        while waiting:
            each = waiting.pop()
            if not self._holds(each.get("marker")):
                continue
            number = self._package(each)
            self.packages[number] = None
            for part in ("", *each.get("extra", ())):
                if (number, part) not in self._seen:
                    self._seen.add((number, part))
                    package = self._all[number]
                    lines = (
                        package.get("optional-dependencies", {}).get(part, ())
                        if part
                        else package.get("dependencies", ())
                    )
                    waiting += lines

    def _package(self, entry: Table) -> int:
        """The package that a line names: of several forks the one it tells, else the one whose markers hold."""
        fitting = [
            number
            for number, package in enumerate(self._all)
            if package["name"] == entry["name"]
            and all(package.get(key) == entry[key] for key in ("version", "source") if key in entry)
        ]
        if len(fitting) > 1:
            fitting = [
                number
                for number in fitting
                if any(self._holds(marker) for marker in self._all[number].get("resolution-markers", ()))
            ]
        if len(fitting) != 1:
            raise InvalidInput(f"{self._where} does not tell which {entry['name']} is meant", hint=_EXPORT)
        return fitting[0]

    def _holds(self, marker: str | None) -> bool:
        try:
            return marker is None or Marker(marker).evaluate({**self._markers, "extra": ""})
        except InvalidMarker as error:
            raise InvalidInput(f"{self._where}: {shown(marker)} is no marker", hint=_EXPORT) from error


def _roots(lock: Table, groups: Sequence[str] | None) -> Iterator[Table]:
    """The lines of dependencies that everything else follows from."""
    manifest = lock.get("manifest", {})
    local = [package for package in lock["package"] if {"virtual", "editable"} & {*package.get("source", {})}]
    project = [each for each in local if "." in each["source"].values()]
    members = [each for each in local if each["name"] in manifest.get("members", ())]
    tables = [manifest.get("dependency-groups", {})]
    yield from manifest.get("requirements", ())  # of a script
    for root in project or members:
        yield {"name": root["name"], "source": root["source"]}
        tables.append(root.get("dev-dependencies", {}))
    for table in tables:
        for group in table if groups is None else groups:
            yield from table.get(group, ())


def _require_python(where: str, requires: str, markers: Mapping[str, str]) -> None:
    try:
        fits = SpecifierSet(requires).contains(markers["python_full_version"], prereleases=True)
    except InvalidSpecifier as error:
        raise InvalidInput(f"{where}: requires-python cannot be {shown(requires)}") from error
    if not fits:
        raise InvalidInput(
            f"{where} is for Python {requires}, not {markers['python_full_version']}",
            hint="name one it is for: --old-python, --new-python, or --python for both",
        )


def _add(pins: dict[str, str], where: str, name: str, version: str | None, origin: str | None) -> None:
    if origin is not None:
        raise InvalidInput(
            f"{where}: {name} comes from {shown(origin)}, not from an index: no mix can have it",
            hint=f"lock it by a release: {name}==VERSION",
        )
    if version is None:
        raise InvalidInput(f"{where} does not say which version of {name}", hint="lock it with its version")
    if pins.setdefault(name, version) != version:
        raise InvalidInput(f"{where} installs {name} twice, {pins[name]} and {version}")


def _left_out(where: str, name: str, directory: str) -> str:
    return f"{where}: {name} stands in {shown(directory)}: it is source, and not installed in any mix"
