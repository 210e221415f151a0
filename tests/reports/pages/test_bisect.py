from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest
from support.studies import a_space, search, studied

from contexta.bisect.reporting.estimate import plan
from contexta.bisect.reporting.report import report as report_on
from contexta.bisect.space.changes import Metadata
from contexta.core.references import StableRef
from contexta.findings.bisect import ExpectedValue, Share
from contexta.reports import Plot, report_of
from contexta.reports.pages.bisect import effect_sentences, mix_name, short_mix_name
from contexta.reports.writers.svg import drawing

DROP = {frozenset("b"): 0.2}


def test_a_page_has_the_verdict_proof_trials_pins_and_digest() -> None:
    report = studied(a_space("a", "b", "c"), DROP)
    text = report.to_markdown()
    assert "\nproved: b, at this fixed seed\n" in text
    assert "| yes | OLD with b at 2.0 is bad | 0.7, 0.7 |" in text
    assert "| Package | OLD is good | NEW is bad | OLD with b at 2.0 is bad | NEW with b at 1.0 is good |" in text
    assert "| b | 1.0 | 2.0 | 2.0 | 1.0 |" in text
    assert report.digest in text
    table = text.partition("| Trial |")[2].partition("\n\n")[0]
    assert len(table.splitlines()) == 2 + report.runs


def test_a_verdict_at_one_seed_names_it_and_its_limit() -> None:
    report = studied(a_space("a", "b", "c"), DROP).model_copy(update={"only_seed": 7, "at_fixed_seed": False})
    text = report.to_markdown()
    assert "\nproved at seed 7: b\n" in text
    assert "Only seed 7 ran. It is not shown that the difference exceeds the variation between seeds" in text
    text = report.model_copy(update={"verdict": "undecided", "culprits": ()}).to_markdown()
    assert "\nundecided at seed 7: " in text
    assert "Only seed 7 ran" not in text


def test_a_page_says_whether_old_gives_what_is_remembered() -> None:
    report = studied(a_space("a", "b", "c"), DROP)
    for is_confirmed, words in (
        (True, "OLD is confirmed: it gives m 0.9, as remembered."),
        (False, "OLD does not give m 0.9, as remembered: it gives 0.9; uncertain packages: none."),
    ):
        expected = ExpectedValue(run_ref=StableRef.parse("run:p.old"), value=0.9, is_confirmed=is_confirmed)
        assert words in report.model_copy(update={"expected": expected}).to_markdown()


def test_a_wide_interval_of_the_share_is_named() -> None:
    report = studied(a_space("a", "b", "c"), DROP)
    without = "b explains 100 % of the drop at this fixed seed; values that do not vary give no interval."
    assert list(effect_sentences(report)) == ["b: 1.0 -> 2.0", without]
    wide = report.model_copy(update={"share": Share(estimate=0.77, low=-0.62, high=2.16)})
    text = (
        "b explains 77 % of the drop (99 % CI -62 to 216 %): the interval includes 0 %, so the share is unknown; more "
        "runs narrow it."
    )
    assert list(effect_sentences(wide))[1:] == [text]
    above = report.model_copy(update={"share": Share(estimate=0.77, low=0.2, high=1.34)})
    text = "b explains 77 % of the drop (99 % CI 20-134 %), which is wide because there are few runs."
    assert list(effect_sentences(above))[1:] == [text]


@pytest.mark.parametrize(("higher_is_better", "word"), [(True, "drop"), (False, "rise")])
def test_the_share_is_that_of_a_drop_or_of_a_rise(higher_is_better: bool, word: str) -> None:
    report = studied(a_space("a", "b", "c"), DROP, higher_is_better=higher_is_better)
    assert f"b explains 100 % of the {word} at this fixed seed" in " ".join(effect_sentences(report))


SEED_VALUES = (0.8, 0.91, 0.86, 0.94, 0.89, 0.83)


def test_values_are_shown_with_their_seeds_if_they_depend_on_them() -> None:
    space = a_space("a", "b", "c")
    verdict, trials = search(space, lambda step, _: SEED_VALUES[step.seed % 6] - 0.2 * (step.mix >> 1 & 1))
    report = report_on(space, verdict, trials, metric="m", higher_is_better=True)
    text = report.to_markdown()
    assert "| Holds | Fact | Values | Seeds | Environment |" in text
    assert "| yes | OLD is good | 0.8, 0.8, 0.91, 0.86, 0.94 | 0, 0, 1, 2, 3 |" in text
    assert "At the" not in text


