from __future__ import annotations

import time
from pathlib import Path

from contexta.reproduce.environments.progress import counted


def test_progress_counts_installed_and_compiled_files(tmp_path: Path) -> None:
    answer: list[tuple[str, int, int]] = []

    def is_reported(*expected: object) -> bool:
        until = time.monotonic() + 30
        while expected not in answer and time.monotonic() < until:
            time.sleep(0.02)
        return expected in answer

    site = tmp_path / "lib" / "site-packages"
    with counted(lambda step, done=0, of=0: answer.append((step, done, of)), tmp_path, 2):
        (site / "a.dist-info").mkdir(parents=True)
        (site / "a.py").touch()
        assert is_reported("installing 2 packages", 1, 2)
        (site / "b.dist-info").mkdir()
        (site / "b.py").touch()
        assert is_reported("installing 2 packages", 2, 2)
        (site / "__pycache__").mkdir()
        (site / "__pycache__" / "a.pyc").touch()
        assert is_reported("byte-compiling", 1, 2)
    count = len(answer)
    time.sleep(1)
    assert len(answer) == count, "nothing is told after the end"
