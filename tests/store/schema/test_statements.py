"""Questions in the database's own words."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from contexta import Contexta
from contexta.store.schema.statements import fetch, fetch_together


def test_statements_of_one_round_trip_return_results_in_order(anywhere: Contexta) -> None:
    with anywhere._opened().reading() as connection:
        arguments = [(f"SELECT {number} + ?", (1,)) for number in range(20)]
        answers = fetch_together(connection, *arguments, ("SELECT 1 WHERE 1 = ?", (2,)))
        assert answers == [*([(number + 1,)] for number in range(20)), []]


def test_failure_of_one_of_several_statements_is_raised(anywhere: Contexta) -> None:
    store = anywhere._opened()
    with pytest.raises(Exception, match="no_such_table") as error, store.reading() as connection:
        fetch_together(connection, ("SELECT 1", ()), ("SELECT 2 FROM no_such_table", ()), ("SELECT 3", ()))
    assert isinstance(error.value.__cause__, DBAPIError)
    with store.reading() as connection:
        assert fetch(connection, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("literal", ["why?", "100 %", "%s", "it''s ? 5 %", 'a "quoted" ?'])
def test_marks_and_percent_signs_inside_a_literal_are_text(anywhere: Contexta, literal: str) -> None:
    statement = f"SELECT '{literal}', CAST(? AS integer) + 7 % 5, 'x' LIKE '%' AS \"a ? %\""
    with anywhere._opened().reading() as connection:
        expected = [(literal.replace("''", "'"), 3)]
        assert [row[:2] for row in fetch(connection, statement, (1,))] == expected
        for rows in fetch_together(connection, (statement, (1,)), (statement, (1,))):
            assert [row[:2] for row in rows] == expected
