"""A project whose old run was never recorded: from a log to the proved culprit."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from support.builders import Cli

from contexta.reproduce.uv.commands import find_uv, python_in

TRAIN = """
import alpha, beta
print(f"accuracy={0.91 if alpha.version == '1.0' else 0.87}")
"""


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_a_log_leads_to_the_proved_culprit(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "requirements.in").write_text("alpha\nbeta\ngamma\n")
    log = tmp_path / "install.log"
    log.write_text("Successfully installed alpha-1.0\n")
    os.utime(log, (1739000000, 1739000000))  # 2025-02-08
    environment = tmp_path.with_name(f"{tmp_path.name}-new")
    uv = find_uv()
    uv.create(sys.executable, environment)
    uv.install(environment, {"alpha": "2.0", "beta": "2.0", "gamma": "1.0"})
    variables = {**os.environ, "LANG": "C.UTF-8"}
    recorded = cli("run", "--name", "this-month", "--", str(python_in(environment)), "train.py", env=variables)
    assert "accuracy=0.87" in recorded.stdout

    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    options = ("--at", "2025-02-15", "--python", minor, "--name", "last-month", "--expect", "accuracy=0.91")
    assert cli("reconstruct", *options).returncode == 0
    assert "expected: accuracy 0.91" in cli("show", "last-month").stdout
    difference = cli("diff", "last-month", "this-month").stdout
    assert "alpha" in difference
    assert "beta 1.5" in difference  # listed as uncertain
    report = json.loads(cli("bisect", "last-month", "this-month", "--json").stdout)
    assert report["verdict"] == "proved"
    assert report["culprits"] == ["alpha"] or "alpha" in json.dumps(report["culprits"])
    assert any("resolved, not observed: beta 1.5" in note for note in report["notes"])
    assert any("judged by accuracy: run" in note and "expected to give 0.91" in note for note in report["notes"])
    assert (report["expected"]["value"], report["expected"]["is_confirmed"]) == (0.91, True)
    assert {change["key"] for change in report["changes"]} == {"alpha", "beta"}  # no env:LANG: it is unknown for OLD
    assert any("its variables are unknown, and no change" in note for note in report["notes"])
