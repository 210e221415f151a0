"""A package in a repository that builds itself: no build tool has to be fetched."""

from __future__ import annotations

import subprocess
from pathlib import Path

BACKEND = """
import base64, hashlib, os, zipfile
HERE = os.path.dirname(os.path.abspath(__file__))
def _wheel(folder, files):
    info = "own-1.0.dist-info"
    files = {**files, info + "/METADATA": "Metadata-Version: 2.1\\nName: own\\nVersion: 1.0\\n",
             info + "/WHEEL": "Wheel-Version: 1.0\\nGenerator: own\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}
    digest = lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    lines = [f"{name},sha256={digest(text)},{len(text)}" for name, text in files.items()]
    files[info + "/RECORD"] = "\\n".join([*lines, info + "/RECORD,,"]) + "\\n"
    with zipfile.ZipFile(os.path.join(folder, "own-1.0-py3-none-any.whl"), "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return "own-1.0-py3-none-any.whl"
def build_wheel(folder, config_settings=None, metadata_directory=None):
    %s
    return _wheel(folder, {"own.py": open(os.path.join(HERE, "own.py")).read()})
def build_editable(folder, config_settings=None, metadata_directory=None):
    return _wheel(folder, {"own.pth": HERE + "\\n"})
"""


def git(folder: Path, *arguments: str) -> str:
    argv = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(folder), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def a_project(folder: Path, *, build: str = "pass", code: str = "x = 1\n") -> Path:
    """A repository with a package that builds itself: no build tool has to be fetched."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "own"\nversion = "1.0"\n'
    )
    (folder / "backend.py").write_text(BACKEND % build)
    (folder / "own.py").write_text(code)
    (folder / ".gitignore").write_text("__pycache__\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder
