from __future__ import annotations

from pathlib import Path

import pytest

from contexta.bisect.pins import read_pins
from contexta.errors import InvalidInput

MARKERS = {"sys_platform": "linux", "python_version": "3.11"}


def pins(tmp_path: Path, text: str) -> dict[str, str]:
    file = tmp_path / "pins.txt"
    file.write_text(text)
    return read_pins(file, MARKERS)


def test_pins_are_read_as_people_and_tools_write_them(tmp_path: Path) -> None:
    text = """\
# by hand
Scikit_Learn == 1.3.2   # the culprit
numpy==1.26.2 \\
    --hash=sha256:00 \\
    --hash=sha256:11
pywin32==306; sys_platform == "win32"
torch===2.1.0+cu118
"""
    assert pins(tmp_path, text) == {"scikit-learn": "1.3.2", "numpy": "1.26.2", "torch": "2.1.0+cu118"}


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=1.0",
        "numpy==1.*",
        "--index-url=x",
        "-r other.txt",
        "numpy @ https://example.org/numpy.whl",
        "not a pin at all",
    ],
)
def test_what_is_no_exact_pin_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidInput, match="line 2"):
        pins(tmp_path, f"a==1\n{line}\n")


def test_two_pins_of_one_package_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="pinned twice"):
        pins(tmp_path, "Numpy==1.0\nnumpy==1.1\n")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_pins(tmp_path / "none.txt", MARKERS)
