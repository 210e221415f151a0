from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.tiny_index import PYTHON

from contexta.bisect.inputs.sides.pylock import pins_of_pylock
from contexta.bisect.inputs.sides.requirements_files import read_pins
from contexta.bisect.inputs.sides.uv_lock import pins_of_uv_lock
from contexta.core.errors import InvalidInput
from contexta.reproduce.uv.commands import find_uv

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LINUX = {
    "sys_platform": "linux",
    "python_version": "3.11",
    "python_full_version": "3.11.7",
    "platform_machine": "x86_64",
}
OLDER = {**LINUX, "python_version": "3.9", "python_full_version": "3.9.18"}
REGISTRY = 'source = { registry = "https://example.org/simple" }'

# The lock that uv writes for a project of numpy, tomli below 3.11, uvicorn[standard], a group and an extra; files left
# out.
UV_LOCK = f"""
version = 1
revision = 3
requires-python = ">=3.9"
resolution-markers = ["python_full_version >= '3.10'", "python_full_version < '3.10'"]

[[package]]
name = "click"
version = "8.1.8"
{REGISTRY}
resolution-markers = ["python_full_version < '3.10'"]

[[package]]
name = "click"
version = "8.3.0"
{REGISTRY}
resolution-markers = ["python_full_version >= '3.10'"]

[[package]]
name = "cycler"
version = "0.12.1"
{REGISTRY}

[[package]]
name = "httptools"
version = "0.6.4"
{REGISTRY}

[[package]]
name = "iniconfig"
version = "2.1.0"
{REGISTRY}

[[package]]
name = "numpy"
version = "2.0.2"
{REGISTRY}
resolution-markers = ["python_full_version < '3.10'"]

[[package]]
name = "numpy"
version = "2.3.4"
{REGISTRY}
resolution-markers = ["python_full_version >= '3.10'"]

[[package]]
name = "Proj"
version = "0.1"
source = {{ editable = "." }}
dependencies = [
    {{ name = "numpy", version = "2.0.2", {REGISTRY}, marker = "python_full_version < '3.10'" }},
    {{ name = "numpy", version = "2.3.4", {REGISTRY}, marker = "python_full_version >= '3.10'" }},
    {{ name = "tomli", marker = "python_full_version < '3.11'" }},
    {{ name = "uvicorn", extra = ["standard"] }},
]

[package.optional-dependencies]
viz = [{{ name = "cycler" }}]

[package.dev-dependencies]
dev = [{{ name = "iniconfig" }}]
docs = [{{ name = "six" }}]

[[package]]
name = "six"
version = "1.17.0"
{REGISTRY}

[[package]]
name = "tomli"
version = "2.3.0"
{REGISTRY}

[[package]]
name = "uvicorn"
version = "0.38.0"
{REGISTRY}
dependencies = [
    {{ name = "click", version = "8.1.8", {REGISTRY}, marker = "python_full_version < '3.10'" }},
    {{ name = "click", version = "8.3.0", {REGISTRY}, marker = "python_full_version >= '3.10'" }},
]

[package.optional-dependencies]
standard = [{{ name = "httptools" }}]
"""

PYLOCK = """
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.9"
dependency-groups = ["dev"]
default-groups = ["dev"]

[[packages]]
name = "numpy"
version = "2.0.2"
marker = "python_full_version < '3.10'"
[[packages.wheels]]
url = "https://example.org/numpy-2.0.2-cp39-cp39-linux_x86_64.whl"
hashes = { sha256 = "00" }

[[packages]]
name = "numpy"
version = "2.3.4"
marker = "python_full_version >= '3.10'"
[[packages.wheels]]
url = "https://example.org/numpy-2.3.4-cp311-cp311-linux_x86_64.whl"
hashes = { sha256 = "00" }

[[packages]]
name = "iniconfig"
version = "2.1.0"
marker = "'dev' in dependency_groups"
[packages.sdist]
url = "https://example.org/iniconfig-2.1.0.tar.gz"
hashes = { sha256 = "00" }

[[packages]]
name = "cycler"
version = "0.12.1"
marker = "'viz' in extras"
[packages.sdist]
url = "https://example.org/cycler-0.12.1.tar.gz"
hashes = { sha256 = "00" }
"""
LOCAL = """
[[packages]]
name = "proj"
[packages.directory]
path = "."
editable = true
"""


