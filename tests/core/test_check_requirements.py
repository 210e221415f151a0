"""With outdated libraries recording works, and a query names them with a hint."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import paths
from support.pythons import another_python

from contexta import Contexta
from contexta.core.requirements import NEEDED, PYTHON

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SOURCES = paths.SOURCE
INIT = "import contexta; run = contexta.init(project='p', name='init'); contexta.log({'loss': 0.5}); run.finish()"
CLIENT = (
    "from contexta import Contexta\nwith Contexta() as c, c.run('client', project='p') as run: run.metric('loss', 0.4)"
)


@pytest.fixture
def old(tmp_path: Path) -> dict[str, str]:
    """The variables of a process that finds the metadata of pydantic 1 before the installed one."""
    (tmp_path / "old" / "pydantic-1.10.9.dist-info").mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: pydantic\nVersion: 1.10.9\n"
    (tmp_path / "old" / "pydantic-1.10.9.dist-info" / "METADATA").write_text(metadata)
    return {**os.environ, "PYTHONPATH": os.fspath(tmp_path / "old")}


def done(*command: str, at: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=at, env=env, capture_output=True, text=True, check=False, timeout=120
    )


def test_recording_works_and_a_query_names_outdated_libraries(tmp_path: Path, old: dict[str, str]) -> None:
    wrapped = done(
        "-m",
        "contexta.cli",
        "run",
        "--quiet",
        "--name",
        "wrapped",
        "--project",
        "p",
        "--",
        "echo",
        at=tmp_path,
        env=old,
    )
    for item in (wrapped, *(done("-c", code, at=tmp_path, env=old) for code in (INIT, CLIENT))):
        assert (item.returncode, item.stderr) == (0, "")
    finished = done("-m", "contexta.cli", "diff", "init", "client", at=tmp_path, env=old)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.splitlines() == [
        "error: this environment can record runs, but queries need pydantic >= 2.8 (found pydantic 1.10.9)",
        "hint: query from another environment, in the same directory: "
        f'`uv tool run --from "contexta @ {SOURCES.parent.as_uri()}" contexta diff`',
    ]
    with Contexta(tmp_path / ".contexta") as ctx:
        assert {run.name: run.status for run in ctx.list_runs()} == dict.fromkeys(
            ("wrapped", "init", "client"), "completed"
        )
        assert dict(ctx.get_run("client").metrics) == {"loss": 0.4}
        assert ctx.get_environment("init").packages["pydantic"] == "1.10.9"


QUERIES = [
    "contexta.Contexta().list_runs()",
    "contexta.Contexta().metadata_store.projects.list_projects()",
    "contexta.UnifiedConfig()",
    "import contexta.contract",
    "import contexta.findings.runs",
    "import contexta.store.backends.engine",
    "import contexta.analysis.metrics.compare",
    "import contexta.reproduce.uv.commands",
]


def test_every_query_is_refused_with_one_error(tmp_path: Path, old: dict[str, str]) -> None:
    tries = "".join(
        f"try: {query}\nexcept contexta.ContextaError as error: print(type(error).__name__)\n" for query in QUERIES
    )
    result = done("-c", f"import contexta\n{tries}", at=tmp_path, env=old)
    assert result.stdout.split() == ["QueryUnavailable"] * len(QUERIES), result.stderr


def test_a_python_too_old_for_queries_is_named_inside_a_recorded_command(tmp_path: Path) -> None:
    code = "import contexta\ntry: contexta.Contexta().list_runs()\nexcept contexta.ContextaError as e: print(e.what)"
    result = done("-m", "contexta.cli", "run", "--", another_python(), "-c", code, at=tmp_path, env=dict(os.environ))
    assert result.stdout.startswith("this environment can record runs, but queries need ")


def test_pyproject_names_the_libraries_of_the_table_and_no_newer_ones() -> None:
    project = tomllib.loads((SOURCES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = dict(_bound(dependency) for dependency in project["dependencies"] if ";" not in dependency)
    assert declared.keys() == NEEDED.keys()
    assert {name: bound for name, bound in declared.items() if bound > NEEDED[name]} == {}
    assert _bound(f"python{project['requires-python']}") == ("python", PYTHON)


def _bound(requirement: str) -> tuple[str, tuple[int, ...]]:
    result = re.fullmatch(r"([a-z]+)>=([0-9.]+)", requirement)
    assert result, f"{requirement}: a name and a lower bound, nothing else"
    return result[1], tuple(map(int, result[2].split(".")))
