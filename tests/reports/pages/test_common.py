from __future__ import annotations

import pytest

from contexta.reports.pages.common import value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "absent"),
        ("0.1", "0.1"),
        ('{"name": "adam", "betas": [0.9, 0.99]}', "name=adam, betas=0.9, 0.99"),
        ("[64, 128]", "64, 128"),
        ('[{"name": "A100"}, {"name": "T4"}]', "0.name=A100, 1.name=T4"),
        ("{not json", "{not json"),
        ("[]", "[]"),
        (f"sha256:{'a' * 64}", "sha256:aaaaaaaaaaaa"),
        ("x" * 60, "xxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxx"),
    ],
)
def test_a_value_is_shown_without_the_syntax_of_json(value: str | None, text: str) -> None:
    assert value_text(value, 40) == text
