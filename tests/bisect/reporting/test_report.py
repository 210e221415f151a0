from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from random import Random

import pytest
from support.studies import a_space, search, studied

from contexta.bisect.execution.isolation.sandbox import Revision
from contexta.bisect.execution.parameter_changes import Setting
from contexta.bisect.execution.trial_job import TrialResult
from contexta.bisect.inference.observations import Observation
from contexta.bisect.reporting.advice import Here
from contexta.bisect.reporting.finished_trial import Trial
from contexta.bisect.reporting.report import report
from contexta.bisect.search.problem import Probe, Problem, Verdict
from contexta.bisect.search.search import decide
from contexta.bisect.space.changes import End, Metadata, Space, space_between
from contexta.findings.bisect import BisectReport, digest_of


def test_parts_that_add_up_are_reported_in_the_unit_of_the_metric() -> None:
    result = studied(a_space("a", "b", "c", "d", "e"), {frozenset("b"): 0.03, frozenset("d"): 0.01})
    assert (result.verdict, result.culprits) == ("proved", ("b", "d"))
    assert result.additive == {"b": -0.03, "d": -0.01}
    assert result.interaction is None


def test_effects_of_parts_are_compared_at_equal_seeds() -> None:
    space = a_space("a", "b", "c", "d", "e")

    def value(step: Probe, trials: list[Trial]) -> float:
        at_new = space.keys(step.mix)
        return 0.9 - 0.02 * ("b" in at_new) - 0.015 * ("d" in at_new) + Random(step.seed).gauss(0, 0.02)

    result = report(space, *search(space, value), metric="m", higher_is_better=True)
    assert (result.verdict, result.culprits, result.interaction) == ("proved", ("b", "d"), None)
    assert result.additive == pytest.approx({"b": -0.02, "d": -0.015}, abs=1e-6)
    assert not any("together" in line for line in result.next)


def of_nothing_but_noise(recorded: tuple[float | None, float | None] = (None, None)) -> BisectReport:
    space = a_space("a", "b")
    outcome = search(space, lambda _, trials: 0.9 + Random(len(trials)).gauss(0, 0.01))
    return report(space, *outcome, metric="m", higher_is_better=True, recorded=recorded)


def test_reruns_that_differ_from_the_record_are_noted() -> None:
    result = of_nothing_but_noise((0.687, 0.895))
    assert result.verdict == "no_regression"
    (note,) = result.notes
    assert note.startswith("the recorded run of OLD ended with m 0.687, its reruns with 0.8")


@pytest.mark.parametrize(("was", "message"), [(0.90001, False), (0.9, False), (0.91, True), (0.2, True)])
def test_rounding_of_a_printed_value_is_no_difference(was: float, message: bool) -> None:
    space = a_space("a", "b")
    outcome = search(space, lambda _, __: 0.9)
    result = report(space, *outcome, metric="m", higher_is_better=True, recorded=(was, None))
    assert bool(result.notes) is message


def test_changes_that_act_only_together_are_an_interaction() -> None:
    result = studied(a_space("a", "b", "c", "d", "e"), {frozenset("bd"): 0.04})
    assert (result.culprits, result.additive, result.interaction) == (("b", "d"), None, "only together")


def test_values_keep_their_sign_if_lower_is_better() -> None:
    result = studied(a_space("a", "b", "c"), {frozenset("b"): 0.2}, higher_is_better=False)
    assert result.culprits == ("b",)
    assert result.old.mean is not None
    assert result.new.mean is not None
    assert result.new.mean > result.old.mean > 0


def test_culprit_is_always_listed_with_its_companions() -> None:
    space = a_space("a", "b", "c", "d", requires={("a", "2.0"): Metadata(("b>=2",))})
    result = studied(space, {frozenset("a"): 0.2})
    assert (result.culprits, result.companions) == (("a",), ("b",))
    assert "the companions alone are good" in [fact.fact for fact in result.proof]


def test_every_fact_carries_the_pins_it_was_shown_with() -> None:
    result = studied(a_space("a", "b", "c"), {frozenset("b"): 0.2})
    shown = next(fact for fact in result.proof if fact.fact == "OLD with b at 2.0 is bad")
    assert shown.pins == {"a": "1.0", "b": "2.0", "c": "1.0"}
    assert len(shown.values) >= 2


