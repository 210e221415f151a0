"""Where to look first: a score for every difference, and what it is made of.

The score of a difference is the product of the weights below, over the sum of all: its share of the suspicion. There
is nothing learned in it; every weight is here with its reason, and every one that was used is shown. A ranking is a
hypothesis. Only a rerun proves.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from contexta.analysis.why.differences import is_at_work_unimported, is_tool
from contexta.findings.explain import Difference, Evidence, Suspect

# What a difference is worth by its kind, before anything else is known.
KINDS: Mapping[str, tuple[float, str]] = {
    "package": (1.0, "the measure of the others"),
    "python": (1.0, "changes text hashing, ordering and arithmetic rarely, but for all code"),
    "build": (0.7, "the same version from other bytes: other flags, another patch"),
    "origin": (0.7, "the same version from elsewhere may hold other code"),
    "variable": (1.0, "only variables that change what a run does are recorded"),
    "native": (0.5, "mostly follows from a package that changed as well"),
    "interpreter": (0.3, "flags and builds of Python seldom reach a metric"),
    "machine": (0.4, "other hardware sums in another order; that moves digits more often than metrics"),
    "source": (3.0, "the program itself: most regressions are made at home"),
    "parameter": (3.0, "it was changed to change the outcome"),
    "input": (3.0, "other data gives another model"),
    "command": (1.5, "other arguments; what they set may be listed as a parameter too"),
}
IMPORTED = (4.0, "its code ran")
AT_WORK_UNIMPORTED = 1.0
NOT_IMPORTED = (0.02, "code that never ran changes nothing")
DIRECT = (1.5, "imported by no other package: by the program itself, or by what it runs under")
REQUESTED = (1.3, "asked for by name: the program needs it")
JUMPS: Mapping[str, tuple[float, str]] = {
    "major": (2.0, "a major version may break on purpose"),
    "minor": (1.5, "a minor version may change defaults"),
    "pre-release": (1.5, "a pre-release is not finished"),
    "local": (1.2, "another build, as for another accelerator"),
}
PRESENCE = (0.8, "added or removed: mostly the consequence of another change")
NUMERIC = (2.0, "it computes")
TOOL = (0.2, "a tool: computes nothing")
MACHINE_NOISE = (0.25, "capacity, not arithmetic")
ACCELERATOR = (2.5, "another accelerator, driver or instruction set computes in another order")
_CAPACITY = frozenset({"memory", "memory_limit", "core_limit", "host", "container", "image", "kernel", "release"})
_ARITHMETIC = frozenset({"gpus", "cpu", "instruction_sets", "driver", "cuda", "architecture"})
HISTORY_CAP = 50.0
"""However well history fits, it was no experiment: at most this much more suspicion than for what fits worst."""


def suspects(differences: Sequence[Difference], fits: Mapping[str, float] | None = None) -> tuple[Suspect, ...]:
    """The differences, the most suspect first. Seeds are left out: another seed is noise, and no cause.

    fits: difference's name -> how well the runs of the past agree with it being the only cause, as a factor against
    the one that agrees best (1 for that; see ``history.fits``).
    """
    candidates = [difference for difference in differences if difference.kind != "seed"]
    parts = [tuple(_evidence(difference, (fits or {}).get(difference.name))) for difference in candidates]
    scores = [math.prod(each.weight for each in evidence) for evidence in parts]
    total = sum(scores) or 1.0
    order = sorted(range(len(candidates)), key=lambda i: (-scores[i], candidates[i].kind, candidates[i].key))
    found: list[Suspect] = []
    for position, i in enumerate(order, start=1):
        difference, score = candidates[i], round(scores[i] / total, 4)
        tied = bool(found) and math.isclose(scores[i], scores[order[position - 2]], rel_tol=1e-9)
        found.append(
            Suspect(
                rank=found[-1].rank if tied else position,
                kind=difference.kind,
                key=difference.key,
                left_value=difference.left_value,
                right_value=difference.right_value,
                score=score,
                evidence=parts[i],
                moved_with=difference.moved_with,
            )
        )
    return tuple(found)


INCLUDED = {"source": "source", "parameter": "params", "command": "params"}
"""What a bisect moves only when it is asked to: kind of a difference -> the word that asks for it."""


def included(kinds: Collection[str]) -> tuple[str, ...]:
    """The words that ask a bisect for what differs in these ways."""
    return tuple(dict.fromkeys(word for kind, word in INCLUDED.items() if kind in kinds))


def prior(differences: Sequence[Difference]) -> dict[str, float]:
    """The suspicion of everything a bisect can move, by the names it uses: ``torch``, ``python``, ``env:NAME``,
    ``source``, ``param:NAME``.

    Any scale; nothing is 0. The bisect softens it further: a prior may hurry a search, and must not mislead it.
    """
    names = {"package": "{}", "python": "{}", "variable": "env:{}", "source": "source", "parameter": "param:{}"}
    return {
        names[each.kind].format(each.key): math.prod(part.weight for part in _evidence(each, None))
        for each in differences
        if each.kind in names
    }


def _evidence(difference: Difference, fit: float | None) -> Iterator[Evidence]:
    weight, reason = KINDS[difference.kind]
    yield Evidence(name="kind", says=difference.kind, weight=weight, reason=reason)
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
        yield _part("tool", "tool", TOOL)
    if fit is not None:
        says = "fits best" if fit > 0.5 else "fits" if fit > 0.1 else "fits badly"
        yield Evidence(
            name="history",
            says=f"history {says}",
            weight=max(fit, 1 / HISTORY_CAP),
            reason="how well past runs agree with it as the only cause",
        )


def _of_imports(difference: Difference) -> Iterator[Evidence]:
    exception = is_at_work_unimported(difference.key)
    if difference.imported:
        yield _part("imported", "imported", IMPORTED)
        if difference.reached is not None and len(difference.reached) == 1:
            yield _part("reached", "by the program itself", DIRECT)
    elif difference.imported is False and exception:
        yield _part("imported", "not imported, and yet at work", (AT_WORK_UNIMPORTED, exception))
    elif difference.imported is False:
        yield _part("imported", "not imported", NOT_IMPORTED)
    else:
        yield _part("imported", "imported? unknown", (1.0, "nobody looked"))
    if difference.requested:
        yield _part("requested", "asked for", REQUESTED)


def _of_version(difference: Difference) -> Iterator[Evidence]:
    if difference.left_value is None or difference.right_value is None:
        yield _part("presence", "added" if difference.left_value is None else "removed", PRESENCE)
    elif difference.jump is not None:
        yield _part("jump", difference.jump, JUMPS.get(difference.jump.split()[0], (1.0, "a small step")))


def _part(name: str, says: str, weight: tuple[float, str]) -> Evidence:
    return Evidence(name=name, says=says, weight=weight[0], reason=weight[1])
