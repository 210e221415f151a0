"""In what an environment that was built again differs from the recorded one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from contexta.analysis.environments.platforms import is_foreign
from contexta.analysis.metrics.formatting import some
from contexta.contract.environment import Distribution, EnvironmentSnapshot, Origin, same_version
from contexta.findings import Deviation, EnvironmentDiff

# What a compiled module is bound to. How the interpreter was started and where it lies is no property of a rebuild.
_INTERPRETER = ("implementation", "implementation_version", "soabi", "cache_tag", "bits", "byteorder", "debug_build")
_SCRIPT = re.compile(r"(?:\.\./)+(?:bin|Scripts)/[^/]+\Z")
_BUILT_HERE = frozenset({"vcs", "directory", "archive"})


def deviations(
    recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot, *, edits: Iterable[Mapping[str, str]] = ()
) -> tuple[Deviation, ...]:
    """Everything in which the second is not the first. edits: of ``recorder.files.edited_files`` in the second."""
    return (
        *_platform(recorded, rebuilt),
        *_python(recorded, rebuilt),
        *_interpreter(recorded, rebuilt),
        *_packages(recorded, rebuilt),
        *_files(edits),
    )


def same_python(recorded: str, found: str) -> bool:
    """Whether a Python is the recorded one; one recorded without its patch version (3.11) is any of that line."""
    return same_version(recorded, found) or (recorded.count(".") == 1 and found.startswith(f"{recorded}."))


def compared_builds(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> int:
    """How many packages could be compared by the digest of their files."""
    builds = {found.name for found in rebuilt.distributions if found.build is not None}
    return sum(1 for found in recorded.distributions if _has_build(found) and found.name in builds)


def notes(recorded: EnvironmentSnapshot, diff: EnvironmentDiff) -> tuple[str, ...]:
    """What could not be compared, and what differs without being part of an environment."""
    told = []
    if not recorded.distributions:
        told.append("the recording holds names and versions only: nothing else could be compared")
    else:
        blind = [found.name for found in recorded.distributions if not _has_build(found)]
        if blind:
            told.append(f"compared by version alone, as no digest of their files can be: {some(sorted(blind))}")
    if diff.platform_changed and not is_foreign(diff.left_platform or "", diff.right_platform or ""):
        told.append(f"recorded on {diff.left_platform}, this is {diff.right_platform}")
    machine = [change.key for change in diff.machine_changes if change.key not in ("host", "platform")]
    if machine:
        told.append(f"another machine than the recorded one: {some(machine, 8)} differ")
    return tuple(told)


def _has_build(found: Distribution) -> bool:
    """An editable install's files name the place it lies at: they are never the same twice."""
    return found.build is not None and found.origin.kind != "editable"


def _platform(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> Iterator[Deviation]:
    if is_foreign(recorded.platform, rebuilt.platform):
        yield Deviation(
            kind="platform",
            key="platform",
            recorded=recorded.platform,
            rebuilt=rebuilt.platform,
            why="compiled files of another system or processor are other files",
        )


def _python(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> Iterator[Deviation]:
    if not same_python(recorded.python_version, rebuilt.python_version):
        yield Deviation(kind="python", key="python", recorded=recorded.python_version, rebuilt=rebuilt.python_version)


def _interpreter(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> Iterator[Deviation]:
    for key in (*_INTERPRETER, "free_threaded_build"):
        one, two = recorded.interpreter.get(key), rebuilt.interpreter.get(key)
        if one is not None and two is not None and one != two:
            yield Deviation(kind="interpreter", key=key, recorded=str(one), rebuilt=str(two))


def _packages(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> Iterator[Deviation]:
    lefts, rights = _by_name(recorded), _by_name(rebuilt)
    for name in sorted({*lefts, *rights}):
        one, two = lefts.get(name), rights.get(name)
        if one is None or two is None or not same_version(one.version, two.version):
            yield Deviation(
                kind="package", key=name, recorded=one.version if one else None, rebuilt=two.version if two else None
            )
        elif (origin := _origin(one, two)) is not None:
            yield origin
        elif _has_build(one) and two.build is not None and one.build != two.build:
            built = one.origin.kind in _BUILT_HERE
            yield Deviation(
                kind="build",
                key=name,
                recorded=one.build,
                rebuilt=two.build,
                why="built from source, by other tools or from other files" if built else "other files, same version",
            )


def _origin(one: Distribution, two: Distribution) -> Deviation | None:
    """Where it came from, as far as that says what it is: a commit or a digest, not where a checkout lies."""
    left, right = one.origin, two.origin
    if left.kind == "unknown":
        if one.build is not None and one.build == two.build:
            return None
        return _moved(one, two, "its origin was not recorded: that of the index may be another") if one.build else None
    if left.kind != right.kind:
        same = {left.kind, right.kind} <= {"directory", "editable"} and left.kind != "editable"
        return None if same or (one.build is not None and one.build == two.build) else _moved(one, two, None)
    if left.kind == "vcs" and left.commit != right.commit:
        return _moved(one, two, "another commit")
    if left.kind == "archive" and left.digest and right.digest and left.digest != right.digest:
        return _moved(one, two, "another file")
    return None


def _moved(one: Distribution, two: Distribution, why: str | None) -> Deviation:
    return Deviation(kind="origin", key=one.name, recorded=_told(one.origin), rebuilt=_told(two.origin), why=why)


def _told(origin: Origin) -> str:
    parts = (origin.kind, origin.url, f"at {origin.commit[:12]}" if origin.commit else None)
    return " ".join(part for part in parts if part)


def _files(edits: Iterable[Mapping[str, str]]) -> Iterator[Deviation]:
    by_name: dict[str, list[str]] = {}
    for edit in edits:
        if _SCRIPT.match(edit["path"]):
            continue  # it names the place of its environment
        by_name.setdefault(edit["name"], []).append(f"{edit['path']} ({edit['change']})")
    for name, files in sorted(by_name.items()):
        yield Deviation(kind="files", key=name, recorded=None, rebuilt=some(files), why="not as its RECORD says")


def _by_name(snapshot: EnvironmentSnapshot) -> dict[str, Distribution]:
    if snapshot.distributions:
        return {found.name: found for found in snapshot.distributions}
    return {found.name: found for found in handwritten(snapshot.packages)}


def handwritten(packages: Mapping[str, str]) -> Sequence[Distribution]:
    """Packages by name and version as distributions of which nothing else is known, by normalised name."""
    return sorted(
        (Distribution(name=name, version=version) for name, version in packages.items()), key=lambda each: each.name
    )
