from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from support.wheels import Venv, wheel

from contexta.recorder.probes import imports

ASK = "import json; from contexta.recorder.probes import imports\nprint(json.dumps(imports.imported()))"


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Venv:
    folder = tmp_path_factory.mktemp("imports")
    venv = Venv(folder / "venv")
    venv.install(
        wheel(folder, "Pillow-like", "1.0", {"PIL/__init__.py": "", "PIL/deep/__init__.py": ""}),
        wheel(folder, "google-one", "1.0", {"google/one/__init__.py": ""}),
        wheel(folder, "google-two", "1.0", {"google/two/__init__.py": ""}),
        wheel(folder, "six", "1.0"),
        wheel(folder, "unused", "1.0"),
    )
    return venv


def facts_of(venv: Venv, code: str, cwd: Path) -> dict[str, Any]:
    facts, notes = json.loads(venv.run(f"sys.path.insert(0, '')\n{code}\n{ASK}", cwd=cwd))
    assert notes == []
    assert isinstance(facts, dict)
    return facts


def test_imported_modules_are_listed_by_distribution(venv: Venv, tmp_path: Path) -> None:
    facts = facts_of(venv, "import PIL.deep, six", tmp_path)
    assert facts == {"distributions": {"pillow-like": ["PIL"], "six": ["six"]}, "own": []}


def test_only_the_imported_part_of_a_namespace_package_counts(venv: Venv, tmp_path: Path) -> None:
    assert facts_of(venv, "import google.two", tmp_path)["distributions"] == {"google-two": ["google"]}


def test_modules_of_no_distribution_are_the_users_own(venv: Venv, tmp_path: Path) -> None:
    (tmp_path / "helpers" / "inner").mkdir(parents=True)
    (tmp_path / "helpers" / "__init__.py").write_text("import helpers.inner.deep\n")
    (tmp_path / "helpers" / "inner" / "deep.py").write_text("")
    (tmp_path / "model.py").write_text("import json, decimal\n")
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "far.py").write_text("")
    facts = facts_of(venv, f"sys.path.append({str(elsewhere)!r})\nimport helpers, model, far", tmp_path)
    assert facts["distributions"] == {}
    assert facts["own"] == [
        {"module": "far", "path": str(elsewhere / "far.py")},
        {"module": "helpers", "path": "helpers/__init__.py"},
        {"module": "model", "path": "model.py"},
    ]


def test_an_editable_distribution_owns_the_modules_in_its_source(tmp_path: Path) -> None:
    source = tmp_path / "proj" / "src" / "proj"
    source.mkdir(parents=True)
    module = types.ModuleType("proj")
    module.__file__ = str(source / "__init__.py")
    origin = {"kind": "editable", "url": (tmp_path / "proj").as_uri()}
    facts, notes = imports.imported({"proj": module}, [{"name": "my-proj", "version": "1", "origin": origin}], [])
    assert (facts, notes) == ({"distributions": {"my-proj": ["proj"]}, "own": []}, [])


def test_odd_entries_of_sys_modules_are_ignored_and_not_loaded() -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    class Slotted:
        __slots__ = ()

    strange = types.ModuleType("strange")
    strange.__file__ = "/gone/\udcff\0.py"
    odd: dict[str, Any] = {"lazy": Lazy("lazy"), "none": None, "number": 3, "slotted": Slotted(), "strange": strange}
    facts, notes = imports.imported(odd, [], [])
    assert notes == []
    assert facts == {"distributions": {}, "own": [{"module": "strange", "path": "/gone/\\udcff\\x00.py"}]}


def test_this_process_imports_pytest_and_none_of_it_is_standard_library() -> None:
    facts, _ = imports.imported()
    assert "pytest" in facts["distributions"]["pytest"]
    names = {item["module"] for item in facts["own"]}
    assert not names & set(sys.stdlib_module_names)
