"""Whether two runs read the same data."""

from __future__ import annotations

from collections.abc import Sequence

from contexta.analysis.metrics.formatting import some
from contexta.core.references import StableRef
from contexta.findings import Artifact, Change, InputComparison

_KIND = "input"


def compare_inputs(
    left_ref: StableRef, left: Sequence[Artifact], right_ref: StableRef, right: Sequence[Artifact]
) -> InputComparison:
    """Match the inputs of two runs by name, the last of one name counts, and compare their digests.

    left, right: all that the runs read and made. Of a run that recorded no inputs nothing is said but a note: unknown
    is no change; nor is anything said of an input whose content one side did not read.
    """
    lefts, rights = _inputs(left), _inputs(right)
    if not lefts and not rights:
        return InputComparison()
    for ref, known in ((left_ref, lefts), (right_ref, rights)):
        if not known:
            return InputComparison(completeness_notes=(f"{ref} recorded no inputs: what it read is unknown",))
    changes, unknown, same = [], [], 0
    for name in sorted({*lefts, *rights}):
        one, two = lefts.get(name), rights.get(name)
        if one is None or two is None:
            changes.append(Change(key=name, left_value=_said(one), right_value=_said(two)))
        elif one.digest is None or two.digest is None:
            unknown.append(name)
        elif one.digest == two.digest:
            same += 1
        else:
            changes.append(Change(key=name, left_value=_said(one), right_value=_said(two)))
    notes = [f"whether these inputs differ is unknown, as they were not read: {some(unknown, 10)}"] if unknown else []
    sampled = [name for name in sorted({*lefts, *rights}) if _is_sampled(lefts.get(name), rights.get(name))]
    if sampled:
        notes.append(f"of these inputs only samples were compared: {some(sampled, 10)}")
    return InputComparison(changes=tuple(changes), unchanged_count=same, completeness_notes=tuple(notes))


def _inputs(artifacts: Sequence[Artifact]) -> dict[str, Artifact]:
    return {each.name: each for each in artifacts if each.kind == _KIND}


def _is_sampled(left: Artifact | None, right: Artifact | None) -> bool:
    """Whether two sides that read the same sample may differ elsewhere."""
    return (
        left is not None and right is not None and bool(left.attributes.get("sampled")) and left.digest == right.digest
    )


def _said(artifact: Artifact | None) -> str | None:
    if artifact is None:
        return None
    size = f"{artifact.size_bytes} bytes" if artifact.size_bytes is not None else "size unknown"
    kind, _, digest = (artifact.digest or "").partition(":")
    return f"{kind}:{digest[:12]}, {size}" if digest else f"{artifact.location}, not read"
