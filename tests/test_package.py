from __future__ import annotations

import json
import subprocess
import sys

import pytest

import contexta


def modules_after(statement: str) -> set[str]:
    """What a fresh interpreter has loaded after a statement."""
    code = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_loads_nothing_but_the_package_itself() -> None:
    assert modules_after("import contexta") == {"contexta"}


def test_version_command_loads_click_and_nothing_heavy() -> None:
    loaded = modules_after("from contexta.cli import main; main(['version'])")
    assert not loaded & {"pydantic", "sqlalchemy", "rich", "alembic", "packaging"}


def test_every_public_name_is_there() -> None:
    for name in contexta.__all__:
        assert getattr(contexta, name) is not None
        assert name in dir(contexta)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Contxta"):
        contexta.Contxta  # noqa: B018  # what is tested


def test_every_finding_has_a_json_schema() -> None:
    from contexta import findings
    from contexta.values import Value

    for name in findings.__all__:
        model = getattr(findings, name)
        if isinstance(model, type) and issubclass(model, Value):
            assert json.dumps(model.model_json_schema(mode="serialization"))
