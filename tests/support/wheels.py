"""Wheels written by hand and virtual environments made for a test, all without the package index."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from support.paths import SOURCE


def wheel(
    folder: Path,
    name: str,
    version: str,
    files: Mapping[str, str] | None = None,
    *,
    requires: Sequence[str] = (),
    scripts: Mapping[str, str] | None = None,
    tag: str = "py3-none-any",
) -> Path:
    """A wheel with these files (default: one module called like it) and console scripts (name to module:function)."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    content = dict(files if files is not None else {f"{name.replace('-', '_').lower()}.py": "x = 1\n"})
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    content[f"{info}/METADATA"] = "\n".join(metadata) + "\n\nName: not this one\n"
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: {tag}\n"
    if scripts:
        lines = "\n".join(f"{script} = {target}" for script, target in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}\n"
    record = [f"{_quoted(path)},sha256={_digest(text)},{len(text.encode())}" for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in content.items():
            archive.writestr(file, text)
    return path


def _quoted(path: str) -> str:
    return f'"{path}"' if "," in path else path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Venv:
    """A virtual environment without pip, made by uv."""

    def __init__(self, path: Path, python: str = sys.executable) -> None:
        self.path = path
        uv("venv", "--quiet", "--python", python, str(path))
        self.python = str(path / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))

    @property
    def site(self) -> Path:
        if os.name == "nt":
            return self.path / "Lib" / "site-packages"
        return next((self.path / "lib").glob("python3*")) / "site-packages"

    def install(self, *what: str | Path) -> None:
        uv("pip", "install", "--quiet", "--offline", "--no-index", "--python", self.python, *map(str, what))

    def run(self, code: str, *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """The output of code, run by the environment's interpreter with the recorder's source on its path."""
        source = str(SOURCE)
        done = subprocess.run(
            [self.python, "-c", f"import sys; sys.path.append({source!r})\n{code}"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=cwd,
            env={**os.environ, **(env or {})},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def uv(*arguments: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [find_uv_bin(), "--no-config", "--no-cache", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=env,
    )
    assert done.returncode == 0, done.stderr
