from __future__ import annotations

from xml.etree.ElementTree import Element

import pytest
from support.studies import a_space, studied

from contexta.bisect.reporting.estimate import plan
from contexta.bisect.space.changes import Metadata
from contexta.findings.bisect import Share
from contexta.reports import Plot, report_of
from contexta.reports.pages.bisect import mixed, told_parts
from contexta.reports.writers.svg import drawing

DROP = {frozenset("b"): 0.2}


def test_a_page_tells_verdict_proof_trials_pins_and_digest() -> None:
    found = studied(a_space("a", "b", "c"), DROP)
    told = found.to_markdown()
    assert "\nproved: b, at this fixed seed\n" in told
    assert "| OLD with b is bad | 0.7, 0.7 | bad | yes |" in told
    assert "| Package | OLD is good | NEW is bad | OLD with b is bad | NEW without b is good |" in told
    assert "| b | 1.0 | 2.0 | 2.0 | 1.0 |" in told
    assert found.digest in told
    table = told.partition("| Trial |")[2].partition("\n\n")[0]
    assert len(table.splitlines()) == 2 + found.runs


def test_a_share_that_the_runs_hardly_tell_is_said_to_be_one() -> None:
    found = studied(a_space("a", "b", "c"), DROP)
    without = "It makes 100% of the change at this fixed seed; values that do not vary give no interval."
    assert list(told_parts(found)) == ["b: 1.0 -> 2.0", without]
    wide = found.model_copy(update={"share": Share(estimate=0.77, low=-0.62, high=2.16)})
    told = (
        "It makes 77% of the change (99 % confidence interval -62% to 216%): the interval includes 0 %, so how much is "
        "not known; more runs narrow it."
    )
    assert list(told_parts(wide))[1:] == [told]
    above = found.model_copy(update={"share": Share(estimate=0.77, low=0.2, high=1.34)})
    told = "It makes 77% of the change (99 % confidence interval 20% to 134%), which so few runs hardly tell."
    assert list(told_parts(above))[1:] == [told]


@pytest.mark.parametrize(
    ("interaction", "told"),
    [
        ("each alone suffices", "How they act: each alone suffices."),
        ("only together", "How they act: only together."),
        (None, "None of them ran without the others: which of them did it, these runs cannot tell."),
    ],
)
def test_how_several_culprits_act_is_told_or_that_nothing_tells_it(interaction: str | None, told: str) -> None:
    found = studied(a_space("a", "b", "c"), DROP).model_copy(
        update={"culprits": ("a", "b"), "interaction": interaction}
    )
    assert list(told_parts(found))[3:] == [told]


def test_every_trial_is_a_dot_of_the_end_it_is_nearer_to() -> None:
    found = studied(a_space("a", "b", "c"), DROP)
    plots = [part for section in report_of(found).sections for part in section.blocks if isinstance(part, Plot)]
    assert [point.value for point in plots[0].points] == [trial.value for trial in found.trials]
    tones = {(point.value, point.tone) for point in plots[0].points}
    assert {(round(value or 0, 3), tone) for value, tone in tones} == {(0.9, "good"), (0.7, "bad")}
    assert [mark.label for mark in plots[0].marks][:2] == ["the two ends", "the search"]


def test_dots_of_trials_are_not_joined_to_a_curve() -> None:
    found = studied(a_space("a", "b", "c"), DROP)
    plot = next(part for each in report_of(found).sections for part in each.blocks if isinstance(part, Plot))
    assert _classes(drawing(plot)).count("curve") == 0
    assert _classes(drawing(plot.model_copy(update={"joined": True}))).count("curve") == 1


def _classes(svg: Element) -> list[str]:
    return [element.get("class", "") for element in svg.iter()]


def test_a_hostile_reason_stays_a_text_on_the_page() -> None:
    found = studied(a_space("a", "b", "c"), DROP)
    trials = (
        found.trials[0].model_copy(update={"value": None, "reason": "<script>alert(1)</script>"}),
        *found.trials[1:],
    )
    html = found.model_copy(update={"trials": trials}).to_html()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_a_plan_reads_as_a_page() -> None:
    space = a_space("a", "b", "c", requires={("a", "2.0"): Metadata(("b>=2",))})
    told = plan(space, 60, seconds=30.0).to_markdown()
    assert "| a | 1.0 | 2.0 |  | b | 33% |" in told
    assert "some 7m 00s; at most 60." in told or "some 6m 30s; at most 60." in told


def test_a_mix_is_told_from_its_nearer_end() -> None:
    changes = ("a", "b", "c", "d")
    assert [mixed(at_new, changes) for at_new in ((), ("a",), ("a", "c", "d"), changes)] == [
        "OLD",
        "OLD + a",
        "NEW - b",
        "NEW",
    ]
