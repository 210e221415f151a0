"""In a damaged journal an invalid line is noted, and no other line is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contexta import Contexta

BAD: list[dict[str, Any]] = [
    {"t": "end", "status": "banana"},
    {"t": "end", "status": "open"},
    {"t": "end", "status": "failed", "failure": "x"},
    {"t": "metric", "k": "x", "x": 1.5, "i": 10**23},
    {"t": "metric", "k": "x\ud800", "x": 1.5},
    {"t": "metric", "k": "", "x": 1.5},
    {"t": "metric", "k": "x", "x": "1.5"},
    {"t": "metric", "k": "x", "x": True},
    {"t": "metric", "k": ["x"], "x": 1},
    {"t": "tag", "k": "a", "x": 5},
    {"t": "tag", "k": "a\0", "x": "b"},
    {"t": "param", "k": "a", "x": "\ud800"},
    {"t": "param", "x": 1},
    {"t": "note", "topic": "", "text": "x"},
    {"t": "note", "topic": "x", "text": 5},
    {"t": "name", "name": ""},
    {"t": "stage", "stage": "S", "name": "s", "order": 0},
    {"t": "stage", "stage": "s", "name": " ", "order": 0},
    {"t": "stage", "stage": "s", "name": "s", "order": 10**30},
    {"t": "stage-end", "stage": "s", "status": "meh"},
    {"t": "environment", "digest": "0" * 64},
    {"t": "environment", "digest": "../../etc/passwd"},
    {"t": "environment", "digest": 5},
    {"t": "fact", "name": "x", "value": {"a": "\ud800"}},
    {"t": "artifact", "name": 5, "kind": "log", "location": "x"},
    {"t": "run", "run": "p.other", "name": "", "project_name": "p"},
    {"t": "moon"},
    {"t": 5},
    {},
]


def open_journal(ctx: Contexta, *, at: int = 1_700_000_000_000_000) -> Path:
    """The handwritten journal of a live run."""
    path = ctx.root / "journal" / "p.live.jsonl"
    path.parent.mkdir(parents=True)
    first = {"t": "run", "at": at, "run": "p.live", "name": "live", "project_name": "p"}
    good = {"t": "metric", "at": at + 1, "k": "loss", "x": 0.5, "i": 1}
    path.write_text("".join(json.dumps(record) + "\n" for record in (first, good)))
    return path


def append(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(line + "\n" for line in lines)


@pytest.mark.parametrize("record", BAD, ids=str)
def test_record_after_a_bad_record_is_read(ctx: Contexta, record: dict[str, Any]) -> None:
    path = open_journal(ctx)
    append(path, json.dumps({"s": 2, "at": 1_700_000_000_000_002, **record}))
    append(path, '{"s":3,"t":"metric","at":1700000000000003,"k":"loss","x":0.25,"i":2}')
    (run,) = ctx.list_runs()
    assert (run.metrics, run.name, run.status) == ({"loss": 0.25}, "live", "open")
    result = ctx.get_run("live")
    assert len(result.notes) == 1, result.notes
    assert "skipped" in result.notes[0].text
    assert ctx.audit_reproducibility("live").reproducibility_status == "missing"


def a_metric(at: int, step: int) -> str:
    return f'{{"s":2,"t":"metric","at":{at},"k":"loss","x":0.75,"i":{step}}}'


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "[1]",
        "5",
        "null",
        "\x00\x00\x00",
        "[" * 100_000,
        '{"t":"metric"}',
        '{"t":"note","at":1e300}',
        '{"t":"note","at":-1,"topic":"a","text":"b"}',
        f'{{"t":"note","at":{10**23},"topic":"a","text":"b"}}',
        a_metric(10**23, 7),
        a_metric(10**18, 7),
        a_metric(1_700_000_000_000_002, 2**63),
        a_metric(1_700_000_000_000_002, 10**30),
    ],
)
def test_line_after_a_bad_line_is_read(ctx: Contexta, line: str) -> None:
    path = open_journal(ctx)
    append(path, line, '{"s":3,"t":"metric","at":1700000000000003,"k":"loss","x":0.25,"i":2}')
    assert ctx.get_run("live").metrics == {"loss": 0.25}
    assert "skipped" in ctx.get_run("live").notes[0].text


def test_end_before_the_beginning_is_put_to_the_beginning(ctx: Contexta) -> None:
    path = open_journal(ctx)
    append(path, json.dumps({"t": "end", "at": 5, "status": "completed"}))
    run = ctx.get_run("live")
    assert (run.status, run.ended_at) == ("completed", run.started_at)


def test_damaged_journal_does_not_affect_other_runs(ctx: Contexta) -> None:
    path = open_journal(ctx)
    path.write_bytes(b"\xff\xfe" * 100 + b"\n")
    with ctx.run("fine", project="p") as run:
        run.metric("x", 1)
    assert [run.name for run in ctx.list_runs()] == ["fine"]
