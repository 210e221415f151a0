from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.contract import StableRef
from contexta.core.errors import InvalidReference
from contexta.core.references import KINDS, is_component, numbered, slug

COUNTS = {
    "project": {1},
    "run": {2},
    "stage": {3},
    "batch": {4},
    "sample": {4, 5},
    "op": {4, 5},
    "record": {3},
    "artifact": {3},
    "environment": {3},
    "deployment": {2},
    "relation": {3},
    "provenance": {3},
}

components = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)


def test_every_kind_takes_exactly_its_number_of_components() -> None:
    assert set(KINDS) == set(COUNTS)
    for kind, counts in COUNTS.items():
        for count in range(1, 7):
            text = f"{kind}:{'.'.join('abcdef'[:count])}"
            if count in counts:
                assert StableRef.parse(text).components == tuple("abcdef"[:count])
            else:
                with pytest.raises(InvalidReference, match=f"{count} component"):
                    StableRef.parse(text)


@pytest.mark.parametrize(
    ("text", "offender", "hint"),
    [
        ("run:p.Last", '"Last"', "run:p.last"),
        ("run:p.last month", '"last month"', "run:p.last-month"),
        ("run:p.last_month", '"last_month"', "run:p.last-month"),
        ("run:p.-x", '"-x"', "run:p.x"),
        ("run:p.x-", '"x-"', "run:p.x"),
        ("run:p.a--b", '"a--b"', "run:p.a-b"),
        ("run:p.ü", '"ü"', "run:p.u"),
        ("run:p..x", '""', "run:p.x"),
        (f"run:p.{'x' * 64}", "64 characters", f"run:p.{'x' * 63}"),
        ("run:p.x\n", r"x\\n", "run:p.x"),
        ("rnu:p.x", '"rnu"', "run:"),
        ("Run:p.x", '"Run"', "run:"),
        ("p.x", '"p.x"', "run:p.x"),
        ("", '""', "project:name"),
        (":", '""', "kinds are"),
    ],
)
def test_broken_reference_is_refused_with_the_offender_and_a_correction(text: str, offender: str, hint: str) -> None:
    with pytest.raises(InvalidReference, match=offender) as refusal:
        StableRef.parse(text)
    assert refusal.value.hint is not None
    assert hint in refusal.value.hint


def test_reference_of_256_characters_is_refused_and_of_255_is_not() -> None:
    longest = f"sample:{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 56}"
    assert len(longest) == 255
    assert StableRef.parse(longest) == longest
    with pytest.raises(InvalidReference, match="256 characters"):
        StableRef.parse(longest + "d")


@given(st.sampled_from(sorted(COUNTS)), st.lists(components, min_size=5, max_size=5))
def test_reference_is_its_text(kind: str, parts: list[str]) -> None:
    value = ".".join(parts[: min(COUNTS[kind])])
    ref = StableRef(kind, value)
    assert ref == f"{kind}:{value}" == str(ref) == f"{ref}"
    assert type(str(ref)) is str
    assert (ref.kind, ref.value) == (kind, value)
    assert StableRef.parse(str(ref)) == ref
    assert {str(ref): 1}[ref] == 1
    assert pickle.loads(pickle.dumps(ref)).components == ref.components


@given(st.text(max_size=80))
def test_slug_is_a_valid_component_or_nothing(name: str) -> None:
    made = slug(name)
    assert made is None or is_component(made)


@pytest.mark.parametrize(
    ("name", "component"),
    [("This Month!", "this-month"), ("Prüfung  2", "prufung-2"), ("a/b.c", "a-b-c"), ("数据", None), ("--", None)],
)
def test_slug_keeps_letters_and_digits(name: str, component: str | None) -> None:
    assert slug(name) == component


@given(components, st.integers(1, 10**6))
def test_numbered_component_stays_valid(component: str, number: int) -> None:
    assert is_component(numbered(component, number))
    assert is_component(numbered("x" * 63, number))


def test_reference_cannot_be_changed() -> None:
    ref = StableRef.parse("run:p.r")
    with pytest.raises(AttributeError):
        ref.kind = "stage"  # type: ignore[misc]  # what is tested
