from __future__ import annotations

import hashlib
import json

from contexta.bisect.changes import End, Metadata, Space, space_between
from contexta.bisect.readings import Result
from contexta.bisect.report import Trial, report
from contexta.bisect.search import Probe, Problem, decide
from contexta.bisect.trial import Report
from contexta.findings.bisect import BisectReport, digest_of


def a_space(*names: str, requires: dict[tuple[str, str], Metadata] | None = None) -> Space:
    old, new = (End(dict.fromkeys(names, version), "3.11.7", {}) for version in ("1.0", "2.0"))
    return space_between(old, new, requires or {}, lambda release, end: True)


def studied(space: Space, worse: dict[frozenset[str], float], *, higher_is_better: bool = True) -> BisectReport:
    """A study without noise: every set of changes that is all at NEW adds what it says to the damage."""
    sign, trials = (1.0 if higher_is_better else -1.0), list[Trial]()
    problem = Problem(space.mixes, space.weights())
    while isinstance(step := decide(problem, [trial.result for trial in trials]), Probe):
        on = set(space.keys(step.mix))
        value = 0.9 - sign * sum(damage for keys, damage in worse.items() if keys <= on)
        trials.append(Trial(step, Result(step.mix, step.seed, sign * value), Report(value, "", 1.0)))
    return report(space, step, trials, metric="m", higher_is_better=higher_is_better)


def test_parts_that_add_up_are_reported_in_the_unit_of_the_metric() -> None:
    found = studied(a_space("a", "b", "c", "d", "e"), {frozenset("b"): 0.03, frozenset("d"): 0.01})
    assert (found.verdict, found.culprits) == ("proved", ("b", "d"))
    assert found.additive == {"b": -0.03, "d": -0.01}
    assert found.interaction is None


def test_changes_that_act_only_together_are_an_interaction() -> None:
    found = studied(a_space("a", "b", "c", "d", "e"), {frozenset("bd"): 0.04})
    assert (found.culprits, found.additive, found.interaction) == (("b", "d"), None, "only together")


def test_values_keep_their_own_sign_where_lower_is_better() -> None:
    found = studied(a_space("a", "b", "c"), {frozenset("b"): 0.2}, higher_is_better=False)
    assert found.culprits == ("b",)
    assert found.old.mean is not None
    assert found.new.mean is not None
    assert found.new.mean > found.old.mean > 0


def test_a_culprit_never_stands_without_what_it_brings() -> None:
    space = a_space("a", "b", "c", "d", requires={("a", "2.0"): Metadata(("b>=2",))})
    found = studied(space, {frozenset("a"): 0.2})
    assert (found.culprits, found.companions) == (("a",), ("b",))
    assert "the companions alone are good" in [fact.fact for fact in found.proof]


def test_every_fact_carries_the_pins_it_was_shown_with() -> None:
    found = studied(a_space("a", "b", "c"), {frozenset("b"): 0.2})
    shown = next(fact for fact in found.proof if fact.fact == "OLD with b is bad")
    assert shown.pins == {"a": "1.0", "b": "2.0", "c": "1.0"}
    assert len(shown.values) >= 2


def test_whoever_has_the_json_of_a_report_can_check_its_digest() -> None:
    found = studied(a_space("a", "b", "c"), {frozenset("b"): 0.2})
    told = json.loads(found.model_dump_json(indent=2))
    given = told.pop("digest")
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    assert given == f"sha256:{hashlib.sha256(canonical).hexdigest()}" == digest_of(found)


def test_a_report_that_was_kept_reads_back_and_one_that_was_changed_shows_it() -> None:
    found = studied(a_space("a", "b", "c"), {frozenset("b"): 0.2})
    back = BisectReport.model_validate_json(found.model_dump_json())
    assert back == found
    assert digest_of(back) == back.digest
    assert digest_of(back.model_copy(update={"culprits": ("a",)})) != back.digest
