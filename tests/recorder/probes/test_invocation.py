from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from contexta.recorder.probes.invocation import invocation

SALT = b"salt"
SCRIPT = (
    "import json; from contexta.recorder.probes.invocation import invocation\nprint(json.dumps(invocation(salt=b'')))\n"
)


def facts_of(directory: Path, *command: str) -> dict[str, Any]:
    done = subprocess.run([*command], cwd=directory, capture_output=True, text=True, check=True, timeout=60)
    facts, _ = json.loads(done.stdout)
    assert isinstance(facts, dict)
    return facts


def test_a_script_is_recorded_with_its_arguments_and_directory(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    facts = facts_of(tmp_path, sys.executable, "train.py", "--lr", "0.1", "--api-key", "canary")
    assert "entry_point" not in facts, "it is the first of the arguments"
    assert facts["directory"] == str(tmp_path)
    assert facts["argv"][:4] == ["train.py", "--lr", "0.1", "--api-key"]
    assert facts["argv"][4].startswith("secret:sha256:")
    if sys.platform == "linux":
        ours = Path("/proc/self/cmdline").read_bytes().split(b"\0")[0].decode()
        assert facts["parent"][0] == ours


def test_a_module_is_recorded_as_it_was_called(tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    (tmp_path / "pkg" / "__main__.py").write_text(SCRIPT)
    (tmp_path / "pkg" / "train.py").write_text(SCRIPT)
    assert facts_of(tmp_path, sys.executable, "-m", "pkg")["entry_point"] == "-m pkg"
    assert facts_of(tmp_path, sys.executable, "-m", "pkg.train")["entry_point"] == "-m pkg.train"
    code = facts_of(tmp_path, sys.executable, "-c", SCRIPT)
    assert (code["argv"], "entry_point" in code) == (["-c"], False)


def test_too_many_and_too_long_arguments_are_cut_with_a_note() -> None:
    facts, notes = invocation(salt=SALT, arguments=["train.py", *["x"] * 2_000, "y" * 20_000])
    assert len(facts["argv"]) == 1_000
    facts, notes = invocation(salt=SALT, arguments=["train.py", "y" * 20_000])
    assert len(facts["argv"][1]) == 10_000
    assert any("cut" in note["text"] for note in notes)