def test_whoever_has_the_json_of_a_report_can_check_its_digest() -> None:
    result = studied(a_space("a", "b", "c"), {frozenset("b"): 0.2})
    answer = json.loads(result.model_dump_json(indent=2))
    values = answer.pop("digest")
    canonical = json.dumps(answer, sort_keys=True, separators=(",", ":")).encode()
    assert values == f"sha256:{hashlib.sha256(canonical).hexdigest()}" == digest_of(result)


def test_stored_report_reads_back_and_a_changed_one_is_damage() -> None:
    result = studied(a_space("a", "b", "c"), {frozenset("b"): 0.2})
    back = BisectReport.model_validate_json(result.model_dump_json())
    assert back == result
    assert digest_of(back) == back.digest
    assert digest_of(back.model_copy(update={"culprits": ("a",)})) != back.digest


def test_restoring_pins_are_those_of_a_good_trial() -> None:
    space = a_space("a", "b", "c", requires={("b", "2.0"): Metadata(("c>=2",)), ("c", "1.0"): Metadata(("a<2",))})
    result = studied(space, {frozenset("a"): 0.2})
    shown = next(fact for fact in result.proof if fact.fact == "NEW with a at 1.0 is good")
    assert shown.pins == {"a": "1.0", "b": "2.0", "c": "2.0"}
    assert result.next == ("python -m pip install a==1.0",)


def test_advice_restores_variables_interpreters_and_added_packages() -> None:
    old = End({"kept": "1.0"}, "3.10.4", {}, {"MODE": "it's slow"})
    new = End({"kept": "1.0", "added": "1.0"}, "3.12.1", {}, {"MODE": "fast", "EXTRA": "1"})
    space = space_between(old, new, {}, lambda release, end: True)
    ways = {
        "added": "python -m pip uninstall --yes added",
        "env:EXTRA": "unset EXTRA",
        "env:MODE": "export MODE='it'\"'\"'s slow'",
        "python": "uv venv --python 3.10.4 .venv-old  # Python 3.10.4; and install NEW's packages there",
    }
    for key, way in ways.items():
        assert studied(space, {frozenset([key]): 0.2}).next == (way,)
    here = Here(old_python="/opt/old python")
    (again,) = studied(space, {frozenset(["python"]): 0.2}, here=here).next
    assert again.startswith("uv venv --python '/opt/old python' .venv-old  # Python 3.10.4;")


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_advice_for_a_better_new_suggests_no_other_cause(higher_is_better: bool) -> None:
    result = studied(a_space("a", "b"), {frozenset("a"): -0.2}, higher_is_better=higher_is_better)
    assert (result.verdict, result.why) == ("no_regression", "NEW is better than OLD")
    assert result.next == (
        "# if NEW is actually worse: give OLD first; or say --lower-is-better or --higher-is-better",
    )
    judged = studied(a_space("a", "b"), {frozenset("a"): -0.2}, here=Here(by_metric=False))
    assert judged.next == ("# if NEW is actually worse: give OLD first",)


def of_runs() -> Space:
    """Two recorded runs that differ in a package, in their source and in three parameters."""
    answer = {"lr": ("0.1", "0.2"), "depth": ("3", "4"), "drop": (None, "0.5")}
    settings = [
        {
            name: Setting((f"--{name}", value), float(value), value) if value is not None else Setting()
            for name, values in answer.items()
            for value in [values[side]]
        }
        for side in (0, 1)
    ]
    old = End({"a": "1.0"}, "3.11.7", {}, {}, Revision("a" * 40), settings[0])
    new = End({"a": "2.0"}, "3.11.7", {}, {}, Revision("b" * 40, b"patch"), settings[1])
    return space_between(old, new, {}, lambda release, end: True)


