from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import contexta
import contexta.contract
import contexta.findings


def modules_after(statement: str) -> set[str]:
    """The modules of a fresh interpreter after a statement."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_nothing_but_the_package_itself() -> None:
    assert modules_after("import contexta") == {"contexta"}


def test_version_command_loads_click_and_nothing_heavy() -> None:
    loaded = modules_after("from contexta.cli import main; main(['version'])")
    assert not loaded & {"pydantic", "sqlalchemy", "rich", "alembic", "packaging"}


def test_a_query_imports_only_the_modules_that_it_needs(tmp_path: Path) -> None:
    with contexta.Contexta(workspace=tmp_path) as ctx:
        ctx.list_runs()
    loaded = modules_after(f"from contexta import Contexta; Contexta({str(tmp_path)!r}).list_runs()")
    assert "contexta.findings.runs" in loaded
    unused = ("alembic", "sqlalchemy.dialects.postgresql", "contexta.findings.explain", "contexta.contract.records")
    assert not loaded & {*unused, "contexta.recorder.session.run"}


@pytest.mark.parametrize("command", ["runs", "show @latest", "metrics", "diff", "compare", "why", "plot"])
def test_short_queries_of_a_directory_import_no_sqlalchemy(tmp_path: Path, command: str) -> None:
    with contexta.Contexta(workspace=tmp_path) as ctx:
        for name in ("old", "new"):
            with ctx.run(name, project="p") as run:
                run.metric("accuracy", 0.9)
        ctx.list_runs()
    words = [*command.split(), "--workspace", str(tmp_path)]
    loaded = modules_after(f"from contexta.cli import main; main({words})")
    assert "contexta.store.schema.statements" in loaded
    assert "sqlalchemy" not in loaded


def test_printing_a_log_imports_no_readers_of_other_trackers_and_no_progress_bar() -> None:
    loaded = modules_after("import contexta.cli.commands.inspect.files")
    assert "contexta.client.contexta" in loaded
    assert not loaded & {"contexta.importers", "contexta.cli.progress", "rich.progress"}


@pytest.mark.parametrize("package", [contexta, contexta.contract, contexta.findings], ids=lambda each: each.__name__)
def test_every_public_name_is_there(package: Any) -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError, match="Contxta"):
        package.Contxta  # noqa: B018  # what is tested


def test_every_finding_has_a_json_schema() -> None:
    from contexta import findings
    from contexta.core.model import Value

    for name in vars(findings)["__all__"]:
        model = getattr(findings, name)
        if isinstance(model, type) and issubclass(model, Value):
            assert json.dumps(model.model_json_schema(mode="serialization"))
