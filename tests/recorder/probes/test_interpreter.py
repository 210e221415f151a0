from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from support.wheels import Venv

from contexta.contract import EnvironmentSnapshot
from contexta.recorder.probes import interpreter

ASK = "import json; from contexta.recorder.probes import interpreter; print(json.dumps(interpreter.interpreter()))"


def facts_of(*options: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    source = str(Path(interpreter.__file__).parents[3])
    code = f"import sys; sys.path.insert(0, {source!r}); {ASK}"
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", **(env or {})},
        timeout=60,
    )
    facts, notes = json.loads(done.stdout)
    assert notes == []
    assert isinstance(facts, dict)
    return facts


def test_facts_agree_with_the_standard_library() -> None:
    facts, notes = interpreter.interpreter()
    assert notes == []
    assert facts["version"] == platform.python_version()
    assert facts["compiler"] == platform.python_compiler()
    assert facts["implementation"] == sys.implementation.name
    assert facts["executable"] == sys.executable
    assert os.name == "nt" or facts["soabi"] == sysconfig.get_config_var("SOABI")
    assert facts["build"] == " ".join(sys.version.split())


def test_the_facts_are_the_same_at_every_start() -> None:
    assert facts_of() == facts_of()


def test_the_contract_accepts_the_facts() -> None:
    EnvironmentSnapshot(
        environment_snapshot_ref="environment:p.r.e",
        run_ref="run:p.r",
        captured_at="2025-01-01T00:00:00Z",
        python_version=interpreter.python_version(),
        platform="linux",
        interpreter=interpreter.interpreter()[0],
    )


def test_only_flags_that_differ_from_a_plain_start_are_listed() -> None:
    assert facts_of()["flags"] == {}
    flags = facts_of("-O", "-I", "-X", "utf8", "-W", "ignore")["flags"]
    assert flags["optimize"] == 1
    assert flags["isolated"] == 1
    assert flags["x"] == {"utf8": True}
    assert flags["warnings"] == ["ignore"]


def test_a_fixed_hash_seed_is_recorded() -> None:
    assert facts_of()["hash_seed"] == "random"
    assert facts_of(env={"PYTHONHASHSEED": "42"})["hash_seed"] == "42"
    assert facts_of(env={"PYTHONHASHSEED": "0"})["hash_seed"] == "0"
    assert facts_of("-I", env={"PYTHONHASHSEED": "42"})["hash_seed"] == "random"


def test_a_virtual_environment_is_distinguished_from_its_base_python(tmp_path: Path) -> None:
    venv = Venv(tmp_path / "venv")
    facts, notes = json.loads(venv.run(ASK))
    assert notes == []
    assert facts["environment"] == "venv"
    assert facts["prefix"] == str(venv.path)
    assert facts["base_prefix"] == sys.base_prefix
    assert facts["venv"]["include-system-site-packages"] == "false"
    assert not any(str(tmp_path) in str(fact) for fact in facts["venv"].values())