def test_means_over_different_seeds_are_followed_by_those_of_the_shared_seeds() -> None:
    space = a_space("a", "b", "c")
    verdict, trials = search(space, lambda step, _: SEED_VALUES[step.seed % 6])
    report = report_on(space, verdict, trials, metric="m", higher_is_better=True)
    assert report.verdict == "no_regression"
    assert report.old.mean != report.new.mean
    shared = sorted({*report.old.seeds} & {*report.new.seeds})
    text = report.to_markdown()
    mean = sum(SEED_VALUES[seed] for seed in shared) / len(shared)
    assert report.why == f"OLD and NEW give the same value at each of {len(shared)} seeds"
    assert f"At the {len(shared)} seeds at which both ran: OLD {mean:.6g}, NEW {mean:.6g}" in text


@pytest.mark.parametrize(
    ("interaction", "text"),
    [
        ("each alone suffices", "Interaction: each alone suffices."),
        ("only together", "Interaction: only together."),
        (None, "None of them ran without the others, so these runs cannot separate them."),
    ],
)
def test_the_interaction_of_several_culprits_is_named_or_unknown(interaction: str | None, text: str) -> None:
    report = studied(a_space("a", "b", "c"), DROP).model_copy(
        update={"culprits": ("a", "b"), "interaction": interaction}
    )
    assert list(effect_sentences(report))[3:] == [text]


def test_each_trial_is_a_dot_in_the_tone_of_the_nearer_side() -> None:
    report = studied(a_space("a", "b", "c"), DROP)
    plots = [part for section in report_of(report).sections for part in section.blocks if isinstance(part, Plot)]
    assert [point.value for point in plots[0].points] == [trial.value for trial in report.trials]
    tones = {(point.value, point.tone) for point in plots[0].points}
    assert {(round(value or 0, 3), tone) for value, tone in tones} == {(0.9, "good"), (0.7, "bad")}
    assert [mark.label for mark in plots[0].marks][:2] == ["OLD and NEW", "search"]


def test_dots_of_trials_are_not_joined_to_a_curve() -> None:
    report = studied(a_space("a", "b", "c"), DROP)
    plot = next(part for section in report_of(report).sections for part in section.blocks if isinstance(part, Plot))
    assert _classes(drawing(plot)).count("curve") == 0
    assert _classes(drawing(plot.model_copy(update={"joined": True}))).count("curve") == 1


def _classes(svg: Element) -> list[str]:
    return [element.get("class", "") for element in svg.iter()]


def test_a_hostile_reason_stays_a_text_on_the_page() -> None:
    report = studied(a_space("a", "b", "c"), DROP)
    trials = (
        report.trials[0].model_copy(update={"value": None, "reason": "<script>alert(1)</script>"}),
        *report.trials[1:],
    )
    html = report.model_copy(update={"trials": trials}).to_html()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_a_plan_reads_as_a_page() -> None:
    space = a_space("a", "b", "c", requires={("a", "2.0"): Metadata(("b>=2",))})
    text = plan(space, 60, seconds=30.0).to_markdown()
    assert "| a | 1.0 | 2.0 | 33% |  | b |" in text
    assert "(about 7m 00s); at most 60 runs." in text or "(about 6m 30s); at most 60 runs." in text


def test_a_mix_is_named_by_its_difference_from_the_nearer_side() -> None:
    changes = ("a", "b", "c", "d")
    assert [mix_name(at_new, changes) for at_new in ((), ("a",), ("a", "c", "d"), changes)] == [
        "OLD",
        "OLD + a",
        "NEW - b",
        "NEW",
    ]


def test_a_line_names_the_first_changes_of_a_large_mix_and_their_number() -> None:
    changes = ["numpy", "pandas", *(f"p{number}" for number in range(20))]
    assert short_mix_name(changes[:6], changes) == "OLD + numpy, p0, p1, p2, p3, pandas"
    assert short_mix_name(changes[:7], changes) == "OLD + 7 of 22 changes (numpy, pandas, p0, ...)"
    assert short_mix_name(changes[9:], changes) == "NEW - 9 of 22 changes (numpy, pandas, p0, ...)"
    assert short_mix_name(changes[3:], changes) == "NEW - numpy, p0, pandas"
    assert (short_mix_name([], changes), short_mix_name(changes, changes)) == ("OLD", "NEW")
    assert mix_name(changes[9:], changes).count(",") == 8


def test_the_trials_of_a_report_name_every_change_of_a_mix() -> None:
    names = [f"p{number:02}" for number in range(30)]
    report = studied(a_space(*names), {frozenset({"p07"}): 0.2})
    table = report.to_markdown().partition("| Trial |")[2].partition("\n\n")[0]
    assert max(line.count(", p") for line in table.splitlines()) >= 10
