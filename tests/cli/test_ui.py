"""`contexta ui` as a process: the printed address, and the end by Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from support.builders import Cli

from contexta import Contexta


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent as on Unix")
def test_the_printed_address_opens_the_pages_until_ctrl_c(ctx: Contexta, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "contexta.cli", "--workspace", str(ctx.root), "ui", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with opener.open(address, timeout=30) as response:
                assert "No runs yet." in response.read().decode()
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(address.partition("?")[0], timeout=30)
            server.send_signal(signal.SIGINT)
            _, stderr = server.communicate(timeout=30)
        finally:
            server.kill()
    assert (server.returncode, stderr) == (0, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_other_machines_need_a_permission(cli: Cli, host: str) -> None:
    done = cli("ui", "--host", host)
    assert done.returncode == 2
    assert "hint: add --allow-remote" in done.stderr
