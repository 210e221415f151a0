"""Compare two recorded environments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contexta.analysis.environments.missing_facts import source_of, unknown_in_environments
from contexta.analysis.environments.platforms import same_platform
from contexta.analysis.environments.rebuilds import equivalent_pythons
from contexta.analysis.environments.version_steps import distance
from contexta.contract.environment import Distribution, EnvironmentSnapshot, Origin, normal_name, same_version
from contexta.core.references import StableRef
from contexta.findings import SAME_RUN, Change, EnvironmentDiff, PackageChange
from contexta.recorder.packages.installed_files import EDITED

# Paths say nothing about the content; versions and variables are compared separately.
_NOT_COMPARED = frozenset({"executable", "prefix", "base_prefix", "venv", "version", "build", "hash_seed", "platform"})

# Compared by name and version already; a configuration repeats the version and the build options.
_NOT_OF_A_LIBRARY = frozenset({"name", "kind", "path", "file", "config"})


def compare_environments(
    left_ref: StableRef,
    left: EnvironmentSnapshot | None,
    right_ref: StableRef,
    right: EnvironmentSnapshot | None,
) -> EnvironmentDiff:
    """Compare two snapshots: names normalised (PEP 503), versions by PEP 440.

    None means that a run has no snapshot. The result then has a note, and no changes.
    """
    sides = {
        "left_ref": left_ref,
        "right_ref": right_ref,
        "left_environment_ref": left.environment_snapshot_ref if left else None,
        "right_environment_ref": right.environment_snapshot_ref if right else None,
        "left_python_version": left.python_version if left else None,
        "right_python_version": right.python_version if right else None,
        "left_platform": left.platform if left else None,
        "right_platform": right.platform if right else None,
    }
    notes = _notes(left_ref, left, right_ref, right)
    unknowns = unknown_in_environments(left, right)
    missing = {aspect.what for aspect in unknowns}
    if left is None or right is None:
        return EnvironmentDiff(
            **sides,
            python_version_changed=False,
            platform_changed=False,
            completeness_notes=tuple(notes),
            unknowns=unknowns,
        )
    lefts, rights = _normalised(left.packages), _normalised(right.packages)
    packages = _package_changes(left, lefts, right, rights) if "packages" not in missing else []
    unchanged = _unchanged(rights, packages) if "packages" not in missing else {}
    variables = _changes(left.environment_variables, right.environment_variables)
    variables = variables if "variables" not in missing else []
    builds, origins = _same_version_changes(left, right)
    return EnvironmentDiff(
        **sides,
        python_version_changed=equivalent_pythons(left.python_version, right.python_version) is False,
        platform_changed=same_platform(left.platform, right.platform) is False,
        changed_packages=tuple(change for change in packages if None not in (change.left_value, change.right_value)),
        added_packages=tuple(change for change in packages if change.left_value is None),
        removed_packages=tuple(change for change in packages if change.right_value is None),
        unchanged_package_count=len(unchanged),
        unchanged_packages=unchanged,
        build_changes=builds,
        origin_changes=origins,
        interpreter_changes=_fact_changes(left.interpreter, right.interpreter),
        machine_changes=_fact_changes(left.machine, right.machine),
        native_changes=_fact_changes(native_texts(left), native_texts(right)),
        changed_variables=tuple(change for change in variables if None not in (change.left_value, change.right_value)),
        added_variables=tuple(change for change in variables if change.left_value is None),
        removed_variables=tuple(change for change in variables if change.right_value is None),
        completeness_notes=tuple(notes),
        unknowns=unknowns,
    )


def _notes(
    left_ref: StableRef, left: EnvironmentSnapshot | None, right_ref: StableRef, right: EnvironmentSnapshot | None
) -> list[str]:
    notes = [SAME_RUN.format(left_ref)] if left_ref == right_ref else []
    for ref, side, other in ((left_ref, left, right), (right_ref, right, left)):
        if side is None:
            notes.append(f"{ref} has no environment snapshot: changes are unknown")
        elif not side.packages:
            notes.append(f"the environment of {ref} has no packages")
        elif other is not None and other.distributions and not side.distributions:
            notes.append(
                f"the environment of {ref} was {source_of(side)}: changes of builds, origins, interpreter, machine and "
                "native libraries are unknown"
            )
        elif other is not None:
            texts = {note.text for note in other.notes}
            notes += [f"in {ref} {note.text}" for note in side.notes if note.topic == EDITED and note.text not in texts]
    return list(dict.fromkeys(notes))


# ---------------------------------------------------------------------------------------------- packages


def _package_changes(
    left: EnvironmentSnapshot, lefts: Mapping[str, str], right: EnvironmentSnapshot, rights: Mapping[str, str]
) -> list[PackageChange]:
    """The changes of packages. lefts, rights: normalised name -> version."""
    old, new = _by_name(left), _by_name(right)
    changes = []
    for change in _changes(lefts, rights, same_version):
        direction, size = distance(change.left_value, change.right_value)
        newest = new.get(change.key) or old.get(change.key)
        changes.append(
            PackageChange(
                **dict(change),
                direction=direction,
                size=size,
                imported=_imported(change.key, left, right),
                requested=newest.requested if newest else None,
            )
        )
    return changes


def _unchanged(rights: Mapping[str, str], changes: Iterable[Change]) -> dict[str, str]:
    changed = {change.key for change in changes}
    return {name: version for name, version in sorted(rights.items()) if name not in changed}


def _imported(name: str, *sides: EnvironmentSnapshot) -> bool | None:
    """Whether a run imported a distribution; None if a run without recorded imports may have imported it."""
    recorded = [side.imports.get("distributions", {}) for side in sides if side.imports is not None]
    if any(name in imports for imports in recorded):
        return True
    return False if len(recorded) == len(sides) else None


def _same_version_changes(
    left: EnvironmentSnapshot, right: EnvironmentSnapshot
) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """(changes of builds, changes of origins) for packages with equal versions."""
    lefts, rights = _by_name(left), _by_name(right)
    builds, origins = [], []
    for name in sorted({*lefts} & {*rights}):
        left_distribution, right_distribution = lefts[name], rights[name]
        if not same_version(left_distribution.version, right_distribution.version):
            continue
        if (
            left_distribution.build is not None
            and right_distribution.build is not None
            and left_distribution.build != right_distribution.build
        ):
            builds.append(Change(key=name, left_value=left_distribution.build, right_value=right_distribution.build))
        if left_distribution.origin is right_distribution.origin:
            continue
        if "unknown" not in (left_distribution.origin.kind, right_distribution.origin.kind) and _differs(
            left_distribution.origin, right_distribution.origin
        ):
            origins.append(
                Change(
                    key=name,
                    left_value=_origin_text(left_distribution.origin),
                    right_value=_origin_text(right_distribution.origin),
                )
            )
    return tuple(builds), tuple(origins)


def _differs(first: Origin, second: Origin) -> bool:
    """Whether two origins differ. A field that only one of them has is no difference."""
    if (first.kind, first.url, first.subdirectory) != (second.kind, second.url, second.subdirectory):
        return True
    pairs = ((first.commit, second.commit), (first.dirty, second.dirty), (first.digest, second.digest))
    return any(None not in pair and pair[0] != pair[1] for pair in pairs)


def _origin_text(origin: Origin) -> str:
    """An origin on one line: ``vcs https://... at 1a2b3c4d5e6f, with uncommitted changes``."""
    parts: list[str] = [origin.kind]
    if origin.url:
        parts.append(origin.url + (f"#subdirectory={origin.subdirectory}" if origin.subdirectory else ""))
    if origin.commit:
        parts.append(f"at {origin.commit[:12]}")
    if origin.digest:
        parts.append(f"({origin.digest[:19]})")
    return " ".join(parts) + (", with uncommitted changes" if origin.dirty else "")


