from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from builders import Cli
from wheels import Venv

from contexta.findings import Audit

Trained = Callable[..., Venv]


def test_an_audit_tells_what_the_index_the_disk_and_earlier_tries_say(
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