def of_uv(text: str, markers: dict[str, str] = LINUX, groups: tuple[str, ...] | None = ("dev",)) -> dict[str, str]:
    return dict(pins_of_uv_lock(text, tomllib.loads(text), markers, "uv.lock", groups).packages)


def of_pylock(text: str, markers: dict[str, str] = LINUX) -> dict[str, str]:
    return dict(pins_of_pylock(tomllib.loads(text), markers, "pylock.toml").packages)


def test_pins_of_uv_lock_equal_those_of_a_sync() -> None:
    assert of_uv(UV_LOCK) == {
        "click": "8.3.0",
        "httptools": "0.6.4",
        "iniconfig": "2.1.0",
        "numpy": "2.3.4",
        "uvicorn": "0.38.0",
    }


def test_forks_of_uv_lock_are_taken_by_their_markers() -> None:
    result = of_uv(UV_LOCK, OLDER)
    assert (result["numpy"], result["click"], result["tomli"]) == ("2.0.2", "8.1.8", "2.3.0")


def test_groups_of_uv_lock_are_those_the_project_names() -> None:
    assert "six" in of_uv(UV_LOCK, groups=None)
    assert "iniconfig" not in of_uv(UV_LOCK, groups=())


def test_project_of_a_lock_file_is_left_out_with_a_note() -> None:
    assert pins_of_uv_lock(UV_LOCK, tomllib.loads(UV_LOCK), LINUX, "uv.lock", ()).notes == (
        'uv.lock: proj is in ".": it is source, and not installed in any mix',
    )


def test_members_of_a_workspace_without_a_project_are_all_installed() -> None:
    text = UV_LOCK.replace('editable = "."', 'editable = "packages/proj"') + '\n[manifest]\nmembers = ["Proj"]\n'
    assert of_uv(text)["numpy"] == "2.3.4"


def test_lock_file_of_a_script_has_the_pins_of_the_script() -> None:
    text = f"""
version = 1
requires-python = ">=3.9"
[manifest]
requirements = [{{ name = "numpy", specifier = ">=2" }}]
[[package]]
name = "numpy"
version = "2.3.4"
{REGISTRY}
"""
    assert of_uv(text) == {"numpy": "2.3.4"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("version = 1\n", "version = 9\n"), "uv.lock cannot be read: .*version"),
        (('">=3.9"', '">=3.12"'), "is for Python >=3.12, not 3.11.7"),
        (('version = "0.38.0"\n', ""), "uv.lock cannot be read: .*uvicorn"),
        (
            ('version = "0.6.4"\nsource = { registry', 'version = "0.6.4"\nsource = { git'),
            "uv.lock cannot be read: .*Git",
        ),
        (("marker = \"python_full_version < '3.11'\"", 'marker = "what"'), "uv.lock cannot be read: .*marker"),
        (('{ name = "httptools" }', '{ name = "clack" }'), "uv.lock cannot be read: .*clack"),
    ],
)
def test_unsupported_package_of_uv_lock_is_refused_by_name(change: tuple[str, str], message: str) -> None:
    assert change[0] in UV_LOCK
    with pytest.raises(InvalidInput, match=message):
        of_uv(UV_LOCK.replace(*change))


def test_pins_of_pylock_follow_its_markers_and_default_groups() -> None:
    assert of_pylock(PYLOCK) == {"iniconfig": "2.1.0", "numpy": "2.3.4"}
    assert of_pylock(PYLOCK, OLDER)["numpy"] == "2.0.2"


