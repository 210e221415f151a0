"""The locks of Poetry, PDM and Pipenv give what these tools install. The texts are from real locks, shortened."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from contexta.bisect.inputs.sides.kinds import KINDS
from contexta.bisect.inputs.sides.side import Candidate, Side
from contexta.core.errors import InvalidInput

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NEWER = {
    "sys_platform": "linux",
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
    "platform_release": "6",
    "platform_version": "1",
    "implementation_version": "3.11.7",
}
OLDER = {**NEWER, "python_version": "3.9", "python_full_version": "3.9.18", "implementation_version": "3.9.18"}

DIGEST, COMMIT = "ab" * 32, "c" * 40

POETRY_2 = """
[[package]]
name = "charset-normalizer"
version = "3.5.3"
optional = false
python-versions = ">=3.7"
groups = ["main"]
files = [{file = "charset_normalizer-3.5.3-py3-none-any.whl", hash = "sha256:DIGEST"}]

[[package]]
name = "cycler"
version = "0.12.1"
optional = true
python-versions = ">=3.8"
groups = ["main"]
markers = "extra == \\"plot\\""
files = []

[[package]]
name = "iniconfig"
version = "2.1.0"
optional = false
python-versions = ">=3.8"
groups = ["dev"]
files = []

[[package]]
name = "PyYAML"
version = "6.0.3"
optional = false
python-versions = ">=3.8"
groups = ["docs"]
files = []

[[package]]
name = "tomli"
version = "2.5.0"
optional = false
python-versions = ">=3.8"
groups = ["main", "docs"]
files = []

[package.markers]
main = "python_version < \\"3.11\\""
docs = "python_version < \\"3.13\\""

[[package]]
name = "tool"
version = "1.0"
optional = false
python-versions = "*"
groups = ["main"]
files = []

[package.source]
type = "git"
url = "https://example.org/tool.git"
reference = "main"
resolved_reference = "COMMIT"

[[package]]
name = "inner"
version = "1.0"
optional = false
python-versions = "*"
groups = ["main"]
files = []

[package.source]
type = "legacy"
url = "https://packages.example.org/simple"
reference = "inner"

[extras]
plot = ["cycler"]

[metadata]
lock-version = "2.1"
python-versions = ">=3.9,<3.14"
content-hash = "0"
""".replace("DIGEST", DIGEST).replace("COMMIT", COMMIT)
POETRY_2_PROJECT = """
[tool.poetry.group.docs]
optional = true
"""

POETRY_1 = """
[[package]]
name = "click"
version = "8.1.8"
optional = false
python-versions = ">=3.7"
files = []

[[package]]
name = "click"
version = "8.3.0"
optional = false
python-versions = ">=3.10"
files = []

[[package]]
name = "cycler"
version = "0.12.1"
optional = true
python-versions = ">=3.8"
files = []

[[package]]
name = "iniconfig"
version = "2.1.0"
optional = false
python-versions = ">=3.8"
files = []

[[package]]
name = "numpy"
version = "2.0.2"
optional = false
python-versions = ">=3.9"
files = []

[[package]]
name = "pysocks"
version = "1.7.1"
optional = false
python-versions = ">=2.7, !=3.0.*, !=3.1.*"
files = []

[[package]]
name = "requests"
version = "2.31.0"
optional = false
python-versions = ">=3.7"
files = []

[package.dependencies]
charset-normalizer = ">=2,<4"
PySocks = {version = ">=1.5.6,<1.5.7 || >1.5.7", optional = true, markers = "extra == \\"socks\\""}
tomli = {version = "*", markers = "python_version < \\"3.11\\""}
click = [
    {version = ">=8.3", markers = "python_version >= \\"3.10\\""},
    {version = "<8.2", markers = "python_version < \\"3.10\\""},
]

[[package]]
name = "charset-normalizer"
version = "3.5.3"
optional = false
python-versions = ">=3.7"
files = []

[[package]]
name = "pyyaml"
version = "6.0.3"
optional = false
python-versions = ">=3.8"
files = []

[[package]]
name = "tomli"
version = "2.5.0"
optional = false
python-versions = ">=3.8"
files = []

[metadata]
lock-version = "2.0"
python-versions = "^3.9"
content-hash = "0"
"""
POETRY_1_PROJECT = """
[tool.poetry.dependencies]
python = "^3.9"
requests = {version = "^2.30", extras = ["socks"]}
numpy = ">=1.22"
cycler = {version = "*", optional = true}
[tool.poetry.group.dev.dependencies]
iniconfig = "^2.0"
[tool.poetry.group.docs]
optional = true
[tool.poetry.group.docs.dependencies]
pyyaml = "*"
"""

PDM = """
[metadata]
groups = ["default", "dev", "plot"]
strategy = ["cross_platform", "inherit_metadata"]
lock_version = "4.4.1"
content_hash = "sha256:0"

