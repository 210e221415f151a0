"""Compare a rebuilt environment with the recorded one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from contexta.analysis.environments.platforms import is_foreign
from contexta.analysis.metrics.formatting import some
from contexta.contract.environment import UNKNOWN, Distribution, EnvironmentSnapshot, Origin, same_version
from contexta.findings import Deviation, EnvironmentDiff

# The interpreter's properties that compiled modules depend on.
_INTERPRETER = ("implementation", "implementation_version", "soabi", "cache_tag", "bits", "byteorder", "debug_build")
_SCRIPT = re.compile(r"(?:\.\./)+(?:bin|Scripts)/[^/]+\Z")
_BUILT_HERE = frozenset({"vcs", "directory", "archive"})


def deviations(
    recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot, *, edits: Iterable[Mapping[str, str]] = ()
) -> tuple[Deviation, ...]:
    """The deviations of the rebuilt environment. edits: its files that differ from their RECORD."""
    return (
        *_platform(recorded, rebuilt),
        *_python(recorded, rebuilt),
        *_interpreter(recorded, rebuilt),
        *_packages(recorded, rebuilt),
        *_files(edits),
    )


def same_python(recorded: str, version: str) -> bool:
    """Whether a Python version matches the recorded one. A recorded 3.11 matches every 3.11 release."""
    return same_version(recorded, version) or (recorded.count(".") == 1 and version.startswith(f"{recorded}."))


def equivalent_pythons(left: str, right: str) -> bool | None:
    """Whether two recorded Python versions can be one version; None if one of them was not recorded."""
    if UNKNOWN in (left, right):
        return None
    return same_python(left, right) or same_python(right, left)


def compared_builds(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> int:
    """The number of packages whose files can be compared by digest."""
    builds = {distribution.name for distribution in rebuilt.distributions if distribution.build is not None}
    return sum(_has_build(distribution) and distribution.name in builds for distribution in recorded.distributions)


def notes(recorded: EnvironmentSnapshot, diff: EnvironmentDiff) -> tuple[str, ...]:
    """Notes on what cannot be compared, and on differences outside of the environment."""
    texts = []
    if not recorded.distributions:
        texts.append("the record has only names and versions: nothing else can be compared")
    else:
        without_build = [package.name for package in recorded.distributions if not _has_build(package)]
        if without_build:
            texts.append(f"compared only by version, without a digest of their files: {some(sorted(without_build))}")
    if diff.platform_changed and not is_foreign(diff.left_platform or "", diff.right_platform or ""):
        texts.append(f"recorded on {diff.left_platform}, rebuilt on {diff.right_platform}")
    machine = [change.key for change in diff.machine_changes if change.key not in ("host", "platform")]
    if machine:
        texts.append(f"the machine differs from the recorded one: {some(machine, 8)}")
    return tuple(texts)


def _has_build(distribution: Distribution) -> bool:
    """Whether the digest of a package's files is comparable. The files of an editable install contain its path."""
    return distribution.build is not None and distribution.origin.kind != "editable"


def _platform(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> Iterator[Deviation]:
    if is_foreign(recorded.platform, rebuilt.platform):
        yield Deviation(
            kind="platform",
            key="platform",
            recorded=recorded.platform,
            rebuilt=rebuilt.platform,
            why="compiled files depend on the system and the processor",
        )


def _python(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> Iterator[Deviation]:
    if not same_python(recorded.python_version, rebuilt.python_version):
        yield Deviation(kind="python", key="python", recorded=recorded.python_version, rebuilt=rebuilt.python_version)


def _interpreter(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> Iterator[Deviation]:
    for key in (*_INTERPRETER, "free_threaded_build"):
        old_value, new_value = recorded.interpreter.get(key), rebuilt.interpreter.get(key)
        if old_value is not None and new_value is not None and old_value != new_value:
            yield Deviation(kind="interpreter", key=key, recorded=str(old_value), rebuilt=str(new_value))


def _packages(recorded: EnvironmentSnapshot, rebuilt: EnvironmentSnapshot) -> Iterator[Deviation]:
    lefts, rights = _by_name(recorded), _by_name(rebuilt)
    for name in sorted({*lefts, *rights}):
        original, copy = lefts.get(name), rights.get(name)
        if original is None or copy is None or not same_version(original.version, copy.version):
            yield Deviation(
                kind="package",
                key=name,
                recorded=original.version if original else None,
                rebuilt=copy.version if copy else None,
            )
        elif (origin := _origin(original, copy)) is not None:
            yield origin
        elif _has_build(original) and copy.build is not None and original.build != copy.build:
            is_built_here = original.origin.kind in _BUILT_HERE
            yield Deviation(
                kind="build",
                key=name,
                recorded=original.build,
                rebuilt=copy.build,
                why="built from source with other tools or other files"
                if is_built_here
                else "other files, same version",
            )


def _origin(original: Distribution, copy: Distribution) -> Deviation | None:
    """The deviation of the origin, if it identifies content: a commit or a digest, but not the path of a checkout."""
    left, right = original.origin, copy.origin
    if left.kind == "unknown":
        if original.build is not None and original.build == copy.build:
            return None
        return (
            _moved(original, copy, "the origin was not recorded: the index may have other files")
            if original.build
            else None
        )
    if left.kind != right.kind:
        same = {left.kind, right.kind} <= {"directory", "editable"} and left.kind != "editable"
        return (
            None
            if same or (original.build is not None and original.build == copy.build)
            else _moved(original, copy, None)
        )
    if left.kind == "vcs" and left.commit != right.commit:
        return _moved(original, copy, "another commit")
    if left.kind == "archive" and left.digest and right.digest and left.digest != right.digest:
        return _moved(original, copy, "another file")
    return None


def _moved(original: Distribution, copy: Distribution, why: str | None) -> Deviation:
    return Deviation(
        kind="origin",
        key=original.name,
        recorded=_origin_text(original.origin),
        rebuilt=_origin_text(copy.origin),
        why=why,
    )


def _origin_text(origin: Origin) -> str:
    parts = (origin.kind, origin.url, f"at {origin.commit[:12]}" if origin.commit else None)
    return " ".join(part for part in parts if part)


def _files(edits: Iterable[Mapping[str, str]]) -> Iterator[Deviation]:
    by_name: dict[str, list[str]] = {}
    for edit in edits:
        if _SCRIPT.match(edit["path"]):
            continue  # it contains the path of its environment
        by_name.setdefault(edit["name"], []).append(f"{edit['path']} ({edit['change']})")
    for name, files in sorted(by_name.items()):
        yield Deviation(kind="files", key=name, recorded=None, rebuilt=some(files), why="differs from its RECORD")


def _by_name(snapshot: EnvironmentSnapshot) -> dict[str, Distribution]:
    if snapshot.distributions:
        return {distribution.name: distribution for distribution in snapshot.distributions}
    return {distribution.name: distribution for distribution in handwritten(snapshot.packages)}


def handwritten(packages: Mapping[str, str]) -> Sequence[Distribution]:
    """Packages as distributions with only a name and a version, sorted by normalised name."""
    distributions = (Distribution(name=name, version=version) for name, version in packages.items())
    return sorted(distributions, key=lambda distribution: distribution.name)
