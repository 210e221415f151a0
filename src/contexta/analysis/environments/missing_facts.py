"""Name the parts of an environment that a side did not record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from contexta.analysis.environments.platforms import same_platform
from contexta.contract.environment import UNKNOWN, EnvironmentSnapshot
from contexta.findings.environments import Side, UnknownAspect
from contexta.findings.reproduction import RECONSTRUCTED
from contexta.findings.runs import IMPORT_TOPIC

Reasons = Mapping[str, str | None]
"""Aspect -> why it was not recorded; None if it was recorded."""

NO_SNAPSHOT = "no environment snapshot"
_NOT_RECORDED = "not recorded"
_ASPECTS = (
    "packages",
    "python",
    "platform",
    "builds and origins",
    "interpreter",
    "machine",
    "native libraries",
    "variables",
)


def unknown_in_environments(
    left: EnvironmentSnapshot | None, right: EnvironmentSnapshot | None
) -> tuple[UnknownAspect, ...]:
    """The aspects of the environments that one side or both did not record.

    Between two environments that were written by hand, a variable that only one of them has is a difference.
    """
    reasons = [dict(reasons_of_environment(side)) for side in (left, right)]
    has_variables = any(side is not None and side.environment_variables for side in (left, right))
    if has_variables and not any(side is None or is_captured(side) for side in (left, right)):
        reasons = [{**side, "variables": None} for side in reasons]
    platforms = [side.platform for side in (left, right) if side is not None]
    if len(platforms) == 2 and UNKNOWN not in platforms and same_platform(*platforms) is None:
        reasons = [{**side, "platform": f"{' and '.join(platforms)} may be one platform"} for side in reasons]
    return tuple(unknown_aspects(*reasons))


def reasons_of_environment(snapshot: EnvironmentSnapshot | None) -> Reasons:
    """The aspects of an environment."""
    if snapshot is None:
        return dict.fromkeys(_ASPECTS, NO_SNAPSHOT)
    reason = f"the environment was {source_of(snapshot)}"
    facts = {
        "builds and origins": snapshot.distributions,
        "interpreter": snapshot.interpreter,
        "machine": snapshot.machine,
        "native libraries": snapshot.native_libraries or snapshot.distributions,
        "variables": snapshot.environment_variables or is_captured(snapshot),
    }
    return {
        "packages": None if snapshot.packages else _NOT_RECORDED,
        "python": _NOT_RECORDED if snapshot.python_version == UNKNOWN else None,
        "platform": _NOT_RECORDED if snapshot.platform == UNKNOWN else None,
        "versions": "; ".join(uncertainties_of(snapshot) or ()) or None,
        **{name: None if value else reason for name, value in facts.items()},
    }


def source_of(snapshot: EnvironmentSnapshot) -> str:
    """Where an environment that the recorder did not capture comes from, as a participle."""
    topics = {note.topic for note in snapshot.notes}
    return "reconstructed" if RECONSTRUCTED in topics else "imported" if IMPORT_TOPIC in topics else "written by hand"


def uncertainties_of(snapshot: EnvironmentSnapshot) -> tuple[str, ...] | None:
    """What is not certain about a reconstructed environment; None for a recorded one."""
    notes = tuple(note.text for note in snapshot.notes if note.topic == RECONSTRUCTED)
    return notes or None


def unknown_aspects(old: Reasons, new: Reasons) -> Iterator[UnknownAspect]:
    """A value for each aspect that a side did not record."""
    for fact in dict.fromkeys((*old, *new)):
        left, right = old.get(fact), new.get(fact)
        if left or right:
            side: Side = "both" if left and right else "old" if left else "new"
            yield UnknownAspect(what=fact, side=side, reason=left or right)


def is_captured(snapshot: EnvironmentSnapshot) -> bool:
    """Whether the recorder captured an environment. Any other has only names and versions, see ``source_of``."""
    return bool(snapshot.distributions or snapshot.interpreter)
