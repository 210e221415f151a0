from __future__ import annotations

from contexta.analysis.why.differences import required_names


def test_requirements_of_extras_and_invalid_lines_are_left_out() -> None:
    lines = ["numpy>=1", 'Typing.Extensions; python_version < "3.8"', 'pytest; extra == "test"', "not a requirement"]
    assert required_names(lines) == ["numpy", "typing-extensions"]