[[package]]
name = "cycler"
version = "0.12.1"
requires_python = ">=3.8"
groups = ["plot"]
files = []

[[package]]
name = "iniconfig"
version = "2.1.0"
requires_python = ">=3.8"
groups = ["dev"]
files = []

[[package]]
name = "requests"
version = "2.31.0"
requires_python = ">=3.7"
groups = ["default"]
files = [{file = "requests-2.31.0-py3-none-any.whl", hash = "sha256:DIGEST"}]

[[package]]
name = "requests"
version = "2.31.0"
extras = ["socks"]
requires_python = ">=3.7"
groups = ["default"]
files = [{file = "requests-2.31.0-py3-none-any.whl", hash = "sha256:DIGEST"}]

[[package]]
name = "tomli"
version = "2.5.0"
requires_python = ">=3.8"
groups = ["default", "plot"]
marker = "python_version < \\"3.11\\""
files = []

[[package]]
name = "tool"
version = "1.0"
groups = ["default"]
git = "https://example.org/tool.git"
ref = "main"
revision = "COMMIT"

[[package]]
name = "demo"
version = "0.1"
groups = ["default"]
path = "./demo"
""".replace("DIGEST", DIGEST).replace("COMMIT", COMMIT)
PDM_PROJECT = """
[project]
name = "demo"
[project.optional-dependencies]
plot = ["cycler"]
"""

PIPFILE = {
    "_meta": {"hash": {"sha256": "0"}, "pipfile-spec": 6, "requires": {"python_version": "3.11"}, "sources": []},
    "default": {
        "requests": {
            "extras": ["socks"],
            "hashes": [f"sha256:{DIGEST}"],
            "markers": "python_version >= '3.7'",
            "version": "==2.31.0",
        },
        "tomli": {"markers": "python_version < '3.11'", "version": "==2.5.0"},
        "tool": {"git": "https://example.org/tool.git", "ref": COMMIT},
        "demo": {"editable": True, "path": "."},
    },
    "develop": {"iniconfig": {"version": "==2.1.0"}},
}


def side_of(folder: Path, name: str, text: str, project: str = "") -> Side:
    (folder / name).write_text(text)
    if project:
        (folder / "pyproject.toml").write_text(project)
    candidate = Candidate(str(folder / name), records=None)  # type: ignore[arg-type]  # files need no records
    return next(side for recognise in KINDS if (side := recognise(candidate)) is not None)


def packages(side: Side, markers: Mapping[str, str] = NEWER) -> dict[str, str]:
    return dict(side.pins(markers).packages)


def test_poetry_2_installs_main_and_all_groups_but_optional_ones_and_extras(tmp_path: Path) -> None:
    side = side_of(tmp_path, "poetry.lock", POETRY_2, POETRY_2_PROJECT)
    assert packages(side) == {
        "charset-normalizer": "3.5.3",
        "iniconfig": "2.1.0",
        "inner": "1.0",
        "tool": f"git+https://example.org/tool.git@{COMMIT}",
    }
    assert packages(side, OLDER)["tomli"] == "2.5.0"
    assert side.pins(NEWER).hashes == {"charset-normalizer": (f"sha256:{DIGEST}",)}


def test_poetry_2_without_the_project_installs_all_groups(tmp_path: Path) -> None:
    assert packages(side_of(tmp_path, "poetry.lock", POETRY_2))["pyyaml"] == "6.0.3"


def test_poetry_1_installs_what_the_project_reaches(tmp_path: Path) -> None:
    side = side_of(tmp_path, "poetry.lock", POETRY_1, POETRY_1_PROJECT)
    always = {
        "charset-normalizer": "3.5.3",
        "iniconfig": "2.1.0",
        "numpy": "2.0.2",
        "pysocks": "1.7.1",
        "requests": "2.31.0",
    }
    assert packages(side) == {**always, "click": "8.3.0"}
    assert packages(side, OLDER) == {**always, "click": "8.1.8", "tomli": "2.5.0"}


def test_poetry_1_without_the_project_begins_with_what_nothing_requires(tmp_path: Path) -> None:
    found = packages(side_of(tmp_path, "poetry.lock", POETRY_1))
    assert found.keys() == {"charset-normalizer", "click", "iniconfig", "numpy", "pyyaml", "requests"}


def test_pdm_installs_default_and_development_but_no_extras(tmp_path: Path) -> None:
    side = side_of(tmp_path, "pdm.lock", PDM, PDM_PROJECT)
    tool = f"git+https://example.org/tool.git@{COMMIT}"
    assert packages(side) == {"iniconfig": "2.1.0", "requests": "2.31.0", "tool": tool}
    assert packages(side, OLDER)["tomli"] == "2.5.0"
    assert 'demo is in "./demo"' in " ".join(side.pins(NEWER).notes)


def test_pipenv_installs_the_packages_without_development_on_its_python(tmp_path: Path) -> None:
    side = side_of(tmp_path, "Pipfile.lock", json.dumps(PIPFILE))
    assert side.python == "3.11"
    assert packages(side) == {"requests": "2.31.0", "tool": f"git+https://example.org/tool.git@{COMMIT}"}
    with pytest.raises(InvalidInput, match=r"is for Python ==3\.11\.\*, not 3\.9\.18"):
        packages(side, OLDER)


@pytest.mark.parametrize(
    ("allowed", "fits"),
    [
        ("^3.9", True),
        ("^3.12", False),
        ("~3.11", True),
        ("~3.10", False),
        (">=3.8,<4.0", True),
        (">=3.8 <3.12", True),
        (">=3.8 <3.11", False),
        ("3.9 || 3.11.*", True),
        ("2.7 || >=3.12", False),
        ("*", True),
        ("3.11.7", True),
        ("~=3.10", True),
    ],
)
def test_poetry_names_its_pythons_in_its_own_notation(tmp_path: Path, allowed: str, fits: bool) -> None:
    side = side_of(tmp_path, "poetry.lock", POETRY_2.replace(">=3.9,<3.14", allowed))
    if fits:
        assert "inner" in packages(side)
    else:
        with pytest.raises(InvalidInput, match="is for Python"):
            packages(side)


def without_groups(lock: str) -> str:
    return "\n".join(line for line in lock.split("\n") if not line.startswith("groups = ["))


def with_file(lock: str) -> str:
    index = 'type = "legacy"\nurl = "https://packages.example.org/simple"'
    return lock.replace(index, 'type = "file"\nurl = "../inner.whl"')


def pipfile(**default: object) -> str:
    return json.dumps({**PIPFILE, "default": default})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("poetry.lock", POETRY_2.replace(f'resolved_reference = "{COMMIT}"', 'resolved_reference = "v1"'), "commit"),
        ("poetry.lock", POETRY_2.replace('name = "inner"', 'nome = "inner"'), "damaged"),
        ("poetry.lock", with_file(POETRY_2), "no mix can have it"),
        ("pdm.lock", without_groups(PDM), "inherit_metadata"),
        ("pdm.lock", PDM.replace('requires_python = ">=3.7"', 'requires_python = ">=3.12"'), "is for Python >=3.12"),
        ("pdm.lock", PDM.replace('marker = "python_version', 'marker = "pythn'), "damaged"),
        ("Pipfile.lock", pipfile(a={"git": "https://h/a.git", "ref": "main"}), "commit"),
        ("Pipfile.lock", pipfile(a={}), "which version of a"),
        ("Pipfile.lock", pipfile(a=7), "damaged"),
        ("Pipfile.lock", '{"_meta": {', "no JSON"),
    ],
)
def test_lock_that_cannot_be_installed_exactly_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        packages(side_of(tmp_path, name, text))


@pytest.mark.parametrize("text", [POETRY_1, POETRY_2, PDM])
def test_no_damage_to_a_lock_raises_anything_else(tmp_path: Path, text: str) -> None:
    table = tomllib.loads(text)
    name = "pdm.lock" if text is PDM else "poetry.lock"
    for damaged in _damaged(table):
        side = side_of(tmp_path, name, text)
        side._table = damaged  # type: ignore[attr-defined]  # what a file with this content would give
        try:
            packages(side)
        except InvalidInput:
            continue


def _damaged(table: dict[str, Any]) -> list[dict[str, Any]]:
    """The table with one value of one package replaced by another type."""
    tables = []
    for number, package in enumerate(table["package"]):
        for key in package:
            values: tuple[object, ...] = (None, 7, [], {}, "x", ["y"])
            for value in values:
                entries = [dict(entry) for entry in table["package"]]
                entries[number][key] = value
                tables.append({**table, "package": entries})
    return tables
