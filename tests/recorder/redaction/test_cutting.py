"""Long texts are cut: nothing that was acknowledged is dropped for its length, and no secret is left at a cut."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contexta import Contexta
from contexta.recorder.redaction import cutting, redact
from contexta.recorder.wrapping.output import BoundedLog

SECRET = "hf_" + "aB3dE6gH9jK2mN5pQ8" * 2
PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA7\n" * 30 + "-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10_000_000,
        "word " * 2_000_000,
        list(range(200_000)),
        {f"k{number}": "v" * 100 for number in range(50_000)},
        {"one": ["y" * 5_000_000]},
        [[[["z" * 2_000_000]]]],
    ],
    ids=["text", "words", "list", "mapping", "inside", "nested"],
)
def test_a_large_parameter_is_shortened_with_a_note(ctx: Contexta, value: Any) -> None:
    with ctx.run("r", project="p") as run:
        run.param("small", 1)
        run.param("big", value)
    run_details = ctx.get_run("r")
    assert run_details.params["small"] == 1
    assert "characters left out]" in run_details.params["big"]
    assert 50_000 < len(run_details.params["big"]) <= 100_100
    (note,) = (note.text for note in run_details.notes if note.topic == "parameters")
    assert note.startswith("big: of ")
    assert "lost_records" not in run_details.metadata


def test_a_parameter_at_the_limit_is_stored_whole(ctx: Contexta) -> None:
    with ctx.run("r", project="p") as run:
        run.params({"text": "x" * 100_000, "list": [1] * 30_000})
    run_details = ctx.get_run("r")
    assert (run_details.params["text"], run_details.params["list"]) == ("x" * 100_000, (1,) * 30_000)
    assert [note for note in run_details.notes if note.topic == "parameters"] == []


@given(before=st.integers(0, 200), after=st.integers(0, 200), limit=st.integers(100, 300))
def test_no_part_of_a_token_is_left_at_a_cut(before: int, after: int, limit: int) -> None:
    text = " word" * before + f" token={SECRET} " + "word " * after
    stored = redact.inside(cutting.shortened(text, limit), b"s" * 32)
    assert not any(SECRET[start : start + 8] in stored for start in range(len(SECRET) - 7))


@given(before=st.integers(0, 200), after=st.integers(0, 200), limit=st.integers(100, 1000))
def test_no_part_of_a_key_block_is_left_at_a_cut(before: int, after: int, limit: int) -> None:
    text = "word\n" * before + PEM + "word\n" * after
    stored = cutting.shortened(text, limit)
    if len(text) > limit:
        assert ("MIIEow" in stored) == (PEM in stored)


def test_lines_are_shortened_one_by_one() -> None:
    text = "short\n" + "x" * 1000 + "\r" + "y " * 500 + "\nlast"
    stored, long = cutting.with_short_lines(text, 200)
    assert long == 2
    assert [len(line) < 260 for line in stored.splitlines()] == [True] * 4
    assert stored.startswith("short\nx")
    assert stored.endswith("\nlast")


@pytest.mark.parametrize("limit", range(100, 400, 7))
def test_a_shortened_log_splits_no_secret(limit: int) -> None:
    log = BoundedLog(limit)
    text = ("word " * 5 + SECRET + "\n" + PEM) * 3
    for start in range(0, len(text), 13):
        log.add(text[start : start + 13].encode())
    stored = "\n".join(redact.inside(line, b"s" * 32) for line in log.content().decode().split("\n"))
    assert not any(SECRET[start : start + 8] in stored for start in range(len(SECRET) - 7))
    assert stored.count("-----BEGIN") == stored.count("-----END") or "MIIEow" not in stored
    assert "bytes left out]" in stored


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="as contexta run's tests")
@pytest.mark.parametrize("unit", ["x", "a=b&", "\\r50%"], ids=str)
def test_a_line_of_8_mb_is_shortened_quickly(tmp_path: Path, unit: str) -> None:
    program = f"import sys; sys.stdout.write({SECRET!r} + ' ' + '{unit}' * (8_000_000 // len('{unit}')) + ' {SECRET}')"
    command = [sys.executable, "-I", "-m", "contexta.cli", "run", "--", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=30)
    assert len(done.stdout) > 7_900_000
    with Contexta(workspace=tmp_path / ".contexta") as ctx:
        log = ctx.read_log("@latest")
        notes = [note.text for note in ctx.get_run("@latest").notes if note.topic == "log"]
    assert SECRET not in log.text
    assert log.bytes_written == len(done.stdout)
    if unit.startswith("\\r"):
        assert notes == []
    else:
        assert len(log.text) < 100_000
        assert notes == ["a line of stdout is over 65536 characters: the middle is left out"]
