"""What changed between two environments."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from packaging.utils import canonicalize_name

from contexta.contract.environment import EnvironmentSnapshot, same_version
from contexta.findings import SAME_RUN, Change, EnvironmentDiff
from contexta.refs import StableRef


def compare_environments(
    left_ref: StableRef,
    left: EnvironmentSnapshot | None,
    right_ref: StableRef,
    right: EnvironmentSnapshot | None,
) -> EnvironmentDiff:
    """Diff two snapshots. Names compare normalised (PEP 503), versions by PEP 440.

    A side that is None was not recorded: a note says so, and nothing is listed as added or removed.
    """
    notes = [
        f"{ref} has no environment snapshot: what changed is unknown"
        for ref, side in ((left_ref, left), (right_ref, right))
        if side is None
    ]
    if left_ref == right_ref:
        notes = [SAME_RUN.format(left_ref)]
    sides = {
        "left_ref": left_ref,
        "right_ref": right_ref,
        "left_python_version": left.python_version if left else None,
        "right_python_version": right.python_version if right else None,
        "left_platform": left.platform if left else None,
        "right_platform": right.platform if right else None,
    }
    if left is None or right is None:
        return EnvironmentDiff(
            **sides, python_version_changed=False, platform_changed=False, completeness_notes=tuple(notes)
        )
    if left_ref != right_ref:
        notes += _emptiness(left) + _emptiness(right)
    packages = _changes(_normalised(left.packages), _normalised(right.packages), same_version)
    variables = _changes(left.environment_variables, right.environment_variables, str.__eq__)
    return EnvironmentDiff(
        **sides,
        python_version_changed=not same_version(left.python_version, right.python_version),
        platform_changed=left.platform != right.platform,
        changed_packages=_where(packages, left=True, right=True),
        added_packages=_where(packages, left=False, right=True),
        removed_packages=_where(packages, left=True, right=False),
        unchanged_package_count=len({*_normalised(left.packages), *_normalised(right.packages)}) - len(packages),
        changed_variables=_where(variables, left=True, right=True),
        added_variables=_where(variables, left=False, right=True),
        removed_variables=_where(variables, left=True, right=False),
        completeness_notes=tuple(notes),
    )


def _normalised(packages: Mapping[str, str]) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in packages.items()}


def _changes(left: Mapping[str, str], right: Mapping[str, str], same: Callable[[str, str], bool]) -> list[Change]:
    changes = []
    for key in sorted({*left, *right}):
        one, two = left.get(key), right.get(key)
        if one is None or two is None or not same(one, two):
            changes.append(Change(key=key, left_value=one, right_value=two))
    return changes


def _where(changes: list[Change], *, left: bool, right: bool) -> tuple[Change, ...]:
    return tuple(
        change
        for change in changes
        if (change.left_value is not None) == left and (change.right_value is not None) == right
    )


def _emptiness(snapshot: EnvironmentSnapshot) -> list[str]:
    return [] if snapshot.packages else [f"the environment of {snapshot.run_ref} lists no packages"]
