"""Wheels larger than the memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.wheels import wheel

CODE = """
import os, resource, sys
from pathlib import Path
from contexta.reproduce.environments.packing import packed
from contexta.reproduce.uv.release_files import ReleaseFile
used = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (used + 50 * 2**20,) * 2)
print(ReleaseFile.of(Path(sys.argv[1])).sha256)
print(packed(Path(sys.argv[2]), "large", "1.0", Path(sys.argv[3])).name)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_digest_of_a_wheel_and_packing_one_need_no_memory_for_its_content(tmp_path: Path) -> None:
    size = 100 * 2**20
    file = tmp_path / "large-1.0-py3-none-any.whl"
    site = tmp_path / "environment" / "lib" / "python3.11" / "site-packages"
    unpacked = wheel(tmp_path, "large", "1.0")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(unpacked), str(site)], check=True)
    for path in (file, site / "large.py"):
        with path.open("r+b") as sparse:
            sparse.truncate(size)
    arguments = [sys.executable, "-c", CODE, str(file), str(site.parents[2]), str(tmp_path / "packed")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "large-1.0-py3-none-any.whl"