def test_advice_restores_source_and_parameters() -> None:
    here = Here(runs=("old", "new"), command=("python", "train.py", "--lr", "7"), held=("data", "machine"))
    ways = {
        "source": (
            "git diff aaaaaaaaaaaa..bbbbbbbbbbbb",
            "git bisect start bbbbbbbbbbbb aaaaaaaaaaaa  # where several commits lie between",
            "contexta why old new  # names the files that had uncommitted changes",
        ),
        "param:lr": ("python train.py --lr 0.1 --depth 4 --drop 0.5  # lr=0.1",),
        "param:drop": ("python train.py --lr 0.2 --depth 4  # without drop",),
    }
    for key, way in ways.items():
        result = studied(of_runs(), {frozenset([key]): 0.2}, here=here)
        assert (result.culprits, result.next) == ((key,), way)


def test_report_without_a_culprit_names_the_remaining_differences() -> None:
    here = Here(runs=("old", "new"))
    assert studied(of_runs(), {}, here=replace(here, include="source,params")).next == (
        "# the environment is not the cause: look at code, data, parameters, machine",
        "contexta bisect --resume --include source,params  # that differs between the runs, too",
        "contexta diff old new",
    )
    assert studied(of_runs(), {}, here=replace(here, held=("data", "parameters", "machine"))).next == (
        "# environment and code are not the cause: look at data, parameters, machine",
        "contexta diff old new",
    )


def test_a_drop_that_noise_could_hide_is_not_denied() -> None:
    result = of_nothing_but_noise()
    assert result.verdict == "no_regression"
    assert result.next[:2] == (
        "# the environment is hardly the cause: look at code, data, parameters, machine",
        f"contexta bisect --resume --repeats {result.runs} --max-runs {2 * result.runs + 30}"
        "  # looks for a smaller difference",
    )


def test_undecided_report_suggests_a_number_of_runs() -> None:
    result = studied(a_space(*"abcdefgh"), {frozenset("b"): 0.03, frozenset("d"): 0.01}, max_runs=12)
    assert result.verdict == "undecided"
    assert result.next == ("contexta bisect --resume --max-runs 30",)


@pytest.mark.parametrize(
    ("end", "why", "hint"),
    [
        ("OLD", "boom", ()),
        ("OLD", "gives no m; it gives n", ("# print it as NAME=0.87, name another with --metric,",)),
        (
            "NEW",
            "did not end within 60 s",
            ("contexta bisect --resume --timeout-is-bad  # finds", "# if it only takes"),
        ),
        ("OLD", "did not end within 60 s", ("# if it takes that long: --timeout",)),
        ("NEW", "exit code 1: boom", ("# to find the change that makes NEW end so: instead of --metric,",)),
        ("NEW", "m is nan", ("# to find the change that does it: instead of --metric, let --judge",)),
        ("NEW", "m is -inf", ("# to find the change that does it: instead of --metric,",)),
        ("OLD", "m is nan", ()),
    ],
)
def test_advice_for_a_failed_endpoint_names_its_log(end: str, why: str, hint: tuple[str, ...]) -> None:
    space = a_space("a", "b")
    mix = 0 if end == "OLD" else space.mixes.full
    failed = [
        Trial(
            Probe(mix, seed, "end", ""),
            Observation(mix, seed, None, why),
            TrialResult(None, why, 1.0, run=f"run:bisect.x-{seed}"),
        )
        for seed in range(3)
    ]
    verdict = decide(Problem(space.mixes, space.weights()), [item.observation for item in failed])
    assert isinstance(verdict, Verdict)
    result = report(space, verdict, failed, metric="m", higher_is_better=True)
    log, *hints = result.next
    assert log == "contexta log run:bisect.x-2 --workspace .contexta/bisect  # its output"
    assert [line.startswith(begins) for line, begins in zip(hints, hint, strict=True)] == [True] * len(hint)
    assert result.notes == ()


def test_faults_that_kept_trials_from_ending_early_are_noted() -> None:
    space = a_space("a", "b")
    verdict, trials = search(space, lambda step, _: 0.9 - 0.1 * ("a" in space.keys(step.mix)))
    trials[2:4] = [
        replace(trial, result=replace(trial.result, series_fault="its series cannot be read: OSError: no space"))
        for trial in trials[2:4]
    ]
    result = report(space, verdict, trials, metric="m", higher_is_better=True)
    expected = f"2 of {len(trials)} trials could not end early, and ran to their end: its series cannot be read"
    assert any(note.startswith(expected) for note in result.notes)
