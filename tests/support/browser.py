"""A real browser on the pages of a workspace."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

_FLAGS = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"]


def chromium() -> str:
    """The path of the system's Chromium. Skips the test without one."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium here")
    return path


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=[*_FLAGS, "--no-sandbox"])
        yield started
        started.close()


@contextmanager
def served(workspace: Path) -> Iterator[str]:
    """The address of `contexta ui` with its token."""
    command = [sys.executable, "-m", "contexta.cli", "--workspace", str(workspace), "ui", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@contextmanager
def opened(started: Browser, workspace: Path, *, expected: str | None = None) -> Iterator[Page]:
    """The page Runs of a workspace. The console has to stay empty, except for messages that contain ``expected``."""
    with served(workspace) as address:
        context = started.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        messages = watched(page)
        page.goto(address)
        yield page
        context.close()
    assert [message for message in messages if expected is None or expected not in message] == []


def go(page: Page, path: str) -> None:
    """Open another page of the same server."""
    page.goto(re.sub(r"(//[^/]+)/.*", r"\1", page.url) + path)


def watched(page: Page) -> list[str]:
    """The errors and refusals of the content policy that the console of a page shows, as they come."""
    messages: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            messages.append(f"{message.text} {message.location}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: messages.append(str(error)))
    return messages
