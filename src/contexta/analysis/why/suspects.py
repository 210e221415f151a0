"""Rank the differences between two runs as suspects.

The score of a difference is the product of the weights below, divided by the sum of all products. No weight is learned
from data: each is listed here with its reason, and results show every weight that was used.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from contexta.analysis.metrics.formatting import some
from contexta.analysis.why.differences import is_tool, reason_for_effect_without_import
from contexta.findings.explain import Difference, Evidence, Suspect

# The weight of a difference by its kind alone.
KINDS: Mapping[str, tuple[float, str]] = {
    "package": (1.0, "the kind that the other weights refer to"),
    "python": (1.0, "changes text hashing, ordering and arithmetic rarely, but for all code"),
    "build": (0.7, "the same version with other bytes: other flags or another patch"),
    "origin": (0.7, "the same version from another source may contain other code"),
    "variable": (1.0, "only variables that change what a run does are recorded"),
    "native": (0.5, "usually a consequence of a changed package"),
    "interpreter": (0.3, "flags and builds of Python rarely change a metric"),
    "machine": (0.4, "other hardware sums in another order, which rarely changes a metric visibly"),
    "source": (3.0, "the program itself: the most frequent cause of regressions"),
    "parameter": (3.0, "parameters are changed to change the result"),
    "input": (3.0, "other data gives another model"),
    "command": (1.5, "other arguments, which may also be listed as parameters"),
}
IMPORTED = (4.0, "its code ran")
ACTIVE_WITHOUT_IMPORT = 1.0
NOT_IMPORTED = (0.02, "code that never ran has no effect")
DIRECT = (1.5, "no other package requires it: the program itself imports it")
REQUESTED = (1.3, "it was installed by name, so the program needs it")
JUMPS: Mapping[str, tuple[float, str]] = {
    "major": (2.0, "a major version may break compatibility"),
    "minor": (1.5, "a minor version may change defaults"),
    "pre-release": (1.5, "a pre-release is not finished"),
    "local": (1.2, "another build, as for another accelerator"),
}
CHANGED_DEFAULT = (5.0, "the runs used a default that this release changed")
DEFAULT_WITHOUT_EFFECT = (1.0, "the changed default cannot change a result")
PRESENCE = (0.8, "usually a consequence of another change")
NUMERIC = (2.0, "it computes results")
TOOL = (0.2, "it computes no results")
MACHINE_NOISE = (0.25, "it changes capacity, not arithmetic")
ACCELERATOR = (2.5, "another accelerator, driver or instruction set computes in another order")
_CAPACITY = frozenset({"memory", "memory_limit", "core_limit", "host", "container", "image", "kernel", "release"})
_ARITHMETIC = frozenset({"gpus", "cpu", "instruction_sets", "driver", "cuda", "architecture"})
_CONTRADICTED = "contradicted by past runs"
HISTORY_CAP = 50.0
"""The largest factor that history alone can give, because past runs are no controlled experiment."""


def suspects(differences: Sequence[Difference], fits: Mapping[str, float] | None = None) -> tuple[Suspect, ...]:
    """The differences, the most suspect first. A difference in seeds is noise and therefore no suspect.

    fits: the name of a difference -> how well past runs agree with it as the only cause; 1 for the best
    (see ``history.fits``).
    """
    candidates = [difference for difference in differences if difference.kind != "seed"]
    parts = [tuple(_evidence(difference, (fits or {}).get(difference.name))) for difference in candidates]
    scores = [math.prod(factor.weight for factor in evidence) for evidence in parts]
    total = sum(scores) or 1.0
    order = sorted(range(len(candidates)), key=lambda i: (-scores[i], candidates[i].kind, candidates[i].key))
    ranked: list[Suspect] = []
    for position, i in enumerate(order, start=1):
        difference, score = candidates[i], round(scores[i] / total, 4)
        is_tied = bool(ranked) and math.isclose(scores[i], scores[order[position - 2]], rel_tol=1e-9)
        ranked.append(
            Suspect(
                rank=ranked[-1].rank if is_tied else position,
                kind=difference.kind,
                key=difference.key,
                left_value=difference.left_value,
                right_value=difference.right_value,
                score=score,
                evidence=parts[i],
                moved_with=difference.moved_with,
            )
        )
    return tuple(ranked)


INCLUDED = {"source": "source", "parameter": "params", "command": "params"}
"""Kind of a difference -> the value of ``--include`` without which a bisect leaves it alone."""


def included(kinds: Collection[str]) -> tuple[str, ...]:
    """The values of ``--include`` for differences of these kinds."""
    return tuple(dict.fromkeys(word for kind, word in INCLUDED.items() if kind in kinds))


def prior(differences: Sequence[Difference]) -> dict[str, float]:
    """The weight of each difference that a bisect can change, by the names of a bisect: ``torch``, ``env:NAME``,
    ``source``, ``param:NAME``. On any scale, and never 0; the bisect flattens it."""
    names = {"package": "{}", "python": "{}", "variable": "env:{}", "source": "source", "parameter": "param:{}"}
    return {
        names[difference.kind].format(difference.key): math.prod(
            factor.weight for factor in _evidence(difference, None)
        )
        for difference in differences
        if difference.kind in names
    }


def _evidence(difference: Difference, fit: float | None) -> Iterator[Evidence]:
    weight, reason = KINDS[difference.kind]
    yield Evidence(name="kind", text=difference.kind, weight=weight, reason=reason)
    if difference.kind == "package":
        yield from _of_imports(difference)
        yield from _of_version(difference)
    if difference.kind in ("machine", "interpreter"):
        if difference.key in _CAPACITY:
            yield _part("capacity", difference.key, MACHINE_NOISE)
        elif difference.key in _ARITHMETIC:
            yield _part("arithmetic", difference.key, ACCELERATOR)
    if difference.numeric:
        yield _part("numeric", "numeric library", NUMERIC)
    elif difference.kind == "package" and is_tool(difference.key):
        yield _part("tool", "development tool", TOOL)
    if fit is not None:
        agreement = "explains past runs" if fit > 0.5 else "explains some past runs" if fit > 0.1 else _CONTRADICTED
        yield Evidence(
            name="history",
            text=agreement,
            weight=max(fit, 1 / HISTORY_CAP),
            reason="how well it alone explains the values of the past runs of this project",
        )


def _of_imports(difference: Difference) -> Iterator[Evidence]:
    exception = reason_for_effect_without_import(difference.key)
    if difference.imported:
        yield _part("imported", "imported", IMPORTED)
        if difference.reached is not None and len(difference.reached) == 1:
            yield _part("reached", "imported directly", DIRECT)
    elif difference.imported is False and exception:
        yield _part("imported", "active without an import", (ACTIVE_WITHOUT_IMPORT, exception))
    elif difference.imported is False:
        yield _part("imported", "not imported", NOT_IMPORTED)
    else:
        yield _part("imported", "import unknown", (1.0, "imports were not recorded"))
    if difference.changed_defaults:
        yield _part("default", f"default changed: {some(difference.changed_defaults, 2)}", CHANGED_DEFAULT)
    elif difference.defaults_without_effect:
        text = f"default changed without effect: {some(difference.defaults_without_effect, 2)}"
        yield _part("default", text, DEFAULT_WITHOUT_EFFECT)
    if difference.requested:
        yield _part("requested", "requested", REQUESTED)


def _of_version(difference: Difference) -> Iterator[Evidence]:
    if difference.left_value is None or difference.right_value is None:
        yield _part("presence", "added" if difference.left_value is None else "removed", PRESENCE)
    elif difference.jump is not None:
        yield _part("jump", difference.jump, JUMPS.get(difference.jump.split()[0], (1.0, "a small version change")))


def _part(name: str, text: str, weight: tuple[float, str]) -> Evidence:
    return Evidence(name=name, text=text, weight=weight[0], reason=weight[1])
