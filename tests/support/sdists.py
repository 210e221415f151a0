"""Source distributions of a few hundred bytes that build themselves, without any build requirement."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

BACKEND = """
import zipfile
NAME, VERSION = {name!r}, {version!r}

def build_wheel(folder, config_settings=None, metadata_directory=None):
{build}
    stem = f"{{NAME}}-{{VERSION}}"
    info = f"{{stem}}.dist-info"
    files = {{
        f"{{NAME}}.py": open(f"{{NAME}}.py").read(),
        f"{{info}}/METADATA": f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    files[f"{{info}}/RECORD"] = "".join(f"{{file}},,\\n" for file in [*files, f"{{info}}/RECORD"])
    with zipfile.ZipFile(f"{{folder}}/{{stem}}-py3-none-any.whl", "w") as wheel:
        for file, content in files.items():
            wheel.writestr(file, content)
    return f"{{stem}}-py3-none-any.whl"
"""


def make_sdist(
    folder: Path, name: str, version: str, code: str = "", *, build: str = "pass", requires: str = ""
) -> Path:
    """A source distribution of one module. build: a statement that is run when it is built. requires: a package that
    builds it, instead of its own code."""
    folder.mkdir(parents=True, exist_ok=True)
    top = f"{name}-{version}"
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{requires}"\n'
        if requires
        else '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND.format(name=name, version=version, build=f"    {build}"),
        f"{name}.py": f"version = {version!r}\n{code}\n",
    }
    path = folder / f"{top}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for file, content in files.items():
            entry = tarfile.TarInfo(f"{top}/{file}")
            entry.size = len(content.encode())
            archive.addfile(entry, io.BytesIO(content.encode()))
    return path
