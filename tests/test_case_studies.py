"""The programs of each case study print what its page shows, however often the data is recorded."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from support.paths import ROOT

PAGE = (ROOT / "docs" / "how-to" / "case-studies.md").read_text(encoding="utf-8")
CASES = re.findall(
    r"^## \d+\. (.+?)\n.*?```console\n\$ python (\S+)\n\$ python (\S+)\n```\n\n```text\n(.*?)```", PAGE, re.M | re.S
)
LIVE = {"case07_seed_nightly_batches_data.py", "case12_seed_quality_certificate_data.py"}
"""Programs that record a new run each time."""


def run(program: str) -> None:
    runpy.run_path(str(ROOT / program), run_name="__main__")


@pytest.mark.parametrize(("seed", "analysis", "output"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_case_study_prints_what_its_page_shows(
    seed: str, analysis: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(1 if Path(seed).name in LIVE else 2):
        run(seed)
    capsys.readouterr()
    run(analysis)
    assert capsys.readouterr().out == output


def test_every_program_of_a_case_study_is_on_the_page() -> None:
    programs = {path.relative_to(ROOT).as_posix() for path in (ROOT / "examples" / "case_studies").glob("*.py")}
    assert len(CASES) == 12
    assert {program for case in CASES for program in case[1:3]} == programs
