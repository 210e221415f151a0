from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support import browser as browsers


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browsers.browser() as started:
        yield started
