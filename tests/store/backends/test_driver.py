"""Questions in the database's own words."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from contexta import Contexta
from contexta.store.backends.driver import fetch, fetch_together


def test_questions_asked_together_are_answered_in_their_order(anywhere: Contexta) -> None:
    with anywhere._opened().reading() as connection:
        asked = [(f"SELECT {number} + ?", (1,)) for number in range(20)]
        answers = fetch_together(connection, *asked, ("SELECT 1 WHERE 1 = ?", (2,)))
        assert answers == [*([(number + 1,)] for number in range(20)), []]


def test_one_of_several_questions_that_fails_is_the_fault_that_is_told(anywhere: Contexta) -> None:
    store = anywhere._opened()
    with pytest.raises(Exception, match="no_such_table") as told, store.reading() as connection:
        fetch_together(connection, ("SELECT 1", ()), ("SELECT 2 FROM no_such_table", ()), ("SELECT 3", ()))
    assert isinstance(told.value.__cause__, DBAPIError)
    with store.reading() as connection:
        assert fetch(connection, "SELECT 1") == [(1,)]
