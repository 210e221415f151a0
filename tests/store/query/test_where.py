"""The language of conditions: valid ones, refused ones, and the position of the caret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta.core.errors import InvalidInput
from contexta.store.query.where import (
    OPERATORS,
    PLAIN,
    All,
    Field,
    Has,
    Literal,
    Not,
    Order,
    Some,
    Where,
    parse,
    parse_order,
)
from contexta.store.query.where import Test as ATest


def a(name: str, at: int, operator: str = "=", *values: tuple[str, int]) -> ATest:
    return ATest(Field("params", name, at), operator, tuple(Literal(text, False, place) for text, place in values))


READ: list[tuple[str, Where]] = [
    ("params.x=1", a("x", 0, "=", ("1", 9))),
    ("params.x == 1", a("x", 0, "=", ("1", 12))),
    ("params.x not in (1,2)", a("x", 0, "not in", ("1", 17), ("2", 19))),
    ("status = failed", ATest(Field("status", "", 0), "=", (Literal("failed", False, 9),))),
    ('metrics."val/a b" > .5', ATest(Field("metrics", "val/a b", 0), ">", (Literal(".5", False, 20),))),
    ("metrics.val/acc > 1", ATest(Field("metrics", "val/acc", 0), ">", (Literal("1", False, 18),))),
    ("tags.a.b = 'it\\'s'", ATest(Field("tags", "a.b", 0), "=", (Literal("it's", True, 11),))),
    ("has tags.x", Has(Field("tags", "x", 4))),
    ("NOT has tags.x", Not(Has(Field("tags", "x", 8)))),
    (
        "has tags.a or has tags.b and not has tags.c",
        Some((Has(Field("tags", "a", 4)), All((Has(Field("tags", "b", 18)), Not(Has(Field("tags", "c", 37))))))),
    ),
    (
        "(has tags.a or has tags.b) and has tags.c",
        All((Some((Has(Field("tags", "a", 5)), Has(Field("tags", "b", 19)))), Has(Field("tags", "c", 35)))),
    ),
]


@pytest.mark.parametrize(("text", "result"), READ)
def test_condition_is_read(text: str, result: Where) -> None:
    assert parse(text) == result


REFUSED = [
    ("", "where is", "metrics.accuracy"),
    ("metrics.a >", "expected a value, not the end\n  metrics.a >\n             ^", "quoted"),
    ("metrics.a >> 1", "expected a value", "quoted"),
    ("metric.a > 1", 'no field "metric.a"\n  metric.a > 1\n  ^', "did you mean metrics.a?"),
    ("accuracy > 1", 'no field "accuracy"', "did you mean metrics.accuracy?"),
    ("stats = open", 'no field "stats"', "did you mean status?"),
    ("metrics > 1", "metrics needs a name", "metrics.accuracy"),
    ("metrics.a = 1 metrics.b = 2", "expected `and`, `or`, or the end", "join"),
    ("(metrics.a = 1", "expected ), not the end", "add the )"),
    ("params.a in 1", "expected (", "add the ("),
    ('params.a = "x', "cannot be read here", "close the quote"),
    ("params.a ~ 1", 'expected an operator after params.a, not "~"', "has params.a"),
    ("has " * 2 + "tags.x", "no field", "fields are"),
    ("(" * 60 + "has tags.x" + ")" * 60, "nested more than", "flatter"),
    (" and ".join(["has tags.x"] * 101), "more than 100 conditions", "in"),
    ("params.a = 1\0", "NUL", "remove"),
    ("x" * 10_001, "10001 characters", "the limit is"),
]


@pytest.mark.parametrize(("text", "message", "hint"), REFUSED)
def test_invalid_condition_is_refused_at_its_place(text: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse(text)
    assert message in refusal.value.what
    assert hint in (refusal.value.hint or "")
    assert len(str(refusal.value)) < 1_000


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
FIELDS = st.tuples(st.sampled_from(["metrics", "params", "tags", "packages"]), NAMES) | st.tuples(
    st.sampled_from(PLAIN), st.just("")
)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def written(field: tuple[str, str]) -> str:
    return f"{field[0]}.{quoted(field[1])}" if field[1] else field[0]


@given(FIELDS, st.sampled_from([item for item in OPERATORS if "in" not in item.split()]), NAMES)
def test_quoted_text_is_parsed_unchanged(field: tuple[str, str], operator: str, value: str) -> None:
    result = parse(f" {written(field)} {operator} {quoted(value)} ")
    assert isinstance(result, ATest)
    assert ((result.field.kind, result.field.name), result.operator) == (field, operator)
    assert [(item.text, item.quoted) for item in result.values] == [(value, True)]


WORDS = st.sampled_from(["and", "or", "not", "(", ")", "has", "in", ",", "=", "<", "'x'", '"y"', "metrics.a"])


@given(st.text(max_size=60) | st.lists(WORDS).map(" ".join))
def test_any_text_is_read_or_refused_with_a_hint(text: str) -> None:
    try:
        parse(text)
    except InvalidInput as error:
        assert error.hint  # noqa: PT017  # either is right


@pytest.mark.parametrize(
    ("text", "kind", "name", "descending"),
    [
        ("started", "started", "", False),
        ("-started", "started", "", True),
        ("metrics.a desc", "metrics", "a", True),
        ('metrics."a b" ASC', "metrics", "a b", False),
    ],
)
def test_order_is_read(text: str, kind: str, name: str, descending: bool) -> None:
    assert parse_order(text) == Order(Field(kind, name, int(text.startswith("-"))), descending)


@pytest.mark.parametrize("text", ["", "-", "metrics", "metrics.a up", "nonsense desc"])
def test_invalid_order_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_order(text)
