"""Compare the inputs and the artifacts of two runs by digest."""

from __future__ import annotations

from collections.abc import Sequence

from contexta.analysis.metrics.formatting import some
from contexta.core.references import StableRef
from contexta.findings import Artifact, Change, ValueComparison

_KIND = "input"


def compare_inputs(
    left_ref: StableRef, left: Sequence[Artifact], right_ref: StableRef, right: Sequence[Artifact]
) -> ValueComparison:
    """Match the inputs of two runs by name, of which the last counts, and compare their digests.

    left, right: all artifacts of the runs. Without recorded inputs of a run, the changes are unknown. An input without
    a digest, or with another kind of digest than the other one, gives a note.
    """
    lefts, rights = _inputs(left), _inputs(right)
    missing = [ref.value for ref, inputs in ((left_ref, lefts), (right_ref, rights)) if not inputs]
    if missing:
        return ValueComparison(unknown="; ".join(f"{name}: not recorded" for name in dict.fromkeys(missing)))
    changes, unknown, same = [], [], 0
    for name in sorted({*lefts, *rights}):
        left_input, right_input = lefts.get(name), rights.get(name)
        if left_input is None or right_input is None:
            changes.append(Change(key=name, left_value=_input_text(left_input), right_value=_input_text(right_input)))
        elif not _have_common_digest(left_input, right_input):
            unknown.append(name)
        elif left_input.digest == right_input.digest:
            same += 1
        else:
            changes.append(Change(key=name, left_value=_input_text(left_input), right_value=_input_text(right_input)))
    notes = [f"inputs without a common digest cannot be compared: {some(unknown, 10)}"] if unknown else []
    sampled = [name for name in sorted({*lefts, *rights}) if _is_sampled(lefts.get(name), rights.get(name))]
    if sampled:
        notes.append(f"only samples of these inputs were compared: {some(sampled, 10)}")
    return ValueComparison(changes=tuple(changes), unchanged_count=same, completeness_notes=tuple(notes))


def artifact_changes(left: Sequence[Artifact], right: Sequence[Artifact]) -> tuple[Change, ...]:
    """Artifacts of two runs, without captured output, that differ or that only one run has, by name.

    Without both digests, two artifacts at different locations differ, and two at one location count as the same.
    """
    lefts, rights = ({item.name: item for item in side if item.kind != "log"} for side in (left, right))
    changes = []
    for name in sorted({*lefts, *rights}):
        pair = lefts.get(name), rights.get(name)
        have_digests = all(artifact is None or artifact.digest for artifact in pair)
        left_value, right_value = (
            artifact and (artifact.digest if have_digests else artifact.location) for artifact in pair
        )
        if left_value != right_value:
            changes.append(Change(key=name, left_value=left_value, right_value=right_value))
    return tuple(changes)


def _inputs(artifacts: Sequence[Artifact]) -> dict[str, Artifact]:
    return {artifact.name: artifact for artifact in artifacts if artifact.kind == _KIND}


def _have_common_digest(left: Artifact, right: Artifact) -> bool:
    """Whether the digests of two inputs can be compared: an md5 of another tool says nothing about a sha256."""
    algorithms = [item.digest.partition(":")[0].rpartition("-")[2] for item in (left, right) if item.digest]
    return len(algorithms) == 2 and algorithms[0] == algorithms[1]


def _is_sampled(left: Artifact | None, right: Artifact | None) -> bool:
    """Whether both sides have the same digest of a sample, so that the rest may differ."""
    return (
        left is not None and right is not None and bool(left.attributes.get("sampled")) and left.digest == right.digest
    )


def _input_text(artifact: Artifact | None) -> str | None:
    if artifact is None:
        return None
    size = f"{artifact.size_bytes} bytes" if artifact.size_bytes is not None else "size unknown"
    kind, _, digest = (artifact.digest or "").partition(":")
    return f"{kind}:{digest[:12]}, {size}" if digest else f"{artifact.location}, no digest"
