"""A regular expression of a user is searched for a limited time."""

from __future__ import annotations

import pytest

from contexta.core.errors import InvalidInput
from contexta.ui.comparison import regex_search
from contexta.ui.comparison.regex_search import texts_with

TEXT = f"Packages {'a' * 40} 1.0 2.0"


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+!",
        "((a+))+!",
        "(?:(?:a+))+!",
        "(a|a)*!",
        "(a|aa)+!",
        "((a{1,30})){1,30}!",
        "(a?){35}a{35}!",
        ".{0,99}" * 9 + "!",
        "(|)" * 30 + "!",
        "a?" * 30 + "!",
    ],
)
def test_a_search_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    monkeypatch.setattr(regex_search, "_SECONDS", 0.2)
    with pytest.raises(InvalidInput, match="takes longer than"):
        texts_with(pattern, [TEXT])


def test_texts_are_found_regardless_of_case_and_characters() -> None:
    texts = ["Packages pandas", "\N{SNOWMAN} PANDAS \ud800", "numpy", "x" * 300 + "pandas"]
    assert texts_with("pandas( |$)", texts) == {*texts[:2]}


def test_repeats_that_end_are_accepted() -> None:
    assert texts_with("(p.*a+s|n*)+ .* .* 2", ["pandas 1 2 2.0"]) == {"pandas 1 2 2.0"}


def test_nothing_is_found_in_nothing() -> None:
    assert texts_with(".", []) == frozenset()
