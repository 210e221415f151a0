from __future__ import annotations

import pytest
from support.studies import a_space, studied

from contexta.bisect.inference.proof import Fact
from contexta.bisect.reporting.proof_wording import claim
from contexta.bisect.space.changes import End, Metadata, Space, space_between
from contexta.reports.pages.bisect import effect_sentences, headline


def a_mixed_space() -> Space:
    """A package each that was added, changed and removed, another interpreter, a variable."""
    old = End({"changed": "1.0", "gone": "1.0"}, "3.10.4", {}, {"MODE": "slow"})
    new = End({"changed": "2.0", "added": "1.0"}, "3.12.1", {}, {"MODE": "fast"})
    return space_between(old, new, {}, lambda release, end: True)


@pytest.mark.parametrize(
    ("culprit", "head", "change", "with_it", "without_it"),
    [
        (
            "changed",
            "proved: changed, at this fixed seed",
            "changed: 1.0 -> 2.0",
            "OLD with changed at 2.0",
            "NEW with changed at 1.0",
        ),
        (
            "added",
            "proved: added, at this fixed seed",
            "added: absent -> 1.0",
            "OLD with added at 1.0",
            "NEW without added",
        ),
        (
            "gone",
            "proved: gone, removed, at this fixed seed",
            "gone: 1.0 -> absent",
            "OLD without gone",
            "NEW with gone at 1.0",
        ),
        (
            "python",
            "proved: python, at this fixed seed",
            "python: 3.10.4 -> 3.12.1",
            "OLD with python at 3.12.1",
            "NEW with python at 3.10.4",
        ),
        (
            "env:MODE",
            "proved: env:MODE, at this fixed seed",
            "env:MODE: slow -> fast",
            "OLD with env:MODE at fast",
            "NEW with env:MODE at slow",
        ),
    ],
)
def test_every_sentence_of_a_proof_matches_the_installed_packages(
    culprit: str, head: str, change: str, with_it: str, without_it: str
) -> None:
    result = studied(a_mixed_space(), {frozenset([culprit]): 0.2})
    assert (headline(result), next(iter(effect_sentences(result)))) == (head, change)
    assert [fact.fact for fact in result.proof][2:] == [f"{with_it} is bad", f"{without_it} is good"]


def test_proof_of_several_culprits_with_a_removed_one() -> None:
    result = studied(a_mixed_space(), {frozenset(["gone", "changed"]): 0.2})
    assert headline(result) == "proved: changed and gone, removed, at this fixed seed"
    assert {"OLD with changed at 2.0 and without gone is bad", "NEW with changed at 1.0 and gone at 1.0 is good"} <= {
        fact.fact for fact in result.proof
    }
    assert {"changed alone is good", "gone removed alone is good"} <= {fact.fact for fact in result.proof}
    assert result.next == (
        "# they act only together: one of them may be enough",
        "python -m pip install changed==1.0 gone==1.0",
    )


@pytest.mark.parametrize(
    ("at_old", "sentence"),
    [
        ("a", "NEW with a at 1.0 is good"),
        ("ab", "NEW with a at 1.0, with b at OLD too, is good"),
        ("abcd", "NEW with a at 1.0, with b, c and d at OLD too, is good"),
        ("abcdef", "NEW with a at 1.0, with 5 others at OLD too, is good"),
    ],
)
def test_proof_names_other_packages_at_old(at_old: str, sentence: str) -> None:
    space = a_space(*"abcdefg")
    mix = sum(1 << number for number, group in enumerate(space.groups) if not {*group.keys} & {*at_old})
    culprit = next(1 << number for number, group in enumerate(space.groups) if "a" in group.keys)
    assert claim(space, culprit, Fact("without", mix, "good", "good")) == sentence


@pytest.mark.parametrize(
    ("companions", "sentence"),
    [
        (("added",), "proved: changed (requires added), at this fixed seed"),
        (("gone",), "proved: changed (also removes gone), at this fixed seed"),
        (("added", "gone"), "proved: changed (requires added; also removes gone), at this fixed seed"),
    ],
)
def test_headline_names_a_removed_companion(companions: tuple[str, ...], sentence: str) -> None:
    result = studied(a_mixed_space(), {frozenset(["changed"]): 0.2})
    assert headline(result.model_copy(update={"companions": companions})) == sentence


def test_requirements_of_the_old_culprit_are_not_repeated() -> None:
    space = a_space("a", "b", "c", requires={("a", "1.0"): Metadata(("b<2",))})
    result = studied(space, {frozenset("a"): 0.2})
    shown = next(fact for fact in result.proof if fact.fact.startswith("NEW with "))
    assert (shown.fact, shown.pins) == ("NEW with a at 1.0 is good", {"a": "1.0", "b": "1.0", "c": "2.0"})
