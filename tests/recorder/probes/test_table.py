from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest

from contexta.recorder.probes import table

CONTEXT = table.Context(b"salt", {"OMP_NUM_THREADS": "1"})


@pytest.mark.parametrize("probe", [*table.AT_START, *table.OF_RUN, *table.AT_END, table.BUILDS], ids=lambda p: p.key)
def test_every_probe_returns_facts_as_json_and_does_not_fail(probe: table.ProbeRow) -> None:
    notes: list[dict[str, str]] = []
    facts = table.run([probe], CONTEXT, notes)
    assert json.loads(json.dumps(facts)) == facts
    assert [note["text"] for note in notes if note["text"].startswith("could not be captured")] == []


def test_a_probe_that_fails_leaves_a_note_and_the_facts_of_the_others() -> None:
    def fail(_: table.Context) -> NoReturn:
        raise RuntimeError("token=plaincanary07word is wrong")

    notes: list[dict[str, str]] = []
    probes = [table.ProbeRow("broken", fail, [], topic="a topic"), table.ProbeRow("whole", lambda _: ({"a": 1}, []))]
    assert table.run(probes, CONTEXT, notes) == {"broken": [], "whole": {"a": 1}}
    assert notes == [
        {"topic": "a topic", "text": "could not be captured: RuntimeError: token=[redacted] is wrong"},
    ]


def test_every_module_of_the_package_is_in_the_table() -> None:
    text = Path(table.__file__).read_text()
    modules = {path.stem for path in Path(table.__file__).parent.glob("*.py")} - {"__init__", "table"}
    assert {module for module in modules if f"import {module}\n" not in text} == set()
