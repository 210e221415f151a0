from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from support.builders import Cli
from support.projects import a_project
from support.tiny_index import PYTHON
from support.wheels import Venv

from contexta import Contexta
from contexta.findings import Audit

Trained = Callable[..., Venv]


def test_an_audit_reports_the_index_the_disk_and_earlier_rebuilds(
    trained: Trained, cli: Cli, index: Path, tmp_path: Path
) -> None:
    venv = trained(code="print('accuracy=0.5')", options=("--metrics-from-stdout", r"(?P<key>\w+)=(?P<value>\S+)"))
    before = Audit.model_validate_json(cli("audit", "first", "--json").stdout)
    assert {check.name: check.status for check in before.checks}["rerun"] == "unknown"
    assert cli("rerun", "first").returncode == 0
    next(index.glob("gamma-*")).unlink()
    (venv.site / "alpha.py").write_text("x = 'edited in place'\n")
    done = cli("audit", "first", "--online", "--deep", "--fail-on", "fail", "--json")
    assert done.returncode == 1, done.stderr
    checks = {check.name: check for check in Audit.model_validate_json(done.stdout).checks}
    assert checks["rerun"].status == "pass"
    assert "1 of 1" in checks["rerun"].detail
    assert checks["rebuilt"].status == "pass"
    assert (checks["index"].status, checks["installed files"].status) == ("fail", "fail")
    assert "gamma 0.3" in checks["index"].detail
    assert (
        "alpha.py (content)" in checks["installed files"].detail
        or "alpha.py (size)" in checks["installed files"].detail
    )
    assert checks["command"].status == "pass"
    assert cli("audit", "first").returncode == 0


def test_inputs_and_the_seed_are_checked(ctx: Contexta, tmp_path: Path) -> None:
    for name in ("same", "touched", "changed", "gone"):
        (tmp_path / name).write_text("data")
    with ctx.run("first", project="p") as run:
        run.param("seed", 7)
        for name in ("same", "touched"):
            run.input(name, tmp_path / name)
    os.utime(tmp_path / "touched", (1, 1))
    stored = {check.name: check for check in ctx.audit_reproducibility("first").checks}
    assert (stored["inputs"].status, stored["seed"].status) == ("pass", "pass")
    with ctx.run("second", project="p") as run:
        for name in ("same", "changed", "gone"):
            run.input(name, tmp_path / name)
    (tmp_path / "changed").write_text("DATA")
    (tmp_path / "gone").unlink()
    lost = {check.name: check for check in ctx.audit_reproducibility("second").checks}
    assert (lost["inputs"].status, lost["seed"].status) == ("fail", "warn")
    assert lost["inputs"].detail == "changed changed, gone gone"


def test_a_workspace_in_a_repository_is_no_change_of_the_source(tmp_path: Path, cli: Cli, ctx: Contexta) -> None:
    a_project(tmp_path / "own")
    workspace = str(tmp_path / "own" / ".contexta")
    environ = {**os.environ, "CONTEXTA_WORKSPACE": workspace}
    for name in ("first", "second"):
        argv = ("run", "--project", "p", "--name", name, "--", PYTHON, "-c", "pass")
        contexta = [sys.executable, "-m", "contexta.cli", *argv]
        subprocess.run(contexta, check=True, capture_output=True, timeout=120, cwd=tmp_path / "own", env=environ)
    audited = cli("audit", "second", "--workspace", workspace, "--json")
    checks = {check.name: check for check in Audit.model_validate_json(audited.stdout).checks}
    assert checks["source"].detail.endswith("of a repository without a remote"), checks["source"]