def _by_name(snapshot: EnvironmentSnapshot) -> dict[str, Distribution]:
    return {distribution.name: distribution for distribution in snapshot.distributions}


def _normalised(packages: Mapping[str, str]) -> dict[str, str]:
    return {normal_name(name): version for name, version in packages.items()}


# ---------------------------------------------------------------------------------------------- facts


def _fact_changes(left: Mapping[str, Any], right: Mapping[str, Any]) -> tuple[Change, ...]:
    """The differing facts; none if a side recorded no facts."""
    if not left or not right:
        return ()
    return tuple(_changes(fact_texts(left), fact_texts(right)))


def fact_texts(facts: Mapping[str, Any]) -> dict[str, str]:
    """The facts that say something about the content, as texts."""
    return {
        name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for name, value in facts.items()
        if name not in _NOT_COMPARED
    }


def native_texts(snapshot: EnvironmentSnapshot) -> dict[str, str]:
    """The version and the other facts of each loaded library, by name, without paths."""
    facts: dict[str, str] = {}
    for library in snapshot.native_libraries:
        name = _library_name(library)
        facts[name] = str(library.get("version") or "loaded")
        facts.update(
            (f"{name} {key}", value) for key, value in fact_texts(library).items() if key not in _NOT_OF_A_LIBRARY
        )
    return facts


def _library_name(library: Mapping[str, Any]) -> str:
    """``openblas (scipy)``: the name, with the package whose wheel contains the library in a folder like scipy.libs."""
    name = str(library.get("name", "?"))
    folders = str(library.get("path", "")).replace("\\", "/").split("/")
    owner = next((folder[: -len(".libs")] for folder in folders if folder.endswith(".libs")), None)
    return f"{name} ({owner})" if owner else name


def _changes(
    left: Mapping[str, str], right: Mapping[str, str], same: Callable[[str, str], bool] = str.__eq__
) -> list[Change]:
    return [
        Change(key=key, left_value=left.get(key), right_value=right.get(key))
        for key in _keys(left, right)
        if not (key in left and key in right and same(left[key], right[key]))
    ]


def _keys(*tables: Iterable[str]) -> list[str]:
    return sorted({key for table in tables for key in table})
