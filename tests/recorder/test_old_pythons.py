"""Every probe runs in every CPython from 3.8 on that this machine has, with nothing else installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import contexta
from contexta.contract import Distribution, EnvironmentSnapshot, Note

SOURCE = str(Path(contexta.__file__).parents[1])
MINORS = range(8, 15)
PROBES = """
import json, os, random, sys
sys.path.insert(0, sys.argv[1])
from contexta.core.processes import process
from contexta.recorder.packages import distributions, installed_files, origins, places
from contexta.recorder.probes import gpus, imports, interpreter, invocation, machine, native, seeds, variables
from contexta.recorder.redaction import redact
from contexta.recorder.source import capture
salt = b"salt"
facts = {
    "version": sys.version_info[:2],
    "run": process.run([sys.executable, "-c", "print(7)"], timeout=60).stdout.decode().strip(),
    "fingerprint": places.fingerprint(),
    "redacted": redact.argv(["--token", "canary", "--lr=0.1"], salt)[0],
    "platform": machine.platform_name(),
}
probed = {
    "distributions": distributions.installed(),
    "checkouts": origins.with_checkouts([]),
    "builds": installed_files.builds(),
    "edited_files": installed_files.edited_files(),
    "imports": imports.imported(),
    "interpreter": interpreter.interpreter(),
    "machine": machine.machine(salt=salt),
    "gpus": gpus.gpus(),
    "native": native.native(),
    "invocation": invocation.invocation(salt=salt),
    "seeds": seeds.seeds(),
    "variables": variables.recorded(os.environ, salt=salt),
    "parameters": redact.parameters({"lr": 0.1, "token": "canary"}, salt),
}
found, patch, notes = capture.source(os.getcwd(), salt=salt)
probed["source"] = (found, notes)
facts["patch"] = (patch or b"").decode("latin-1")
facts["probed"] = probed
import contexta
run = contexta.init(project="p", name="r")
stage = run.stage("s")
with stage.batch("b") as batch, stage.span("x", "llm"):
    batch.metric("m", 1.0, unit="ms")
    batch.sample("one").event("k", "what happened")
    batch.operation("two")
with run.deployment("web"):
    pass
run.finish()
with open(".contexta/journal/p.r.jsonl") as journal:
    facts["lines"] = [json.loads(line)["t"] for line in journal]
facts["foreign"] = sorted({n.partition(".")[0] for n in sys.modules} & {"pydantic", "sqlalchemy", "packaging", "rich"})
print(json.dumps(facts))
"""


@cache
def interpreters() -> dict[int, str]:
    """Minor version -> an interpreter that starts: from PATH, from pyenv, this one."""
    candidates = [sys.executable]
    candidates += [path for minor in MINORS if (path := shutil.which(f"python3.{minor}"))]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += [str(path) for path in root.glob("versions/*/bin/python3.*") if re.search(r"3\.\d+\Z", path.name)]
    result: dict[int, str] = {}
    for path in candidates:
        ask = "import sys; print(sys.version_info[1], sys.implementation.name)"
        try:
            output = subprocess.run([path, "-c", ask], capture_output=True, text=True, timeout=60, check=False).stdout
        except OSError:
            continue
        minor, _, name = output.strip().partition(" ")
        if name == "cpython" and int(minor) in MINORS:
            result.setdefault(int(minor), path)
    return result


@pytest.mark.parametrize("minor", MINORS, ids=lambda minor: f"3.{minor}")
def test_every_probe_runs_in(minor: int, tmp_path: Path, git: Callable[..., str]) -> None:
    python = interpreters().get(minor)
    if python is None:
        pytest.skip(f"no CPython 3.{minor} on this machine")
    git(tmp_path, "init", "-q")
    (tmp_path / "train.py").write_text("x = 1\n")
    done = subprocess.run(
        [python, "-W", "error", "-c", PROBES, SOURCE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert facts["version"] == [3, minor]
    assert facts["run"] == "7"
    assert facts["redacted"][1].startswith("secret:sha256:")
    assert "+x = 1" in facts["patch"]
    assert facts["foreign"] == []
    assert {"batch", "point", "sample", "event", "operation", "batch-end", "span", "deployment"} <= {*facts["lines"]}
    probed = {name: result for name, (result, _) in facts["probed"].items()}
    notes = [note for _, answer in facts["probed"].values() for note in answer]
    assert probed["interpreter"]["version"].startswith(f"3.{minor}.")
    EnvironmentSnapshot(
        environment_snapshot_ref="environment:p.r.e",
        run_ref="run:p.r",
        captured_at="2025-01-01T00:00:00Z",
        python_version=probed["interpreter"]["version"],
        platform=facts["platform"],
        distributions=tuple(Distribution(**distribution) for distribution in probed["distributions"]),
        environment_variables=probed["variables"],
        interpreter=probed["interpreter"],
        machine=probed["machine"],
        native_libraries=probed["native"],
        notes=tuple(Note(**note) for note in notes),
    )
