"""A package index in a directory, with tiny wheels that tests build, so that they need no network."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

PYTHON = str(Path(sys.executable).resolve())
"""The interpreter under the one that runs the tests."""


def only_index(monkeypatch: pytest.MonkeyPatch, folder: Path, cache: Path) -> None:
    """Let uv use only this directory as its index, and a separate cache."""
    folder.mkdir(exist_ok=True)
    settings = folder.with_name(f"{folder.name}-uv.toml")
    settings.write_text(f"no-index = true\nfind-links = [{json.dumps(str(folder))}]\n")
    monkeypatch.setenv("UV_CONFIG_FILE", str(settings))
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    code: str = "",
    *,
    requires: Sequence[str] = (),
    requires_python: str = "",
    tag: str = "py3-none-any",
    scripts: Mapping[str, str] | None = None,
) -> Path:
    """A wheel of one module, ``name``, that says ``code``. scripts: console scripts, as in entry_points.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in requires]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    files = {
        f"{name}.py": f"version = {version!r}\n{code}\n",
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if scripts:
        output = "".join(f"{script} = {target}\n" for script, target in scripts.items())
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{output}"
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
    return path
