"""The versions of two runs, as the maintainers of a package ask for them. Pure."""

from __future__ import annotations

from contexta.contract.environment import EnvironmentSnapshot
from contexta.contract.fields import RunRef
from contexta.findings import ChangedRelease, IssueDraft, RunDiff, SideVersions


def draft_of(finding: RunDiff, old: EnvironmentSnapshot | None, new: EnvironmentSnapshot | None) -> IssueDraft:
    """The draft without addresses. old, new: None for a run without a recorded environment."""
    environment = finding.environment
    changes = [
        ChangedRelease(key=change.key, left_value=change.left_value, right_value=change.right_value)
        for change in environment.package_changes
    ]
    changed = {change.key for change in changes}
    imports = _imports(old, new)
    names = changed | imports if imports else set()  # without recorded imports, no package is known to be unused
    return IssueDraft(
        old=_side(environment.left_ref, old, names),
        new=_side(environment.right_ref, new, names),
        metrics=tuple(
            delta for stage in finding.metrics.stage_comparisons for delta in stage.metric_deltas if delta.differs
        ),
        changes=tuple(changes),
        renamed=finding.metrics.renamed,
        completeness_notes=environment.completeness_notes,
    )


def _imports(*sides: EnvironmentSnapshot | None) -> set[str]:
    """The packages that a run imported."""
    return {name for side in sides if side and side.imports for name in side.imports.get("distributions", {})}


def _side(ref: RunRef, side: EnvironmentSnapshot | None, names: set[str]) -> SideVersions:
    """names: of packages; empty for all."""
    if side is None:
        return SideVersions(run_ref=ref, versions={}, others=0)
    shown = {name: version for name, version in sorted(side.packages.items()) if not names or name in names}
    system = {"Python": side.python_version, "platform": side.platform}
    versions = {name: value for name, value in system.items() if value} | shown
    return SideVersions(run_ref=ref, versions=versions, others=len(side.packages) - len(shown))
