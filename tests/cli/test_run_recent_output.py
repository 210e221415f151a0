"""While `contexta run` records a command, its latest output can be read; afterwards only the stored one is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from contexta import Contexta
from contexta.client.report_pages import evidence_of
from contexta.findings import Excerpt
from contexta.recorder.wrapping.recent_output import recent_text
from contexta.reports import to_html
from contexta.ui.routes import site

SECRET = "hf_" + "aZ3kQ9xW7bN5mT1pL4vC8dR6yJ2hG0sF"[:34].ljust(34, "q")
PROGRAM = """
import sys, time
from pathlib import Path
print("epoch 1 accuracy 0.5", flush=True)
print("token {secret}", flush=True)
print("-----", flush=True)
print("<script>alert(1)</script> careful", file=sys.stderr, flush=True)
print("unfinished", end="", flush=True)
while not Path("go").exists():
    time.sleep(0.05)
print(" business", flush=True)
"""


@contextmanager
def running(folder: Path) -> Iterator[subprocess.Popen[str]]:
    (folder / "train.py").write_text(PROGRAM.replace("{secret}", SECRET), encoding="utf-8")
    command = [sys.executable, "-m", "contexta.cli", "run", "--project", "p", "--name", "live", "--", sys.executable]
    with subprocess.Popen(
        [*command, "train.py"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            (folder / "go").touch()
            process.communicate(timeout=60)


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.1)


def outputs(folder: Path) -> dict[str, Excerpt]:
    with Contexta(folder / ".contexta") as ctx:
        if not ctx.list_runs():
            return {}
        return {output.title: output for output in evidence_of(ctx, ctx.get_run("p.live")).outputs}


def files(folder: Path) -> list[str]:
    return [path.name for path in (folder / ".contexta" / "journal").iterdir() if path.name.endswith(".output")]


def test_the_latest_lines_are_read_while_the_command_runs_and_removed_when_it_ends(tmp_path: Path) -> None:
    with running(tmp_path):
        until(lambda: len(outputs(tmp_path)) == 2)
        live = outputs(tmp_path)
        assert live["stdout"].is_unfinished
        assert live["stdout"].text.startswith("epoch 1 accuracy 0.5\ntoken ")
        assert "unfinished" not in live["stdout"].text, "a line is shown when it is complete"
        with Contexta(tmp_path / ".contexta") as ctx:
            page = TestClient(site(ctx)).get("/run?run=p.live").text
            report = to_html(ctx.build_run_page("p.live"))
        for html in (page, report):
            assert "epoch 1 accuracy 0.5" in html
            assert "<script>alert" not in html
        assert "the latest 3 lines; all are stored when the command ends" in page
        assert "The last lines so far" in report
    ended = outputs(tmp_path)
    assert not ended["stdout"].is_unfinished
    assert ended["stdout"].text.endswith("unfinished business")
    assert files(tmp_path) == []


def test_the_latest_lines_contain_no_secret(tmp_path: Path) -> None:
    with running(tmp_path):
        until(lambda: "stdout" in outputs(tmp_path))
        written = [(tmp_path / ".contexta" / "journal" / name).read_text() for name in files(tmp_path)]
        assert written
        assert SECRET not in "".join(written)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
def test_the_latest_lines_of_a_killed_recorder_stay(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        until(lambda: "stdout" in outputs(tmp_path))
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        (tmp_path / "go").touch()
        until(lambda: outputs(tmp_path)["stdout"].is_unfinished)
    assert outputs(tmp_path)["stdout"].text.startswith("epoch 1 accuracy 0.5")


def test_a_run_of_another_name_has_no_part_of_it(tmp_path: Path) -> None:
    with running(tmp_path), Contexta(tmp_path / ".contexta") as ctx:
        until(lambda: "stdout" in outputs(tmp_path))
        with ctx.run("live-2", project="p"):
            pass
        assert evidence_of(ctx, ctx.get_run("p.live-2")).outputs == ()


def test_half_a_secret_at_the_start_of_the_window_is_left_out() -> None:
    data = SECRET[5:].encode() + b" rest of the line\n" + b"epoch 2 accuracy 0.7\n" * 40
    text = recent_text(data, b"salt", is_cut=True)
    assert SECRET[5:] not in text
    assert text.startswith("epoch 2")


def test_a_key_block_without_its_end_is_left_out() -> None:
    text = recent_text(b"start\n-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqh\n", b"salt", is_cut=False)
    assert text == "start\n"


def test_a_name_in_the_first_half_hides_the_value_in_the_second() -> None:
    lines = b"x\n" * 100 + b"password:\n  correct-horse-battery\n" + b"y\n" * 100
    assert "correct-horse" not in recent_text(lines, b"salt", is_cut=True)


@pytest.mark.parametrize("data", [b"", b"no end", b"\xff\xfe\n", b"a\rb\rc", b"\n"])
def test_every_output_gives_a_text_of_complete_lines(data: bytes) -> None:
    text = recent_text(data, b"salt", is_cut=False)
    assert text == "" or text[-1] in "\r\n"
