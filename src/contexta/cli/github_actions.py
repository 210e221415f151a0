"""Write annotations and the job summary of `contexta check` for GitHub Actions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from contexta.findings import Gate
from contexta.reports.document.formatting import printable


def workflow_commands(finding: Gate) -> Iterator[str]:
    """A workflow command for each rule that does not hold, and one for a check that passed."""
    run = finding.run_ref.value
    if finding.passed:
        yield _command("notice", f"{run} passed {len(finding.rules)} rules")
    for rule in finding.rules:
        if rule.status != "pass":
            level = "error" if rule.status == "fail" else "warning"
            yield _command(level, f"{run}: {rule.name}: {rule.detail}")


def append_summary(markdown: str) -> None:
    """Append to the file that GITHUB_STEP_SUMMARY names; nothing outside of a job."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(markdown)


def _command(level: str, message: str) -> str:
    text = printable(message).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{level} title=contexta check::{text}"
