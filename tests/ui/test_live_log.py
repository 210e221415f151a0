"""The page of a run that `contexta run` records: its output grows without a reload, and the end stays in view."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support import browser as browsers
from support.browser import go

pytestmark = pytest.mark.slow
PROGRAM = """
import sys, time
from pathlib import Path
def said(text, file):
    print(text, file=sys.stdout, flush=True)
    while not Path(file).exists():
        time.sleep(0.05)
said("\\n".join(f"epoch {number} accuracy 0.{number:03}" for number in range(60)), "second")
said("UserWarning: the second part", "third")
said("the third part", "end")
"""


def test_the_output_of_a_live_run_grows_and_a_reader_keeps_the_place(chromium: Browser, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", "contexta.cli", "run", "--project", "p", "--name", "live", "--", sys.executable]
    with subprocess.Popen([*command, "train.py"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        try:
            while not (tmp_path / ".contexta" / "journal").is_dir():
                assert run.poll() is None
            with browsers.opened(chromium, tmp_path / ".contexta") as page:
                expect(page.get_by_role("link", name="live", exact=True)).to_be_visible(timeout=20_000)
                go(page, "/run?run=p.live")
                log = page.locator("#run-output pre.log").first
                expect(log).to_contain_text("epoch 59", timeout=20_000)
                expect(page.locator("#run-output h2").first).to_contain_text("Log stdout, the latest 40 lines")
                log.scroll_into_view_if_needed()
                expect(log.locator(".line", has_text="epoch 59")).to_be_in_viewport()
                (tmp_path / "second").touch()
                expect(log.locator(".line.warn")).to_have_text("UserWarning: the second part\n", timeout=20_000)
                page.locator("#run-output pre.log").first.evaluate("log => { log.scrollTop = -120; }")
                (tmp_path / "third").touch()
                expect(log).to_contain_text("the third part", timeout=20_000)
                assert log.evaluate("log => log.scrollTop") == -120
                (tmp_path / "end").touch()
                expect(page.get_by_role("link", name="Whole log").first).to_be_visible(timeout=20_000)
        finally:
            for name in ("second", "third", "end"):
                (tmp_path / name).touch()
            run.communicate(timeout=60)
