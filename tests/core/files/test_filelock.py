from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from contexta.core.files.filelock import alone

HOLD = """
import sys
from pathlib import Path
from contexta.core.files.filelock import alone
with alone(Path(sys.argv[1])) as first:
    print(first, flush=True)
    sys.stdin.read()
"""


def test_one_process_holds_a_lock_until_it_ends_or_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    argv = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"True\n"
        with alone(lock, 0.01) as first:
            assert not first
        other.kill()
    with alone(lock) as first:
        assert first