def test_directory_in_pylock_is_left_out_with_a_note() -> None:
    result = pins_of_pylock(tomllib.loads(PYLOCK + LOCAL), LINUX, "pylock.toml")
    assert "proj" not in result.packages
    assert "proj is in" in result.notes[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"1.0"', '"2.0"'), "is no valid pylock.toml"),
        (('name = "cycler"', 'name = "no name at all"'), "is no valid pylock.toml"),
        (('">=3.9"', '"<3.11"'), "is for Python <3.11, not 3.11.7"),
        (('version = "2.1.0"\n', ""), "does not say which version of iniconfig"),
        (
            ('default-groups = ["dev"]', 'default-groups = ["dev"]\nenvironments = ["sys_platform == \'win32\'"]'),
            "win32",
        ),
        (("marker = \"python_full_version < '3.10'\"", ""), "installs numpy twice, 2.0.2 and 2.3.4"),
    ],
)
def test_unsupported_package_of_pylock_is_refused_by_name(change: tuple[str, str], message: str) -> None:
    assert change[0] in PYLOCK
    with pytest.raises(InvalidInput, match=message):
        of_pylock(PYLOCK.replace(*change))


@pytest.mark.online
def test_both_lock_formats_of_uv_have_equal_pins(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        """
[project]
name = "proj"
version = "0.1"
requires-python = ">=3.9"
dependencies = ["numpy", "tomli; python_version < '3.11'", "uvicorn[standard]", "pywin32; sys_platform == 'win32'"]
[dependency-groups]
dev = ["iniconfig"]
docs = ["six"]
"""
    )
    uv = find_uv()

    def run(*arguments: str) -> None:
        subprocess.run([uv.path, *arguments], cwd=tmp_path, check=True, capture_output=True)

    run("lock")
    run("export", "--frozen", "--format", "pylock.toml", "-o", "pylock.toml")
    run("export", "--frozen", "-o", "requirements.txt")
    markers = uv.interpreter(PYTHON).markers
    text = (tmp_path / "uv.lock").read_text()
    from_lock = pins_of_uv_lock(text, tomllib.loads(text), markers, "uv.lock", ("dev",))
    from_pylock = pins_of_pylock(tomllib.loads((tmp_path / "pylock.toml").read_text()), markers, "pylock.toml")
    assert {"numpy", "uvicorn", "httptools", "iniconfig"} <= from_lock.packages.keys()
    assert from_lock.packages == from_pylock.packages == read_pins(tmp_path / "requirements.txt", markers).packages


COMMIT = "0123456789" * 4
DIGEST = "a" * 64


def test_commits_and_files_of_lock_files_are_pinned_by_address() -> None:
    packages = {
        "x": f'{{ git = "https://example.org/x.git?subdirectory=lib&rev=main#{COMMIT}" }}',
        "y": '{ url = "https://example.org/y-1.0-py3-none-any.whl" }',
    }
    text = 'version = 1\nrequires-python = ">=3.8"\n[manifest]\nrequirements = [{ name = "x" }, { name = "y" }]\n'
    text += "".join(
        f'[[package]]\nname = "{name}"\nversion = "1.0"\nsource = {source}\n' for name, source in packages.items()
    )
    text += f'wheels = [{{ url = "https://example.org/y-1.0-py3-none-any.whl", hash = "sha256:{DIGEST}" }}]\n'
    pylock = f"""
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "x"
[packages.vcs]
type = "git"
url = "https://example.org/x.git"
commit-id = "{COMMIT}"
subdirectory = "lib"
[[packages]]
name = "y"
[packages.archive]
url = "https://example.org/y-1.0-py3-none-any.whl"
hashes = {{ sha256 = "{DIGEST}" }}
"""
    answer = {
        "x": f"git+https://example.org/x.git@{COMMIT}#subdirectory=lib",
        "y": f"https://example.org/y-1.0-py3-none-any.whl#sha256={DIGEST}",
    }
    assert of_uv(text) == of_pylock(pylock) == answer
    other = pylock.replace('type = "git"', 'type = "hg"')
    with pytest.raises(InvalidInput, match="x comes from"):
        of_pylock(other)


def test_a_file_of_this_machine_in_a_lock_is_refused() -> None:
    with pytest.raises(InvalidInput, match='z comes from "a path"'):
        of_uv(
            'version = 1\nrequires-python = ">=3.8"\n[manifest]\nrequirements = [{ name = "z" }]\n'
            '[[package]]\nname = "z"\nversion = "1.0"\nsource = { path = "dist/z-1.0.tar.gz" }\n'
            f'sdist = {{ hash = "sha256:{DIGEST}" }}\n'
        )
